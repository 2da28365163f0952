//! The lines of the live view.

use std::time::Duration;

use console::{measure_text_width, truncate_str};
use etlplus_api::{JobMonitoringData, JobStatus};
use etlplus_core::progress::grouped;

use super::status_text;
use crate::output::{printable, units};

/// Columns of the terminal that a pipeline's name may take.
const NAME_MAX_WIDTH: usize = 24;
/// How many of an id's last characters are shown; its first ones are the time, and the same for all jobs of a minute.
const SHORT_ID_LENGTH: usize = 8;
/// Columns of the terminal for a bar, or for what is done where no share is known.
const BAR_WIDTH: usize = 20;

/// A line for each job, at most `width` columns wide and without styles. Running jobs stand first. What goes beyond
/// `lines_max` is counted in the last line.
pub(crate) fn live_lines<'a>(
    jobs: impl Iterator<Item = &'a JobMonitoringData>,
    width: usize,
    lines_max: usize,
) -> Vec<String> {
    let mut jobs: Vec<&JobMonitoringData> = jobs.collect();
    jobs.sort_by_key(|job| (job.status != JobStatus::Running, job.submitted_at));
    if jobs.is_empty() {
        return vec!["no job is active; waiting for one (Ctrl-C ends)".to_owned()];
    }
    let room = if jobs.len() > lines_max { lines_max.saturating_sub(1) } else { jobs.len() };
    let (shown, hidden) = jobs.split_at(room);
    let names: Vec<String> = shown.iter().map(|job| cut(&job.pipeline, NAME_MAX_WIDTH)).collect();
    let name_width = names.iter().map(|name| measure_text_width(name)).max().unwrap_or(0);
    let status_width = shown.iter().map(|job| status_text(job).len()).max().unwrap_or(0);
    let line = |(job, name): (&&JobMonitoringData, &String)| {
        let line = format!(
            "{}  {}  {:<status_width$}  {}  {}",
            padded(name, name_width),
            short_id(&job.job_id),
            status_text(job),
            state(job),
            readings(job)
        );
        truncate_str(line.trim_end(), width, "...").into_owned()
    };
    let mut lines: Vec<String> = shown.iter().zip(&names).map(line).collect();
    if !hidden.is_empty() {
        lines.push(format!("and {}", units::count(hidden.len() as u64, "more job")));
    }
    lines
}

/// A bar with its share, or the step where no share is known.
fn state(job: &JobMonitoringData) -> String {
    let width = BAR_WIDTH + " 100.0 %".len();
    match job.progress_percent {
        Some(percent) => {
            let filled = ((percent / 100.0 * BAR_WIDTH as f64) as usize).min(BAR_WIDTH);
            let bar = format!("{}{}", "━".repeat(filled), "─".repeat(BAR_WIDTH - filled));
            padded(&format!("{bar} {:>7}", units::percent(percent)), width)
        }
        None => padded(&cut(&job.current_step, width), width),
    }
}

fn readings(job: &JobMonitoringData) -> String {
    let metrics = &job.metrics;
    if job.status == JobStatus::Pending {
        return String::new();
    }
    let parts = [
        Some(units::count(metrics.records_processed, "row")),
        (metrics.records_failed > 0).then(|| format!("{} rejected", grouped(metrics.records_failed))),
        metrics.processing_rate.map(units::rate),
        job.eta.map(|ms| format!("ETA {}", units::duration(Duration::from_millis(ms)))),
        metrics.memory_usage.map(units::bytes),
        metrics.cpu_usage.map(|cores| format!("{cores:.1} cores")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn short_id(id: &str) -> String {
    let length = id.chars().count();
    printable(&id.chars().skip(length.saturating_sub(SHORT_ID_LENGTH)).collect::<String>())
}

fn cut(text: &str, width: usize) -> String {
    truncate_str(&printable(text), width, "...").into_owned()
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(measure_text_width(text))))
}

#[cfg(test)]
mod tests {
    use super::super::examples::job;
    use super::*;

    #[test]
    fn running_jobs_stand_first_and_all_are_aligned() {
        let mut waiting = job();
        waiting.pipeline = "b".to_owned();
        waiting.status = JobStatus::Pending;
        waiting.progress_percent = None;
        waiting.current_step = "Waiting".to_owned();
        let jobs = [waiting, job()];
        let expected = [
            "orders  099a8057  RUNNING  ━━━━━━━━━━──────────  50.0 %  10,000 rows, 12 rejected, 4,000 rows/s, ETA 12.3 s, \
             100.0 MiB, 1.8 cores",
            "b       099a8057  PENDING  Waiting",
        ];
        assert_eq!(live_lines(jobs.iter(), 200, 10), expected);
    }

    #[test]
    fn no_line_is_longer_than_the_terminal_is_wide() {
        let mut hostile = job();
        hostile.pipeline = "世界\u{1b}[2J".repeat(20);
        hostile.job_id = "\n".to_owned();
        hostile.progress_percent = Some(1e9);
        let jobs = [job(), hostile];
        for width in [1, 20, 79, 80, 200] {
            let lines = live_lines(jobs.iter(), width, 10);
            assert!(lines.iter().all(|line| measure_text_width(line) <= width.max(3)), "{lines:?}");
            assert!(lines.iter().all(|line| !line.contains(['\n', '\u{1b}'])), "{lines:?}");
        }
    }

    #[test]
    fn jobs_beyond_the_terminal_are_counted() {
        let jobs = [job(), job(), job(), job()];
        assert_eq!(live_lines(jobs.iter(), 80, 4).len(), 4);
        let lines = live_lines(jobs.iter(), 80, 3);
        assert_eq!((lines.len(), lines[2].as_str()), (3, "and 2 more jobs"));
        assert!(live_lines([].iter(), 80, 3)[0].contains("no job"));
    }
}
