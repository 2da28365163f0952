//! Lists: of jobs, of pipelines, of rejected rows.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use etlplus_api::{JobMonitoringData, PipelineInfo, RejectsPage};
use etlplus_core::progress::grouped;

use super::grid::{Cell, cell, known, number, render, styled, text};
use super::{reasons, status_text, style_of, time};
use crate::output::units;

/// What stands for the field where the row as a whole is malformed.
const WHOLE_ROW: &str = "(row)";

/// A line for each job.
pub(crate) fn list(jobs: &[JobMonitoringData], width: Option<usize>) -> String {
    if jobs.is_empty() {
        return "no such jobs\n".to_owned();
    }
    let columns = [
        text("id"),
        text("pipeline"),
        text("status"),
        number("progress"),
        number("rows"),
        number("rejected"),
        number("rows/s"),
        number("duration"),
        text("submitted"),
    ];
    render(&columns, jobs.iter().map(job_cells).collect(), width)
}

fn job_cells(job: &JobMonitoringData) -> Vec<Cell> {
    let metrics = &job.metrics;
    vec![
        cell(&job.job_id),
        cell(&job.pipeline),
        styled(&status_text(job), style_of(job.status)),
        known(job.progress_percent.map(units::percent)),
        cell(&grouped(metrics.records_processed)),
        cell(&grouped(metrics.records_failed)),
        known(metrics.processing_rate.map(|rate| grouped(rate.round() as u64))),
        known(job.execution_time.map(|ms| units::duration(Duration::from_millis(ms)))),
        cell(&time(job.submitted_at)),
    ]
}

/// A line for each pipeline that a server keeps.
pub(crate) fn pipelines(pipelines: &[PipelineInfo], width: Option<usize>) -> String {
    if pipelines.is_empty() {
        return "the server keeps no pipelines yet: put one there with `etlplus pipeline put FILE`\n".to_owned();
    }
    let columns = [text("name"), number("version"), text("updated"), text("tags"), text("description")];
    let cells = |pipeline: &PipelineInfo| {
        vec![
            cell(&pipeline.name),
            cell(&pipeline.version.to_string()),
            cell(&time(pipeline.updated_at)),
            cell(&pipeline.tags.join(", ")),
            cell(pipeline.description.as_deref().unwrap_or_default()),
        ]
    };
    render(&columns, pipelines.iter().map(cells).collect(), width)
}

/// A line for each rule that each of the rows broke; without rows, how often each rule was broken.
pub(crate) fn rejected(page: &RejectsPage, width: Option<usize>) -> String {
    let mut shown = format!("{} rejected\n", units::count(page.records_failed, "row"));
    if page.rows.is_empty() {
        if !page.summary.is_empty() {
            let _ = write!(shown, "\n  By field and rule:\n{}", reasons(&page.summary));
        }
        return shown;
    }
    let files: BTreeSet<&str> = page.rows.iter().map(|row| row.file.as_str()).collect();
    let has_files = files.len() > 1;
    let mut columns = vec![number("line"), text("field"), text("rule"), text("value"), text("message")];
    if has_files {
        columns.insert(0, text("file"));
    }
    let mut rows = Vec::new();
    for row in &page.rows {
        for error in &row.errors {
            let place = row.line.map_or_else(|| format!("row {}", row.row), |line| line.to_string());
            let mut cells = vec![
                cell(&place),
                cell(error.field.as_deref().unwrap_or(WHOLE_ROW)),
                cell(&error.rule),
                known(error.value.as_ref().map(|value| format!("\"{value}\""))),
                cell(&error.message),
            ];
            if has_files {
                cells.insert(0, cell(&row.file));
            }
            rows.push(cells);
        }
    }
    let _ = write!(shown, "\n{}", render(&columns, rows, width));
    let listed = page.rows.len() as u64;
    if listed < page.records_failed {
        let _ = writeln!(shown, "and {}", units::count(page.records_failed - listed, "more row"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use etlplus_api::{BrokenRule, JobStatus, RejectSummary, RejectedRow};

    use super::super::examples::{at, job, plain};
    use super::*;

    #[test]
    fn jobs_are_listed_with_what_is_known_of_them() {
        let mut waiting = job();
        waiting.status = JobStatus::Pending;
        waiting.progress_percent = None;
        waiting.execution_time = None;
        waiting.metrics = Default::default();
        let expected = "\
id                                    pipeline  status   progress    rows  rejected  rows/s  duration  submitted
01890a5d-ac96-774b-bcce-b302099a8057  orders    RUNNING    50.0 %  10,000        12   4,000    2.50 s  2026-01-01T00:00:00Z
01890a5d-ac96-774b-bcce-b302099a8057  orders    PENDING         -       0         0       -         -  2026-01-01T00:00:00Z
";
        assert_eq!(plain(&list(&[job(), waiting], None)), expected);
        assert_eq!(list(&[], None), "no such jobs\n");
    }

    #[test]
    fn pipelines_are_listed() {
        let info = PipelineInfo {
            name: "orders".to_owned(),
            version: 12,
            updated_at: at(0),
            folder: "/data".to_owned(),
            description: Some("of the\nshop".to_owned()),
            tags: vec!["a".to_owned(), "b".to_owned()],
            definition: None,
        };
        let expected = "\
name    version  updated               tags  description
orders       12  2026-01-01T00:00:00Z  a, b  of the\\nshop
";
        assert_eq!(plain(&pipelines(&[info], None)), expected);
        assert!(pipelines(&[], None).contains("pipeline put"));
    }

    fn reject(file: &str, line: Option<u64>, errors: &[(Option<&str>, &str, Option<&str>)]) -> RejectedRow {
        let broken = |(field, rule, value): &(Option<&str>, &str, Option<&str>)| BrokenRule {
            field: field.map(str::to_owned),
            rule: (*rule).to_owned(),
            value: value.map(str::to_owned),
            message: format!("breaks {rule}"),
        };
        RejectedRow {
            file: file.to_owned(),
            line,
            row: 7,
            offset: None,
            errors: errors.iter().map(broken).collect(),
            raw: String::new(),
            raw_hex: None,
            raw_truncated: false,
        }
    }

    #[test]
    fn each_broken_rule_has_a_line() {
        let mut page = RejectsPage {
            job_id: "j".to_owned(),
            records_failed: 5,
            summary: vec![RejectSummary {
                field: Some("amount".to_owned()),
                rule: "type".to_owned(),
                rows: 5,
                samples: Vec::new(),
            }],
            rows: vec![
                reject(
                    "a.csv",
                    Some(1_200),
                    &[(Some("amount"), "type", Some("ten\u{1b}[1m")), (Some("id"), "required", None)],
                ),
                reject("a.csv", None, &[(None, "field_count", None)]),
            ],
            next_after: None,
        };
        let expected = "\
5 rows rejected

 line  field   rule         value           message
 1200  amount  type         \"ten\\u{1b}[1m\"  breaks type
 1200  id      required     -               breaks required
row 7  (row)   field_count  -               breaks field_count
and 3 more rows
";
        assert_eq!(plain(&rejected(&page, None)), expected);
        page.rows[1].file = "b.csv".to_owned();
        assert!(plain(&rejected(&page, None)).contains("\nb.csv  row 7  (row)"));
        page.rows.clear();
        assert!(plain(&rejected(&page, None)).ends_with("By field and rule:\n    5  amount type  \n"));
    }
}
