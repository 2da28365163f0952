//! How what is watched is shown: drawn in place, told in lines, or handed on as JSON.

use chrono::{DateTime, Utc};
use console::Term;
use etlplus_api::{Frame, JobMonitoringData, SystemNotification};
use etlplus_core::Failure;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::live_jobs::LiveJobs;
use crate::cli::remote::RemoteFormat;
use crate::output::{self, jobs};

/// The most lines that are drawn; of more, nobody could read any.
const LINES_MAX: usize = 40;

/// How what is watched is shown. Each method that prints says whether somebody still reads.
pub(super) enum View {
    /// The frames as they came.
    Json,
    /// A line for each change of a status.
    Lines,
    /// A line for each active job, drawn in place, and a line above them for each job that has ended.
    Drawn(Drawing),
}

/// The lines at the bottom of the terminal.
pub(super) struct Drawing {
    lines: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl View {
    /// The view that suits the format and the terminal.
    pub(super) fn new(format: RemoteFormat) -> Self {
        match format {
            RemoteFormat::Json => Self::Json,
            RemoteFormat::Table if output::is_terminal() => {
                Self::Drawn(Drawing { lines: MultiProgress::new(), bars: Vec::new() })
            }
            RemoteFormat::Table => Self::Lines,
        }
    }

    /// A frame came.
    pub(super) fn frame(&self, frame: &Frame) -> Result<bool, Failure> {
        match self {
            Self::Json => output::json_while_read(frame),
            Self::Lines | Self::Drawn(_) => Ok(true),
        }
    }

    /// A job is new, or its status has changed, at `moved_at` where that is known.
    pub(super) fn moved(&self, job: &JobMonitoringData, moved_at: Option<DateTime<Utc>>) -> Result<bool, Failure> {
        match self {
            Self::Json => Ok(true),
            Self::Lines => output::data_while_read(&(jobs::transition(job, moved_at) + "\n")),
            Self::Drawn(drawing) => {
                if job.status.is_terminal() {
                    drawing.print(&jobs::transition(job, moved_at));
                }
                Ok(true)
            }
        }
    }

    /// Somebody should know of something.
    pub(super) fn notice(&self, frame: &Frame, notice: &SystemNotification) -> Result<bool, Failure> {
        match self {
            Self::Json => Ok(true),
            Self::Lines => output::data_while_read(&(jobs::notice(notice, frame.timestamp) + "\n")),
            Self::Drawn(drawing) => {
                drawing.print(&jobs::notice(notice, frame.timestamp));
                Ok(true)
            }
        }
    }

    /// Something beside the jobs happened.
    pub(super) fn say(&self, text: &str) {
        match self {
            Self::Json | Self::Lines => output::talk(text),
            Self::Drawn(drawing) => drawing.print(text),
        }
    }

    /// Time to draw the jobs as they are now.
    pub(super) fn draw(&mut self, jobs: &LiveJobs) {
        if let Self::Drawn(drawing) = self {
            let (rows, columns) = Term::stderr().size();
            // A line of the terminal stays free for the cursor.
            let lines_max = LINES_MAX.min(usize::from(rows).saturating_sub(2)).max(1);
            drawing.draw(jobs::live_lines(jobs.iter(), usize::from(columns), lines_max));
        }
    }

    /// Takes away what was drawn.
    pub(super) fn close(&mut self) {
        if let Self::Drawn(drawing) = self {
            drawing.draw(Vec::new());
            let _ = drawing.lines.clear();
        }
    }
}

impl Drawing {
    /// Prints above the lines.
    fn print(&self, text: &str) {
        self.lines.suspend(|| output::talk(text));
    }

    fn draw(&mut self, lines: Vec<String>) {
        while self.bars.len() > lines.len() {
            if let Some(bar) = self.bars.pop() {
                self.lines.remove(&bar);
            }
        }
        while self.bars.len() < lines.len() {
            let bar = self.lines.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            self.bars.push(bar);
        }
        for (bar, line) in self.bars.iter().zip(lines) {
            bar.set_message(line);
        }
    }
}
