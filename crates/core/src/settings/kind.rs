//! What values a key takes: how one is read from the text that a person wrote, and how it is shown.

use std::time::Duration;

use serde_json::json;

use super::value::Value;
use super::{hosts, secret};
use crate::duration;
use crate::mistake::{Fault, nearest, quoted};
use crate::size;

/// What values a key takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Count { least: u64, most: u64 },
    /// A share in percent, from 1 to 100.
    Percent,
    /// A number of bytes.
    Size { least: u64, most: u64 },
    /// A duration, which for some keys may be a number.
    Time { number: Option<NumberOf>, least: Duration, most: Duration },
    /// An IP address with a port.
    Address,
    /// A path in the file system.
    Path,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Log levels by part of the program.
    Levels,
    /// A host's name or address, without a port.
    Host,
    /// A host's name, an address, or a network.
    Network,
    /// Any text in one line.
    Text,
    /// A mail address.
    Mail,
    /// An HTTP address, or a reference to one.
    Url,
    /// A reference to a secret.
    Secret,
    /// Several.
    List { of: &'static Kind, most: usize },
}

/// What a number without a unit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberOf {
    Seconds,
    Milliseconds,
}

impl NumberOf {
    fn duration(self, number: u64) -> Duration {
        match self {
            Self::Seconds => Duration::from_secs(number),
            Self::Milliseconds => Duration::from_millis(number),
        }
    }

    /// `duration` as a number, if that is whole.
    fn number(self, duration: Duration) -> Option<u64> {
        let number = match self {
            Self::Seconds => duration.as_secs(),
            Self::Milliseconds => u64::try_from(duration.as_millis()).ok()?,
        };
        (self.duration(number) == duration).then_some(number)
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
        }
    }
}

impl Kind {
    /// The value that `text` means; `is_plain` says that it stood without quotes. Lists are read item by item.
    pub(super) fn parse(self, text: &str, is_plain: bool) -> Result<Value, Fault> {
        match self {
            Self::Flag => flag(text, is_plain),
            Self::Count { least, most } => {
                let range = format!("write a whole number from {} to {}", grouped(least), grouped(most));
                let count = digits(text).filter(|_| is_plain);
                let count = count.ok_or_else(|| Fault::new(not(text, "a whole number", is_plain), &range))?;
                within(count, least, most, text, &range).map(Value::Count)
            }
            Self::Percent => percent(text, is_plain),
            Self::Size { least, most } => {
                let range = format!("write a size from {} to {}, such as 64MiB", size::show(least), size::show(most));
                let bytes =
                    size::parse(text).ok_or_else(|| Fault::new(format!("{} is not a size", quoted(text)), &range))?;
                within(bytes, least, most, text, &range).map(Value::Count)
            }
            Self::Time { number, least, most } => {
                let range = format!("write a duration {}", time_range(number, least, most));
                let as_number =
                    number.filter(|_| is_plain).and_then(|of| digits(text).map(|number| of.duration(number)));
                let time = as_number.or_else(|| duration::parse(text));
                let time = time.ok_or_else(|| Fault::new(format!("{} is not a duration", quoted(text)), &range))?;
                within(time, least, most, text, &range).map(Value::Time)
            }
            Self::Address => text.parse().map(Value::Address).map_err(|_| {
                let message = format!("{} is not an address with a port", quoted(text));
                Fault::new(
                    message,
                    "write an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080",
                )
            }),
            Self::Path => path(text).map(Value::Text),
            Self::Word(words) => word(text, words),
            Self::Levels => levels(text),
            Self::Host => hosts::name(text).map(Value::Text),
            Self::Network => hosts::network(text).map(Value::Text),
            Self::Text => one_line(text).map(Value::Text),
            Self::Mail => hosts::mail(text).map(Value::Text),
            Self::Url => secret::url(text).map(Value::Url),
            Self::Secret => secret::reference(text).map(Value::Secret),
            Self::List { of, .. } => of.parse(text, is_plain),
        }
    }

