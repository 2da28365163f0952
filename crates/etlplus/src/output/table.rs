//! Rows as an aligned table.

use anstyle::Style;
use console::{measure_text_width, truncate_str};
use etlplus_core::ports::StagePreview;

use super::printable;
use super::style::{FAINT, STRONG};
use super::units::count;

/// Columns of the terminal that one cell may take, so that a long text does not push all others out of sight.
const CELL_MAX_WIDTH: usize = 40;
/// What stands for "no value".
const NO_VALUE: &str = "NULL";
/// Between two columns.
const GAP: &str = "  ";

struct TableColumn {
    name: String,
    ty: String,
    cells: Vec<Option<String>>,
    width: usize,
    is_number: bool,
}

/// The stage's name, its columns with their types, and its rows; at most `width` columns of the terminal wide. Columns
/// of the table that do not fit are named below it.
pub(crate) fn render(stage: &StagePreview, width: Option<usize>) -> String {
    let rows = count(stage.rows.len() as u64, "row");
    let mut text = format!("{STRONG}{}{STRONG:#} {FAINT}({rows}){FAINT:#}\n", printable(&stage.stage));
    let columns: Vec<TableColumn> = (0..stage.columns.len()).map(|index| column(stage, index)).collect();
    let fitting = width.map_or(columns.len(), |width| fitting(&columns, width));
    let (shown, hidden) = columns.split_at(fitting);
    let mut line = |cells: Vec<String>| {
        text.push_str(cells.join(GAP).trim_end());
        text.push('\n');
    };
    line(shown.iter().map(|column| column.aligned(&column.name, STRONG)).collect());
    line(shown.iter().map(|column| column.aligned(&column.ty, FAINT)).collect());
    for row in 0..stage.rows.len() {
        line(shown.iter().map(|column| column.cell(row)).collect());
    }
    if !hidden.is_empty() {
        text.push_str(&hidden_note(hidden, width));
    }
    text
}

fn column(stage: &StagePreview, index: usize) -> TableColumn {
    let (name, ty) = &stage.columns[index];
    let (name, ty) = (cut(name), cut(ty));
    let cells: Vec<Option<String>> =
        stage.rows.iter().map(|row| row.get(index).and_then(Option::as_deref).map(cut)).collect();
    let cell_widths = cells.iter().map(|cell| measure_text_width(cell.as_deref().unwrap_or(NO_VALUE)));
    let width = cell_widths.chain([measure_text_width(&name), measure_text_width(&ty)]).max().unwrap_or(0);
    let is_number = ["int", "uint", "float", "decimal"].iter().any(|start| ty.to_lowercase().starts_with(start));
    TableColumn { name, ty, cells, width, is_number }
}

impl TableColumn {
    fn cell(&self, row: usize) -> String {
        match &self.cells[row] {
            Some(value) => self.aligned(value, Style::new()),
            None => self.aligned(NO_VALUE, FAINT),
        }
    }

    fn aligned(&self, text: &str, style: Style) -> String {
        let space = " ".repeat(self.width.saturating_sub(measure_text_width(text)));
        let text = format!("{style}{text}{style:#}");
        if self.is_number { space + &text } else { text + &space }
    }
}

/// How many of the first columns fit; the first always does.
fn fitting(columns: &[TableColumn], width: usize) -> usize {
    let mut used = 0;
    let fits = columns.iter().take_while(|column| {
        used += column.width + GAP.len();
        used <= width + GAP.len()
    });
    fits.count().max(1).min(columns.len())
}

fn hidden_note(hidden: &[TableColumn], width: Option<usize>) -> String {
    let names: Vec<&str> = hidden.iter().map(|column| column.name.as_str()).collect();
    let note = format!("and {}: {}", count(hidden.len() as u64, "more column"), names.join(", "));
    format!("{FAINT}{}{FAINT:#}\n", truncate_str(&note, width.unwrap_or(usize::MAX), "..."))
}

fn cut(text: &str) -> String {
    // Whatever is beyond is cut anyway, and need not be made printable first.
    let start: String = text.chars().take(CELL_MAX_WIDTH + 1).collect();
    truncate_str(&printable(&start), CELL_MAX_WIDTH, "...").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(columns: &[(&str, &str)], rows: &[&[Option<&str>]]) -> StagePreview {
        let owned = |row: &&[Option<&str>]| row.iter().map(|cell| cell.map(str::to_owned)).collect();
        StagePreview {
            stage: "input".to_owned(),
            columns: columns.iter().map(|(name, ty)| ((*name).to_owned(), (*ty).to_owned())).collect(),
            rows: rows.iter().map(owned).collect(),
            rejects: Vec::new(),
        }
    }

    fn plain(stage: &StagePreview, width: Option<usize>) -> String {
        anstream::adapter::strip_str(&render(stage, width)).to_string()
    }

    #[test]
    fn numbers_stand_right_and_texts_left() {
        let stage = stage(
            &[("id", "int64"), ("name", "string"), ("amount", "decimal(12,2)")],
            &[&[Some("1"), Some("Ann"), Some("10.00")], &[Some("22"), None, Some("1.50")]],
        );
        let expected = "input (2 rows)
   id  name           amount
int64  string  decimal(12,2)
    1  Ann             10.00
   22  NULL             1.50
";
        assert_eq!(plain(&stage, None), expected);
    }

    #[test]
    fn columns_beyond_the_terminal_are_named_below() {
        let stage = stage(&[("a", "string"), ("b", "string"), ("c", "string")], &[&[Some("1"), Some("2"), Some("3")]]);
        assert_eq!(plain(&stage, Some(15)), "input (1 row)\na       b\nstring  string\n1       2\nand 1 more c...\n");
        assert!(plain(&stage, Some(22)).contains("string  string  string\n"));
        assert!(plain(&stage, Some(1)).starts_with("input (1 row)\na\nstring\n1\n"));
    }

    #[test]
    fn a_long_or_hostile_cell_stays_in_its_place() {
        let long = "x".repeat(5_000_000);
        let shown = plain(&stage(&[("a", "string")], &[&[Some(&long)], &[Some("a\nb\u{1b}[2J世界")]]), None);
        assert!(shown.lines().all(|line| measure_text_width(line) <= CELL_MAX_WIDTH));
        assert!(shown.contains("a\\nb\\u{1b}[2J世界"));
    }

    #[test]
    fn a_stage_without_rows_or_columns_is_shown_as_such() {
        assert_eq!(plain(&stage(&[("a", "string")], &[]), Some(80)), "input (0 rows)\na\nstring\n");
        assert!(plain(&stage(&[], &[]), Some(80)).starts_with("input (0 rows)"));
    }
}
