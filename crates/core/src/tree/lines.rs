//! The lines of a file, to find where the text of a scalar stands.

use std::collections::HashMap;

use crate::mistake::Position;

/// A file's lines without their ends, split as YAML splits them: at LF, CR LF and CR.
pub(crate) struct Lines<'a> {
    lines: Vec<&'a str>,
    /// By the index of a long line, the byte of every [`STRIDE`]th character: a file that is one long line would take
    /// time in the square of its length else.
    marks: HashMap<usize, Vec<usize>>,
}

const STRIDE: usize = 256;

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let lines = text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'));
        let lines: Vec<&str> = lines.collect();
        let bytes = |line: &str| line.char_indices().step_by(STRIDE).map(|(byte, _)| byte).collect();
        let long = lines.iter().enumerate().filter(|(_, line)| line.len() > STRIDE);
        let marks = long.map(|(index, line)| (index, bytes(line))).collect();
        Self { lines, marks }
    }

    /// What stands at `position` up to the end of its line.
    pub(crate) fn rest(&self, position: Position) -> &'a str {
        let line = self.line(position.line);
        let before = position.column.saturating_sub(1);
        let marks = position.line.checked_sub(1).and_then(|index| self.marks.get(&index));
        let mark = marks.and_then(|marks| marks.get(before / STRIDE).copied());
        let (line, before) = mark.map_or((line, before), |mark| (&line[mark..], before % STRIDE));
        let start = line.char_indices().nth(before);
        start.map_or("", |(byte, _)| &line[byte..])
    }

    /// Where each line of `text` begins, the text of a literal block (`|`) whose first character that is no line end
    /// stands at `start`. YAML takes the lines of such a block as they are, only without their indentation.
    pub(crate) fn of_literal_block(&self, text: &str, start: Position) -> Vec<Position> {
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
        number.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_long_line_begins_at_its_column() {
        let long: String = "é€a".repeat(1_000);
        let text = format!("short\n{long}\r\nx");
        let lines = Lines::of(&text);
        for (index, (byte, _)) in long.char_indices().enumerate() {
            assert_eq!(lines.rest(Position { line: 2, column: index + 1 }), &long[byte..]);
        }
        for (line, column, rest) in [(1, 3, "ort"), (2, 3_001, ""), (2, 4_000, ""), (3, 1, "x"), (4, 1, ""), (0, 1, "")]
        {
            assert_eq!(lines.rest(Position { line, column }), rest, "{line}:{column}");
        }
    }
}
