//! Numbers of bytes as people write them: `512MiB`, `4GB`.

const UNITS: [(&str, u64); 8] = [
    ("", 1),
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// `8MiB`, `8 MiB` or a number of bytes.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// As [`parse`] reads it, in the largest unit that gives a whole number.
pub(crate) fn show(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let exact = units.iter().find(|(_, shift)| bytes > 0 && bytes.trailing_zeros() >= *shift);
    exact.map_or_else(|| format!("{bytes}B"), |(unit, shift)| format!("{}{unit}", bytes >> shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_back() {
        for bytes in [0, 1, 1_023, 1 << 10, 1_500, 64 << 20, 4 << 30, u64::MAX] {
            assert_eq!(parse(&show(bytes)), Some(bytes));
        }
        assert_eq!(show(4 << 30), "4GiB");
        assert_eq!(show(1_500), "1500B");
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in ["", "MiB", "5mib", "-1", "1.5GiB", "18446744073709551615KiB"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("8 MiB"), Some(8 << 20));
    }
}