    /// `value` as a file would say it; what is secret is masked.
    pub(super) fn show(self, value: &Value) -> serde_json::Value {
        match value {
            Value::Absent | Value::Channel(_) => serde_json::Value::Null,
            Value::Flag(is_on) => json!(is_on),
            Value::Count(bytes) if matches!(self, Self::Size { .. }) => json!(size::show(*bytes)),
            Value::Count(count) => json!(count),
            Value::Percent(share) => whole(*share).map_or_else(|| json!(share), |whole| json!(whole)),
            Value::Time(time) => {
                let number = if let Self::Time { number: Some(of), .. } = self { of.number(*time) } else { None };
                number.map_or_else(|| json!(duration::show(*time)), |number| json!(number))
            }
            Value::Address(address) => json!(address.to_string()),
            Value::Text(text) => json!(text),
            Value::List(items) => json!(items),
            Value::Url(url) => json!(url.masked()),
            Value::Secret(reference) => json!(reference.to_string()),
        }
    }

    /// Which values it takes, for the reference.
    pub(super) fn describe(self) -> String {
        match self {
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Count { least, most } => format!("{} to {}", grouped(least), grouped(most)),
            Self::Percent => "1 to 100 percent".to_owned(),
            Self::Size { least, most } => format!("a size, {} to {}", size::show(least), size::show(most)),
            Self::Time { number, least, most } => format!("a duration {}", time_range(number, least, most)),
            Self::Address => "IP address and port".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or "),
            Self::Levels => "`error`, `warn`, `info`, `debug`, `trace` or `off`, by part".to_owned(),
            Self::Host => "a host's name or address".to_owned(),
            Self::Network => "a host's name, an address or a network".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::Mail => "a mail address".to_owned(),
            Self::Url => "`http` or `https` address, or a reference".to_owned(),
            Self::Secret => "a reference".to_owned(),
            Self::List { of, most } => format!("a list of at most {most}: {}", of.describe()),
        }
    }

    /// What it takes as JSON Schema. It says what a schema can say; whatever is right, it accepts.
    pub(super) fn schema(self) -> serde_json::Value {
        match self {
            Self::Flag => json!({ "type": "boolean" }),
            Self::Count { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
            Self::Percent => json!({ "type": "number", "minimum": 1, "maximum": 100 }),
            Self::Size { .. } => json!({ "type": ["integer", "string"], "pattern": "^[0-9]+ ?([KMG]i?B|B)?$" }),
            Self::Time { number, .. } => {
                let types = if number.is_some() { json!(["integer", "string"]) } else { json!("string") };
                json!({ "type": types, "pattern": "^[0-9]+ ?(ms|s|m|h|d)$" })
            }
            Self::Word(words) => json!({ "enum": words }),
            Self::List { of, most } => json!({ "type": "array", "maxItems": most, "items": of.schema() }),
            _ => json!({ "type": "string", "minLength": 1 }),
        }
    }
}

/// `1,000,000` for 1000000.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

fn time_range(number: Option<NumberOf>, least: Duration, most: Duration) -> String {
    let range = format!("from {} to {}", duration::show(least), duration::show(most));
    match number {
        Some(of) => format!("{range}, or a number of {}", of.word()),
        None => range,
    }
}

/// What `text` is not; a number in quotes is a text.
fn not(text: &str, wanted: &str, is_plain: bool) -> String {
    let why = if !is_plain && digits(text).is_some() { " because of its quotes" } else { "" };
    format!("{} is not {wanted}{why}", quoted(text))
}

fn digits(text: &str) -> Option<u64> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits { text.parse().ok() } else { None }
}

fn within<T: PartialOrd>(value: T, least: T, most: T, text: &str, range: &str) -> Result<T, Fault> {
    if value < least {
        return Err(Fault::new(format!("{} is too little", quoted(text)), range));
    }
    if value > most {
        return Err(Fault::new(format!("{} is too much", quoted(text)), range));
    }
    Ok(value)
}

