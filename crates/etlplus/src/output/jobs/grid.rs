//! Aligned columns under a heading.

use anstyle::Style;
use console::{measure_text_width, truncate_str};

use super::UNKNOWN;
use crate::output::printable;
use crate::output::style::{FAINT, STRONG};

/// Columns of the terminal that one cell may take, so that a long text does not push all others out of sight. The last
/// cell of a line pushes nothing.
const CELL_MAX_WIDTH: usize = 40;
/// Between two columns.
const GAP: &str = "  ";

/// A heading, and how what stands below is aligned.
pub(super) struct Column {
    name: &'static str,
    is_number: bool,
}

/// What stands in a line under a heading.
pub(super) struct Cell {
    text: String,
    style: Style,
    /// Whether it is shown as long as it is.
    is_whole: bool,
}

/// A column of texts.
pub(super) fn text(name: &'static str) -> Column {
    Column { name, is_number: false }
}

/// A column of numbers, which stand at the right.
pub(super) fn number(name: &'static str) -> Column {
    Column { name, is_number: true }
}

/// `text`, made printable.
pub(super) fn cell(text: &str) -> Cell {
    styled(text, Style::new())
}

/// `text`, made printable, in a style.
pub(super) fn styled(text: &str, style: Style) -> Cell {
    Cell { text: printable(text), style, is_whole: false }
}

/// `text`, made printable, which is never cut: a name that somebody has to type.
pub(super) fn whole(text: &str) -> Cell {
    Cell { is_whole: true, ..cell(text) }
}

/// `text`, or a sign that it is not known.
pub(super) fn known(text: Option<String>) -> Cell {
    match text {
        Some(text) => cell(&text),
        None => styled(UNKNOWN, FAINT),
    }
}

/// The heading and the rows. Lines are cut at `width` columns of the terminal; without an edge they are whole.
pub(super) fn render(columns: &[Column], mut rows: Vec<Vec<Cell>>, width: Option<usize>) -> String {
    for row in &mut rows {
        let last = row.len().saturating_sub(1);
        for cell in row[..last].iter_mut().filter(|cell| !cell.is_whole) {
            cell.text = truncate_str(&cell.text, CELL_MAX_WIDTH, "...").into_owned();
        }
    }
    let heading = columns.iter().map(|column| styled(column.name, STRONG)).collect();
    let lines: Vec<Vec<Cell>> = std::iter::once(heading).chain(rows).collect();
    let width_of = |index: usize| lines.iter().map(|line| measure_text_width(&line[index].text)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width_of).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(columns).zip(&widths);
        let cells: Vec<String> = cells.map(|((cell, column), width)| aligned(cell, column, *width)).collect();
        let line = cells.join(GAP);
        text.push_str(truncate_str(line.trim_end(), width.unwrap_or(usize::MAX), "...").trim_end());
        text.push('\n');
    }
    text
}

fn aligned(cell: &Cell, column: &Column, width: usize) -> String {
    let Cell { text, style, .. } = cell;
    let space = " ".repeat(width.saturating_sub(measure_text_width(text)));
    if column.is_number { format!("{space}{style}{text}{style:#}") } else { format!("{style}{text}{style:#}{space}") }
}

#[cfg(test)]
mod tests {
    use super::super::examples::plain;
    use super::*;

    fn grid(rows: Vec<Vec<Cell>>, width: Option<usize>) -> String {
        plain(&render(&[text("name"), number("rows"), text("note")], rows, width))
    }

    #[test]
    fn numbers_stand_right_and_texts_left() {
        let rows = vec![
            vec![cell("orders"), cell("1,000"), cell("")],
            vec![cell("a"), known(None), known(Some("x y".to_owned()))],
        ];
        assert_eq!(grid(rows, None), "name     rows  note\norders  1,000\na           -  x y\n");
    }

    #[test]
    fn lines_end_at_the_edge_of_the_terminal() {
        let row = || vec![cell("orders"), cell("1,000"), cell(&"long ".repeat(100))];
        assert_eq!(grid(vec![row()], Some(20)), "name     rows  note\norders  1,000  lo...\n");
        assert!(grid(vec![row()], None).ends_with(&("long ".repeat(99) + "long\n")));
    }

    #[test]
    fn a_hostile_cell_stays_in_its_place() {
        let shown = grid(vec![vec![cell(&"x".repeat(1_000)), cell("1"), cell("a\n\u{1b}[2J世界")]], None);
        assert_eq!(shown.lines().count(), 2);
        assert!(shown.contains(&format!("{}...", "x".repeat(37))) && shown.contains("a\\n\\u{1b}[2J世界"), "{shown}");
        let name = "x".repeat(1_000);
        assert!(grid(vec![vec![whole(&name), cell("1"), cell("")]], None).contains(&name));
    }
}
