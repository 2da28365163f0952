//! The only place that writes to the terminal: data on stdout, talk on stderr.
//!
//! Everything else makes texts, with ANSI styles in them. Styles are taken out here where the stream is no terminal or
//! `NO_COLOR` is set.

pub(crate) mod case_results;
pub(crate) mod jobs;
pub(crate) mod mistakes;
pub(crate) mod progress_bar;
pub(crate) mod rejects;
pub(crate) mod run_plan;
pub(crate) mod style;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod units;

use std::io::{ErrorKind, IsTerminal, Write};

use console::Term;
use etlplus_core::Failure;
use serde::Serialize;

use style::{ERROR, HELP};

/// Writes `text` to stdout.
///
/// # Errors
/// Where stdout cannot take it, as on a full disk. A reader that has gone (`| head`) has all it wanted: that is none.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    data_while_read(text).map(|_| ())
}

/// Writes `text` to stdout, and says whether somebody still reads there. What would go on forever ends where nobody does.
///
/// # Errors
/// As [`data`].
pub(crate) fn data_while_read(text: &str) -> Result<bool, Failure> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::transient(
            "stdout_failed",
            format!("cannot write to the standard output: {error}"),
            "look at where it leads",
        )),
    }
}

/// Writes `value` to stdout as one line of JSON.
///
/// # Errors
/// As [`data`].
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    json_while_read(value).map(|_| ())
}

/// Writes `value` to stdout as one line of JSON, and says whether somebody still reads there.
///
/// # Errors
/// As [`data`].
pub(crate) fn json_while_read(value: &impl Serialize) -> Result<bool, Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::bug(format!("an answer is no JSON: {error}")))?;
    data_while_read(&(text + "\n"))
}

/// Writes `text` and a line end to stderr. If nobody can read it, there is nobody left to tell.
pub(crate) fn talk(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Tells on stderr why a command gives up.
pub(crate) fn error(failure: &Failure) {
    talk(&failure_text(failure));
}

/// A failure with its code, by which it can be looked up, and its remedy, in two lines.
pub(crate) fn failure_text(failure: &Failure) -> String {
    let Failure { code, message, remedy, .. } = failure;
    format!("{ERROR}error[{code}]{ERROR:#}: {}\n  {HELP}= help:{HELP:#} {}", printable(message), printable(remedy))
}

/// The columns of the terminal behind stdout; `None` where stdout is a file or a pipe, which have no edge.
pub(crate) fn stdout_width() -> Option<usize> {
    // For a terminal that does not tell its size, console has the usual 80 columns.
    std::io::stdout().is_terminal().then(|| usize::from(Term::stdout().size().1))
}

/// Whether somebody watches both streams, so that what is drawn on one is seen beside what is written to the other.
pub(crate) fn is_terminal() -> bool {
    std::io::stdout().is_terminal() && stderr_is_terminal()
}

/// Whether somebody watches stderr.
pub(crate) fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// `text` on one line, with control characters escaped: what stands in a data file must not steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_direction_mark(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// Marks that reorder the text around them, so that a line reads as something else than it is.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_a_data_file_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\r\nc\u{202e}d"), "a\\u{1b}[31mb\\r\\nc\\u{202e}d");
        assert_eq!(printable("Grüße, 世界"), "Grüße, 世界");
    }
}
