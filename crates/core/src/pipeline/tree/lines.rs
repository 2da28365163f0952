//! The lines of a file, to find where the text of a scalar stands.

use crate::mistake::Position;

/// A file's lines without their ends, split as YAML splits them: at LF, CR LF and CR.
pub(super) struct Lines<'a>(Vec<&'a str>);

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let lines = text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'));
        Self(lines.collect())
    }

    /// What stands at `position` up to the end of its line.
    pub(super) fn rest(&self, position: Position) -> &'a str {
        let line = self.line(position.line);
        let start = line.char_indices().nth(position.column.saturating_sub(1));
        start.map_or("", |(byte, _)| &line[byte..])
    }

    /// Where each line of `text` begins, the text of a literal block (`|`) whose first character that is no line end
    /// stands at `start`. YAML takes the lines of such a block as they are, only without their indentation.
    pub(super) fn of_literal_block(&self, text: &str, start: Position) -> Vec<Position> {
        let empty_lines = text.bytes().take_while(|byte| *byte == b'\n').count();
        let first = start.line.saturating_sub(empty_lines).max(1);
        let place = |(index, text_line): (usize, &str)| {
            let line = first + index;
            let indent = self.line(line).strip_suffix(text_line).map_or(0, |indent| indent.chars().count());
            // A line without text has no indentation that would count.
            let column = if text_line.is_empty() { 1 } else { indent + 1 };
            Position { line, column }
        };
        let places: Vec<Position> = text.lines().enumerate().map(place).collect();
        if places.is_empty() { vec![start] } else { places }
    }

    fn line(&self, number: usize) -> &'a str {
        number.checked_sub(1).and_then(|index| self.0.get(index)).copied().unwrap_or("")
    }
}
