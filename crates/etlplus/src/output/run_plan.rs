//! What a run would do, for people.

use std::fmt::Write;

use etlplus_core::ports::{PlannedColumn, PlannedInterval, PlannedSource, PlannedTarget, RunPlan};

use super::style::{FAINT, STRONG, WARN};
use super::{printable, units};

/// The plan of a run of the pipeline `name`.
pub(crate) fn render(name: &str, plan: &RunPlan) -> String {
    let mut text = format!("{STRONG}{}{STRONG:#} {FAINT}(nothing is written){FAINT:#}\n", printable(name));
    let parameters: Vec<_> = plan.parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    line(&mut text, "parameters", &printable(&parameters.join(", ")));
    line(&mut text, "source", &source(&plan.source));
    if let Some(interval) = &plan.interval {
        line(&mut text, "interval", &printable(&interval_text(interval)));
    }
    if !plan.steps.is_empty() {
        line(&mut text, "steps", &printable(&plan.steps.join(", ")));
    }
    line(&mut text, "target", &target(&plan.target));
    line(&mut text, "rejects", &printable(&plan.rejects));
    line(&mut text, "memory", &units::bytes(plan.memory_bytes));
    text.push('\n');
    text.push_str(&columns(&plan.target));
    for misfit in &plan.target.misfits {
        let _ = writeln!(text, "{WARN}cannot load{WARN:#}: {}", printable(misfit));
    }
    text
}

fn line(text: &mut String, key: &str, value: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "  {key:<11}{value}");
}

fn source(source: &PlannedSource) -> String {
    let mut parts = vec![printable(&source.location)];
    parts.extend(source.password.as_ref().map(|reference| format!("password from {}", printable(reference))));
    parts.extend((source.files > 0).then(|| units::count(source.files, "file")));
    parts.extend(source.bytes.map(units::bytes));
    parts.extend(source.rows.map(|rows| units::count(rows, "row")));
    parts.join(", ")
}

fn interval_text(interval: &PlannedInterval) -> String {
    let after = interval.after.as_ref().map_or("from the first row".to_owned(), |after| format!("after {after}"));
    let up_to = interval.up_to.as_ref().map_or("to the last row".to_owned(), |up_to| format!("up to {up_to}"));
    format!("{}: {after}, {up_to}", interval.cursor)
}

fn target(target: &PlannedTarget) -> String {
    let state = if target.is_there { "it is there" } else { "it would be made" };
    let mut parts = vec![printable(&target.location), printable(&target.mode), state.to_owned()];
    parts.extend(target.password.as_ref().map(|reference| format!("password from {}", printable(reference))));
    parts.join(", ")
}

/// Every column with its type in the rows and in the target.
fn columns(target: &PlannedTarget) -> String {
    const NONE: &str = "-";
    let cells = |column: &PlannedColumn| {
        let shown = |ty: &Option<String>| ty.as_deref().map_or(NONE.to_owned(), printable);
        [printable(&column.name), shown(&column.row_type), shown(&column.target_type)]
    };
    let heading = ["column", "rows", "target"].map(str::to_owned);
    let rows: Vec<[String; 3]> = std::iter::once(heading).chain(target.columns.iter().map(cells)).collect();
    let width = |index: usize| rows.iter().map(|row| row[index].chars().count()).max().unwrap_or(0);
    let (name, of_rows) = (width(0), width(1));
    rows.iter().fold(String::new(), |mut text, [column, row_type, target_type]| {
        let _ = writeln!(text, "  {column:<name$}  {row_type:<of_rows$}  {target_type}");
        text
    })
}