fn flag(text: &str, is_plain: bool) -> Result<Value, Fault> {
    match text {
        "true" if is_plain => Ok(Value::Flag(true)),
        "false" if is_plain => Ok(Value::Flag(false)),
        _ => {
            let quotes = if is_plain { "" } else { ", without quotes" };
            Err(Fault::new(format!("{} is not true or false", quoted(text)), format!("write true or false{quotes}")))
        }
    }
}

fn percent(text: &str, is_plain: bool) -> Result<Value, Fault> {
    const REMEDY: &str = "write a number of percent from 1 to 100, such as 90";
    let is_number = is_plain && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let share = if is_number { text.parse::<f64>().ok() } else { None };
    let share = share.ok_or_else(|| Fault::new(not(text, "a number of percent", is_plain), REMEDY))?;
    within(share, 1.0, 100.0, text, REMEDY).map(Value::Percent)
}

/// `share` as a whole number, if it is one.
fn whole(share: f64) -> Option<u64> {
    // Percents are from 1 to 100, which both types have exactly.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = share as u64;
    #[allow(clippy::cast_precision_loss)]
    let is_whole = whole as f64 == share;
    is_whole.then_some(whole)
}

fn word(text: &str, words: &[&'static str]) -> Result<Value, Fault> {
    if words.contains(&text) {
        return Ok(Value::Text(text.to_owned()));
    }
    let remedy = match nearest(text, words.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("write {}", words.join(" or ")),
    };
    Err(Fault::new(format!("{} is none of {}", quoted(text), words.join(", ")), remedy))
}

/// Bytes of a path: Linux takes no longer one.
const PATH_MAX_BYTES: usize = 4_096;
/// Characters of a text in one line.
const TEXT_MAX_CHARS: usize = 1_000;

fn path(text: &str) -> Result<String, Fault> {
    if text.is_empty() || text.contains(char::is_control) || text.len() > PATH_MAX_BYTES {
        return Err(Fault::new(
            format!("{} is not a path", quoted(text)),
            "write a path of at most 4,096 bytes in one line",
        ));
    }
    Ok(text.to_owned())
}

fn one_line(text: &str) -> Result<String, Fault> {
    if text.is_empty() || text.contains(char::is_control) || text.chars().count() > TEXT_MAX_CHARS {
        let message = format!("{} is not a text in one line", quoted(text));
        return Err(Fault::new(message, "write 1 to 1,000 characters without line ends"));
    }
    Ok(text.to_owned())
}

/// `info`, or `info,etlplus_jobs=debug`: what the log's filter takes, without its rarer forms.
fn levels(text: &str) -> Result<Value, Fault> {
    const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
    const MAX: usize = 100;
    let fault = |part: &str| {
        let remedy = match nearest(part, LEVELS) {
            Some(near) => format!("did you mean {near}?"),
            None => "write a level (error, warn, info, debug, trace, off), or pairs such as info,etlplus_jobs=debug"
                .to_owned(),
        };
        Fault::new(format!("{} is not a log level", quoted(part)), remedy)
    };
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if parts.len() > MAX {
        return Err(Fault::new(format!("has {} parts, more than the {MAX} allowed", parts.len()), "leave some out"));
    }
    for part in &parts {
        let (target, level) = part.split_once('=').map_or((None, *part), |(target, level)| (Some(target), level));
        let is_target = |target: &str| {
            !target.is_empty() && target.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-'))
        };
        if !LEVELS.contains(&level) {
            return Err(fault(level));
        }
        if target.is_some_and(|target| !is_target(target)) {
            return Err(fault(part));
        }
    }
    Ok(Value::Text(parts.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_in_groups() {
        for (number, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (65_535, "65,535"), (1_000_000, "1,000,000")]
        {
            assert_eq!(grouped(number), shown);
        }
    }
}
