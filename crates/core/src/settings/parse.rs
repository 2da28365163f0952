//! How the value of a key is read from the text that a person wrote.

use super::kind::{Kind, grouped, time_range};
use super::value::Value;
use super::{hosts, secret};
use crate::duration;
use crate::mistake::{Fault, nearest, quoted};
use crate::size;

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
