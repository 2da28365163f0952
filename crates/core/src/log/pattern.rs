//! What messages of log lines are searched for.

pub use regex::bytes::Regex;
use regex::bytes::RegexBuilder;

/// The longest text or expression that is searched for, in bytes.
pub const PATTERN_MAX_BYTES: usize = 1_000;
/// The most that a compiled expression takes, in bytes: counted repetitions of large classes, which are slow, take more.
const PROGRAM_MAX_BYTES: usize = 256 << 10;
/// The most that an expression remembers while it searches, in bytes.
const CACHE_MAX_BYTES: usize = 1 << 20;

/// What a message is searched for. Its clones are cheap.
#[derive(Debug, Clone)]
pub enum LogPattern {
    /// A text.
    Text(TextPattern),
    /// A regular expression.
    Regex(Regex),
}

/// A text that is searched for: exactly as it stands where it has a capital letter of ASCII, else in any case of ASCII's
/// letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPattern {
    needle: String,
}

/// What cannot be searched for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// Nothing, which every message holds.
    #[error("is empty")]
    Empty,
    /// Too long.
    #[error("has more than {PATTERN_MAX_BYTES} bytes")]
    TooLong,
    /// No regular expression, or one that takes too much memory.
    #[error("is no regular expression that is taken here: {0}")]
    Expression(String),
}

impl LogPattern {
    /// A text.
    ///
    /// # Errors
    /// It is empty or too long.
    pub fn text(text: &str) -> Result<Self, BadPattern> {
        checked_length(text)?;
        Ok(Self::Text(TextPattern { needle: text.to_owned() }))
    }

    /// A regular expression as the crate `regex` has them, which takes time in proportion to what is searched. It matches
    /// within one message; `^` and `$` are the message's ends.
    ///
    /// # Errors
    /// It is empty, too long, or none.
    pub fn regex(expression: &str) -> Result<Self, BadPattern> {
        checked_length(expression)?;
        let regex = RegexBuilder::new(expression)
            .size_limit(PROGRAM_MAX_BYTES)
            .dfa_size_limit(CACHE_MAX_BYTES)
            .build()
            .map_err(|error| BadPattern::Expression(one_line(&error.to_string())))?;
        Ok(Self::Regex(regex))
    }

    /// Whether `message` holds it.
    pub fn is_match(&self, message: &str) -> bool {
        match self {
            Self::Text(text) if text.ignores_case() => message.to_ascii_lowercase().contains(&text.needle),
            Self::Text(text) => message.contains(&text.needle),
            Self::Regex(regex) => regex.is_match(message.as_bytes()),
        }
    }
}

impl TextPattern {
    /// The text. Where its case does not matter, its ASCII letters are small.
    pub fn needle(&self) -> &str {
        &self.needle
    }

    /// Whether the case of ASCII letters does not matter.
    pub fn ignores_case(&self) -> bool {
        !self.needle.bytes().any(|byte| byte.is_ascii_uppercase())
    }
}

fn checked_length(text: &str) -> Result<(), BadPattern> {
    match text.len() {
        0 => Err(BadPattern::Empty),
        1..=PATTERN_MAX_BYTES => Ok(()),
        _ => Err(BadPattern::TooLong),
    }
}

/// What `regex` says of a mistake, whose lines show where it is, in one.
fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_any_case_unless_it_has_a_capital() {
        let text = |text| LogPattern::text(text).expect("a text");
        assert!(text("disk").is_match("The DISK is full") && text("disk").is_match("a disk"));
        assert!(text("Disk").is_match("Disk 3") && !text("Disk").is_match("disk 3"));
        assert!(text("a.c").is_match("A.C") && !text("a.c").is_match("abc"), "a text has no wildcards");
        // The case of other letters is theirs.
        assert!(text("über").is_match("Vorüber") && !text("über").is_match("Über"));
        assert_eq!(LogPattern::text("").err(), Some(BadPattern::Empty));
        assert_eq!(LogPattern::text(&"x".repeat(PATTERN_MAX_BYTES + 1)).err(), Some(BadPattern::TooLong));
    }

    #[test]
    fn an_expression_is_taken_as_it_stands_or_refused_with_its_reason() {
        let regex = |text| LogPattern::regex(text).expect("an expression");
        assert!(regex("^rows? \\d+$").is_match("row 17") && !regex("^rows? \\d+$").is_match("a row 17"));
        assert!(!regex("DISK").is_match("disk") && regex("(?i)DISK").is_match("disk"));
        for (bad, part) in [("(", "unclosed group"), ("\\w{900}{900}", "size limit"), ("(?=x)", "look-around")] {
            let reason = LogPattern::regex(bad).expect_err(bad).to_string();
            assert!(reason.contains(part) && !reason.contains('\n'), "{bad}: {reason}");
        }
    }
}
