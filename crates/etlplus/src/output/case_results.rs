//! What became of the cases that test a pipeline.

use std::fmt::Write;

use etlplus_core::Failure;
use serde::Serialize;
use serde_json::{Value, json};

use super::style::{ERROR, GOOD, STRONG};
use super::units::count;
use super::{failure_text, printable};

/// The most lines of one difference that are shown to people.
const LINES_MAX: usize = 20;

/// A case and what became of it.
pub(crate) struct CaseResult<'a> {
    /// The case's name.
    pub(crate) name: &'a str,
    /// What became of it.
    pub(crate) verdict: Verdict,
}

/// What became of a case.
pub(crate) enum Verdict {
    /// All came out as expected.
    Passed,
    /// Something else came out.
    Differs(Differences),
    /// Nothing came out.
    Failed(Failure),
}

/// What came out otherwise than a case expects.
#[derive(Debug, Serialize)]
pub(crate) struct Differences {
    /// Of the rows.
    pub(crate) rows: Difference,
    /// Of the rejects.
    pub(crate) rejects: Difference,
}

/// What is missing, and what is there instead.
#[derive(Debug, Serialize)]
pub(crate) struct Difference {
    /// Expected, and not there.
    pub(crate) missing: Vec<String>,
    /// There, and not expected.
    pub(crate) unexpected: Vec<String>,
    /// The first place, from 1, where the order differs, with what was expected and what is there.
    pub(crate) misplaced: Option<(usize, String, String)>,
}

impl Verdict {
    /// Whether all came out as expected.
    pub(crate) fn is_pass(&self) -> bool {
        matches!(self, Self::Passed)
    }
}

impl Differences {
    /// Whether there are none.
    pub(crate) fn is_none(&self) -> bool {
        self.rows.is_none() && self.rejects.is_none()
    }
}

impl Difference {
    /// Whether there is none.
    pub(crate) fn is_none(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.misplaced.is_none()
    }

    fn render(&self, what: &str) -> String {
        if self.is_none() {
            return String::new();
        }
        let mut text = format!("  {what} (- expected, + got):\n");
        if let Some((place, expected, got)) = &self.misplaced {
            let _ = writeln!(text, "    the same in another order, first at {place}:");
            text.push_str(&lines('-', ERROR, std::slice::from_ref(expected)));
            text.push_str(&lines('+', GOOD, std::slice::from_ref(got)));
        }
        text.push_str(&lines('-', ERROR, &self.missing));
        text.push_str(&lines('+', GOOD, &self.unexpected));
        text
    }
}

fn lines(sign: char, style: anstyle::Style, items: &[String]) -> String {
    let mut text = String::new();
    for item in items.iter().take(LINES_MAX) {
        let _ = writeln!(text, "    {style}{sign} {}{style:#}", printable(item));
    }
    if items.len() > LINES_MAX {
        let _ = writeln!(text, "    {sign} and {} more", items.len() - LINES_MAX);
    }
    text
}

/// One case for people.
pub(crate) fn render(result: &CaseResult<'_>) -> String {
    let name = printable(result.name);
    match &result.verdict {
        Verdict::Passed => format!("{GOOD}pass{GOOD:#}  {name}\n"),
        Verdict::Differs(differences) => format!(
            "{ERROR}FAIL{ERROR:#}  {STRONG}{name}{STRONG:#}\n{}{}",
            differences.rows.render("rows"),
            differences.rejects.render("rejects")
        ),
        Verdict::Failed(failure) => {
            let why = failure_text(failure).replace('\n', "\n  ");
            format!("{ERROR}FAIL{ERROR:#}  {STRONG}{name}{STRONG:#}\n  {why}\n")
        }
    }
}

/// How many cases passed.
pub(crate) fn tally(results: &[CaseResult<'_>]) -> String {
    let (passed, failed) = counts(results);
    let style = if failed == 0 { GOOD } else { ERROR };
    format!("{}: {style}{passed} passed, {failed} failed{style:#}", count(results.len() as u64, "case"))
}

/// All cases for programs.
pub(crate) fn json(pipeline: &str, results: &[CaseResult<'_>]) -> Value {
    let (passed, failed) = counts(results);
    let cases: Vec<Value> = results.iter().map(case_json).collect();
    json!({ "pipeline": pipeline, "passed": passed, "failed": failed, "cases": cases })
}

fn case_json(result: &CaseResult<'_>) -> Value {
    let (failure, differences) = match &result.verdict {
        Verdict::Passed => (None, None),
        Verdict::Differs(differences) => (None, Some(differences)),
        Verdict::Failed(failure) => (Some(failure), None),
    };
    json!({
        "name": result.name,
        "passed": result.verdict.is_pass(),
        "failure": failure,
        "differences": differences,
    })
}

fn counts(results: &[CaseResult<'_>]) -> (usize, usize) {
    let passed = results.iter().filter(|result| result.verdict.is_pass()).count();
    (passed, results.len() - passed)
}
