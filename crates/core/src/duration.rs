//! Durations as people write them: `250ms`, `30s`, `25m`, `1h`, `7d`.

use std::time::Duration;

/// The units, the largest first, each with its milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// How a duration is written, for the remedy of a mistake.
pub const EXAMPLE: &str = "write a whole number with ms, s, m, h or d, such as 30s or 25m";

/// The duration that `text` means: a whole number and a unit, with at most one space between them. `None` for everything
/// else: `1.5h`, `1h30m`, `90`, `-1s`, and what does not fit 64 bits of milliseconds.
pub fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, milliseconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*milliseconds).map(Duration::from_millis)
}

/// `duration` as [`parse`] reads it, in the largest unit that says it exactly. What is below a millisecond is left out.
pub fn show(duration: Duration) -> String {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let exact = |(_, factor): &&(&str, u64)| milliseconds.is_multiple_of(*factor) && milliseconds > 0;
    let (name, factor) = UNITS.iter().find(exact).unwrap_or(&("s", 1_000));
    format!("{}{name}", milliseconds / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_meant() {
        for (text, milliseconds) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("25m", 1_500_000),
            ("1h", 3_600_000),
            ("7d", 604_800_000),
            ("30 s", 30_000),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for wrong in ["", "s", "90", "1.5h", "1h30m", "-1s", "+1s", "1 week", "1  s", "1S", "213503982335d", " 1s"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for text in ["250ms", "30s", "25m", "36h", "7d", "90s", "0s"] {
            assert_eq!(parse(text).map(show).as_deref(), Some(text));
        }
    }
}
