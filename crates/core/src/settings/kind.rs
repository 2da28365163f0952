//! What values a key takes, and how one is shown.

use std::time::Duration;

use serde_json::json;

use super::value::Value;
use crate::duration;
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
    pub(super) fn duration(self, number: u64) -> Duration {
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
    /// `value` as a file would say it; what is secret is masked.
    pub(super) fn show(self, value: &Value) -> serde_json::Value {
        match value {
            Value::Absent | Value::Channel(_) | Value::Wrong => serde_json::Value::Null,
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

    /// Whether it takes texts of which some look like a number or a truth value.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Path | Self::Host | Self::Network | Self::Text)
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

pub(super) fn time_range(number: Option<NumberOf>, least: Duration, most: Duration) -> String {
    let range = format!("from {} to {}", duration::show(least), duration::show(most));
    match number {
        Some(of) => format!("{range}, or a number of {}", of.word()),
        None => range,
    }
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
