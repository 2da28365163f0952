//! Mistakes in a file, in the style of compilers: where, what, the line itself, the remedy.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use console::measure_text_width;
use etlplus_core::Mistake;

use super::printable;
use super::style::{ERROR, FAINT, HELP, STRONG};
use super::units::count;

/// The most characters of a line that are shown; of a longer one, those round the mistake.
const LINE_MAX_CHARS: usize = 120;
/// How many characters stay visible before the mistake in a line that is cut.
const CONTEXT_CHARS: usize = 60;

/// All `mistakes` of the file at `path`, whose text is `text`, one block each.
pub(crate) fn render(path: &Path, text: &str, mistakes: &[Mistake]) -> String {
    render_without(path, text, mistakes, &BTreeSet::new())
}

/// As [`render`], but the lines whose numbers are `hidden` are not shown.
pub(crate) fn render_without(path: &Path, text: &str, mistakes: &[Mistake], hidden: &BTreeSet<usize>) -> String {
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    mistakes.iter().map(|mistake| block(path, &lines, hidden, mistake)).collect::<Vec<_>>().join("\n")
}

/// `orders.yaml: 2 mistakes`.
pub(crate) fn tally(path: &Path, mistakes: &[Mistake]) -> String {
    format!("{}: {ERROR}{}{ERROR:#}", printable(&path.display().to_string()), count(mistakes.len() as u64, "mistake"))
}

fn block(path: &Path, lines: &[&str], hidden: &BTreeSet<usize>, mistake: &Mistake) -> String {
    let Mistake { position, key, message, remedy } = mistake;
    let place = format!("{}:{}:{}", path.display(), position.line, position.column);
    let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
    let mut block =
        format!("{STRONG}{}:{STRONG:#} {}{ERROR}{}{ERROR:#}\n", printable(&place), printable(&key), printable(message));
    let number = position.line.to_string();
    let margin = " ".repeat(number.len());
    let line = position.line.checked_sub(1).and_then(|index| lines.get(index));
    if let Some(line) = line.filter(|_| !hidden.contains(&position.line)) {
        let (shown, indent) = excerpt(line, position.column.saturating_sub(1));
        let _ = write!(
            block,
            "{margin} {FAINT}|{FAINT:#}\n{FAINT}{number} |{FAINT:#} {shown}\n{margin} {FAINT}|{FAINT:#} {}{ERROR}^{ERROR:#}\n",
            " ".repeat(indent)
        );
    }
    let _ = writeln!(block, "{margin} {HELP}= help:{HELP:#} {}", printable(remedy));
    block
}

/// The part of `line` round the character at `offset`, and how many columns of the terminal stand before it.
fn excerpt(line: &str, offset: usize) -> (String, usize) {
    let length = line.chars().count();
    let offset = offset.min(length);
    let is_long = length > LINE_MAX_CHARS;
    let start = if is_long { offset.saturating_sub(CONTEXT_CHARS) } else { 0 };
    // A tab has no fixed width, so one space stands for it, or the caret would miss its place.
    let show = |part: String| printable(&part.replace('\t', " "));
    let ellipsis = |cut: bool| if cut { "..." } else { "" };
    let before = show(line.chars().skip(start).take(offset - start).collect());
    let after = show(line.chars().skip(offset).take((start + LINE_MAX_CHARS).saturating_sub(offset)).collect());
    let is_cut = length > start + LINE_MAX_CHARS;
    let before = format!("{}{before}", ellipsis(start > 0));
    let indent = measure_text_width(&before);
    (format!("{before}{after}{}", ellipsis(is_cut)), indent)
}

#[cfg(test)]
mod tests {
    use etlplus_core::Position;

    use super::*;

    fn plain(line: usize, column: usize, text: &str) -> String {
        let mistake = Mistake {
            position: Position { line, column },
            key: "transforms[0].sql".to_owned(),
            message: "unknown column \"amout\"".to_owned(),
            remedy: "use amount".to_owned(),
        };
        anstream::adapter::strip_str(&render(Path::new("orders.yaml"), text, &[mistake])).to_string()
    }

    #[test]
    fn the_caret_stands_under_the_mistake() {
        let expected = "\
orders.yaml:2:8: transforms[0].sql: unknown column \"amout\"
  |
2 | SELECT amout
  |        ^
  = help: use amount
";
        assert_eq!(plain(2, 8, "x\nSELECT amout\n"), expected);
    }

    #[test]
    fn wide_characters_and_tabs_do_not_move_the_caret() {
        let shown = plain(1, 5, "\t世界 x");
        assert!(shown.contains("1 |  世界 x\n  |       ^\n"), "{shown}");
    }

    #[test]
    fn a_long_line_is_cut_round_the_mistake() {
        let shown = plain(1, 5_001, &format!("{}HERE{}", "a".repeat(5_000), "b".repeat(5_000)));
        let line = shown.lines().nth(2).expect("the third line shows the file's line");
        assert!(line.contains(&format!("...{}HERE", "a".repeat(CONTEXT_CHARS))) && line.ends_with("b..."), "{line}");
        assert_eq!(shown.lines().nth(3).map(|line| line.find('^')), Some(line.find('H')));
    }

    #[test]
    fn a_hidden_line_is_not_shown() {
        let mistake = |line| Mistake {
            position: Position { line, column: 1 },
            key: "password".to_owned(),
            message: "is no reference".to_owned(),
            remedy: "write ${NAME}".to_owned(),
        };
        let mistakes = [mistake(1), mistake(2)];
        let shown = render_without(Path::new("e.yaml"), "password: geheim\nto: x\n", &mistakes, &BTreeSet::from([1]));
        let shown = anstream::adapter::strip_str(&shown).to_string();
        assert!(!shown.contains("geheim") && shown.contains("2 | to: x"), "{shown}");
        assert!(shown.starts_with("e.yaml:1:1: password: is no reference\n  = help: write ${NAME}\n"), "{shown}");
    }

    #[test]
    fn a_place_beyond_the_file_shows_no_line() {
        assert!(!plain(9, 1, "one line").contains('|'));
        assert!(plain(1, 9, "end").contains("1 | end\n  |    ^\n"));
    }
}
