//! Numbers as people read them.

use std::time::Duration;

use etlplus_core::progress::grouped;

/// `1.5 GiB`, `12.0 KiB`, `17 B`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    // From 1,023.95 on, one decimal would show 1024.0 of the smaller unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `0.34 s`, `12.3 s`, `3 min 05 s`, `2 h 10 min`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.2} s", time.as_secs_f64()),
        10..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// `12,345 rows/s`.
pub(crate) fn rate(rows_per_second: f64) -> String {
    format!("{} rows/s", grouped(rows_per_second.round() as u64))
}

/// `1 mistake`, `2 mistakes`, `1,000 rows`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `12.3 %`; shares that are neither none nor all never show as such.
pub(crate) fn percent(share: f64) -> String {
    match share {
        _ if share > 0.0 && share < 0.05 => "< 0.1 %".to_owned(),
        _ if (99.95..100.0).contains(&share) => "> 99.9 %".to_owned(),
        _ => format!("{share:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_change_units_at_their_edges() {
        let shown = [0, 1023, 1024, 1536, (1 << 20) - 1, 1 << 20, 5 << 30, u64::MAX].map(bytes);
        assert_eq!(
            shown,
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1.0 MiB", "5.0 GiB", "16384.0 PiB"].map(str::to_owned)
        );
    }

    #[test]
    fn durations_keep_three_digits_or_two_units() {
        let shown = [340, 12_340, 185_000, 7_815_000].map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(shown, ["0.34 s", "12.3 s", "3 min 05 s", "2 h 10 min"].map(str::to_owned));
    }

    #[test]
    fn a_share_never_claims_none_or_all_where_it_is_not() {
        let shown = [0.0, 0.001, 12.34, 99.99, 100.0].map(percent);
        assert_eq!(shown, ["0.0 %", "< 0.1 %", "12.3 %", "> 99.9 %", "100.0 %"].map(str::to_owned));
    }
}
