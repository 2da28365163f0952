//! From bytes to lines and columns.

use crate::mistake::Position;

/// Finds places of a text. A lookup costs the same everywhere, be the text one long line.
pub(super) struct Places<'a> {
    text: &'a str,
    /// The place of the first character at or after each multiple of [`STRIDE`], with its byte.
    marks: Vec<(usize, Position)>,
}

const STRIDE: usize = 256;

impl<'a> Places<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut marks = vec![(0, Position::START)];
        let mut position = Position::START;
        for (byte, c) in text.char_indices() {
            if byte >= marks.len() * STRIDE {
                marks.push((byte, position));
            }
            advance(&mut position, c);
        }
        Self { text, marks }
    }

    /// The place of the character that the byte at `offset` belongs to, or of the end.
    pub(super) fn at(&self, offset: usize) -> Position {
        let after = self.marks.partition_point(|(byte, _)| *byte <= offset);
        let (start, mut position) = self.marks[after.saturating_sub(1)];
        for (byte, c) in self.text[start..].char_indices() {
            if start + byte + c.len_utf8() > offset {
                break;
            }
            advance(&mut position, c);
        }
        position
    }

    /// The place of `part`, which is a piece of the text.
    pub(super) fn of_part(&self, part: &str) -> Position {
        self.at((part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize))
    }
}

fn advance(position: &mut Position, c: char) {
    match c {
        '\n' => *position = Position { line: position.line + 1, column: 1 },
        _ => position.column += 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_whatever_stands_before_it() {
        let text = "é€𝄞a\n\n".repeat(100) + &"€".repeat(1_000);
        let places = Places::of(&text);
        let mut expected = Position::START;
        for (byte, c) in text.char_indices() {
            for inside in byte..byte + c.len_utf8() {
                assert_eq!(places.at(inside), expected, "byte {inside}");
            }
            advance(&mut expected, c);
        }
        assert_eq!(places.at(text.len()), expected);
        assert_eq!(places.at(usize::MAX), expected);
        assert_eq!(places.of_part(&text[text.len() - 3..]).column, 1_000);
    }
}
