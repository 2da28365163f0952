//! When a pipeline's jobs are made by themselves: a cron line, read in a time zone.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use crate::mistake::{Fault, nearest, quoted};

/// Characters of a cron line: a list of every minute has fewer.
const CRON_MAX_CHARS: usize = 300;

/// Every combination of a day, a month and a day of the week comes about within these years: the calendar repeats after
/// 28. A line that does not fire in them never does.
const YEARS: &str = "2000-2040";

/// A pipeline's schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    cron: Cron,
    line: String,
    timezone: Tz,
    /// What becomes of times at which no server ran.
    pub catch_up: CatchUp,
    /// What becomes of a time at which an earlier job of the pipeline has not ended.
    pub overlap: Overlap,
}

/// What becomes of times at which no server ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CatchUp {
    /// They are passed over.
    None,
    /// The last of them gets its job, late.
    #[default]
    Latest,
    /// Each gets its job, late, in order.
    All,
}

impl CatchUp {
    /// The word in a pipeline file and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Latest => "latest",
            Self::All => "all",
        }
    }
}

/// What becomes of a time at which an earlier job of the pipeline has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Overlap {
    /// Its job is made all the same.
    Queue,
    /// It is passed over.
    #[default]
    Skip,
}

impl Overlap {
    /// The word in a pipeline file and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Skip => "skip",
        }
    }
}

impl Schedule {
    /// The schedule of a cron line in a time zone, with the policies of [`CatchUp::default`] and [`Overlap::default`].
    pub(crate) fn new(line: &str, timezone: Tz) -> Result<Self, Fault> {
        let cron = parse_line(line)?;
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Self { cron, line, timezone, catch_up: CatchUp::default(), overlap: Overlap::default() })
    }

    /// The cron line: minute, hour, day of the month, month, day of the week.
    pub fn cron(&self) -> &str {
        &self.line
    }

    /// The name of the time zone in which the line is read.
    pub fn timezone(&self) -> &'static str {
        self.timezone.name()
    }

    /// The first time after `after`; `None` only beyond the years that the calendar knows.
    ///
    /// A line with fixed hours and minutes fires once on each of its days: in a night that leaves its hour out, at the
    /// first moment after the gap; in a night that has its hour twice, in the first of the two. A line with `*` or steps
    /// in its hours or minutes follows the clock on the wall: it fires in no hour that is left out, and in both of two.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.cron.find_next_occurrence(&after.with_timezone(&self.timezone), false);
        // One that does not go forward would be followed for ever.
        next.ok().map(|next| next.with_timezone(&Utc)).filter(|next| *next > after)
    }

    /// The last time after `after` and not after `until`, if there is one. It looks at few times, however many lie between.
    pub fn last_until(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut window = TimeDelta::hours(1);
        loop {
            let start = until.checked_sub_signed(window).map_or(after, |start| start.max(after));
            let mut last = None;
            while let Some(next) = self.next_after(last.unwrap_or(start)).filter(|next| *next <= until) {
                last = Some(next);
            }
            if last.is_some() || start == after {
                return last;
            }
            window = window.checked_mul(2)?;
        }
    }
}

/// The time zone of that name in the IANA database.
pub(crate) fn parse_timezone(name: &str) -> Result<Tz, Fault> {
    name.parse().map_err(|_| {
        let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        // People name a zone by its city.
        let city = |zone: &str| zone.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(name));
        let near = names().find(|zone| city(zone)).or_else(|| nearest(name, names()));
        let remedy = match near {
            Some(near) => format!("did you mean {near}?"),
            None => "write a name of the IANA database, such as Europe/Berlin, or UTC".to_owned(),
        };
        Fault::new(format!("unknown time zone {}", quoted(name)), remedy)
    })
}

fn parse_line(line: &str) -> Result<Cron, Fault> {
    const EXAMPLE: &str = "write minute, hour, day of the month, month and day of the week, such as 0 6 * * MON-FRI";
    let fields = line.split_whitespace().count();
    if line.chars().count() > CRON_MAX_CHARS || line.contains('@') || fields != 5 {
        let what =
            if line.contains('@') { "is no cron line".to_owned() } else { format!("has {fields} fields, not 5") };
        return Err(Fault::new(format!("{} {what}", quoted(line)), EXAMPLE));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(line).map_err(|error| {
        let message = format!("{} is no cron line: {}", quoted(line), error.to_string().trim_end_matches('.'));
        Fault::new(message, EXAMPLE)
    })?;
    match fires(line) {
        true => Ok(cron),
        false => {
            let remedy = "name a day that its months have: there is no 30 February, no 31 April";
            Err(Fault::new(format!("{} never fires", quoted(line)), remedy))
        }
    }
}

/// Whether the line fires at all. The search for a time that never comes would go on for thousands of years.
fn fires(line: &str) -> bool {
    let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Required).build();
    let bounded = parser.parse(&format!("0 {line} {YEARS}"));
    let start = DateTime::<Utc>::from_timestamp(946_684_799, 0).unwrap_or_default();
    bounded.is_ok_and(|cron| cron.find_next_occurrence(&start, false).is_ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schedule(line: &str, zone: &str) -> Schedule {
        Schedule::new(line, parse_timezone(zone).unwrap()).unwrap()
    }

    /// The times after `start` and before `end`, in UTC.
    fn times(schedule: &Schedule, start: &str, end: &str) -> Vec<String> {
        let end: DateTime<Utc> = end.parse().unwrap();
        let mut at = start.parse().unwrap();
        let mut found = Vec::new();
        while let Some(next) = schedule.next_after(at).filter(|next| *next < end) {
            found.push(next.format("%m-%dT%H:%M").to_string());
            at = next;
        }
        found
    }

    #[test]
    fn in_the_night_that_leaves_an_hour_out_a_fixed_time_comes_once_and_late() {
        // On 29 March 2026 Berlin goes from 02:00 (+01:00) to 03:00 (+02:00), which is 01:00 UTC.
        let night = |line| times(&schedule(line, "Europe/Berlin"), "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
        assert_eq!(night("30 2 * * *"), ["03-29T01:00", "03-30T00:30"]);
        assert_eq!(night("30 3 * * *"), ["03-29T01:30", "03-30T01:30"]);
        assert_eq!(night("30 1 * * *"), ["03-29T00:30", "03-29T23:30"]);
        let hours = times(&schedule("0 * * * *", "Europe/Berlin"), "2026-03-28T23:30:00Z", "2026-03-29T03:30:00Z");
        assert_eq!(hours, ["03-29T00:00", "03-29T01:00", "03-29T02:00", "03-29T03:00"], "each hour that there is");
    }

    #[test]
    fn in_the_night_that_has_an_hour_twice_a_fixed_time_comes_once_and_a_step_in_both() {
        // On 25 October 2026 Berlin goes from 03:00 (+02:00) back to 02:00 (+01:00), which is 01:00 UTC.
        let night = |line| times(&schedule(line, "Europe/Berlin"), "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
        assert_eq!(night("30 2 * * *"), ["10-25T00:30", "10-26T01:30"]);
        assert_eq!(night("0 3 * * *"), ["10-25T02:00", "10-26T02:00"]);
        let halves = times(&schedule("*/30 * * * *", "Europe/Berlin"), "2026-10-24T23:45:00Z", "2026-10-25T02:15:00Z");
        assert_eq!(halves, ["10-25T00:00", "10-25T00:30", "10-25T01:00", "10-25T01:30", "10-25T02:00"]);
    }

    #[test]
    fn days_of_the_month_and_of_the_week_are_either_or_as_cron_has_them() {
        let found = times(&schedule("0 6 1 * MON", "UTC"), "2026-01-01T12:00:00Z", "2026-02-03T00:00:00Z");
        assert_eq!(found, ["01-05T06:00", "01-12T06:00", "01-19T06:00", "01-26T06:00", "02-01T06:00", "02-02T06:00"]);
    }

    #[test]
    fn a_line_that_never_fires_is_told_from_one_that_fires_seldom() {
        for never in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 31 2 *"] {
            let fault = parse_line(never).unwrap_err();
            assert!(fault.message.ends_with("never fires"), "{}", fault.message);
        }
        for seldom in ["0 0 29 2 *", "0 0 29 2 +MON", "0 0 * 2 MON#5", "59 23 31 12 *"] {
            let next = schedule(seldom, "UTC").next_after("2096-03-01T00:00:00Z".parse().unwrap());
            assert!(next.is_some(), "{seldom}");
        }
    }

    #[test]
    fn a_zone_is_found_by_its_city_and_by_what_was_likely_meant() {
        for (wrong, meant) in [("Berlin", "Europe/Berlin"), ("Europe/Berln", "Europe/Berlin"), ("utc", "UTC")] {
            let fault = parse_timezone(wrong).unwrap_err();
            assert!(fault.remedy.contains(meant), "{wrong}: {}", fault.remedy);
        }
        assert!(parse_timezone("zzz").unwrap_err().remedy.contains("IANA"));
    }

    proptest! {
        #[test]
        fn the_last_time_is_the_one_that_walking_finds(hours in 0_i64..5_000, line in 0_usize..5, from in 0_i64..9_000) {
            let line = ["0 * * * *", "30 2 * * *", "*/7 3 * * SUN", "0 0 1 * *", "15 2 * 10 *"][line];
            let schedule = schedule(line, "Europe/Berlin");
            let after = DateTime::<Utc>::from_timestamp(1_767_225_600 + from * 3_600, 0).unwrap();
            let until = after + TimeDelta::hours(hours);
            let mut walked = None;
            while let Some(next) = schedule.next_after(walked.unwrap_or(after)).filter(|next| *next <= until) {
                walked = Some(next);
            }
            prop_assert_eq!(schedule.last_until(after, until), walked);
        }

        #[test]
        fn no_line_makes_trouble(line in "[0-9*/,#LW?+A-Za-z -]{0,30}", at in 0_i64..4_000_000_000) {
            if let Ok(cron) = parse_line(&line) {
                let schedule = Schedule { cron, line, timezone: Tz::Europe__Berlin, catch_up: CatchUp::All, overlap: Overlap::Skip };
                let after = DateTime::<Utc>::from_timestamp(at, 0).unwrap();
                prop_assert!(schedule.next_after(after).is_some());
            }
        }

        #[test]
        fn no_line_of_five_fields_makes_trouble(
            fields in prop::collection::vec("(\\*|[0-9]{1,2}|[0-9]-[0-9]{1,2}|\\*/[0-9]{1,2}|L|W|1W|5#2|MON|JAN|[0-9],[0-9]|5L|\\?)", 5),
            at in 0_i64..4_000_000_000,
        ) {
            let line = fields.join(" ");
            if let Ok(cron) = parse_line(&line) {
                let schedule = Schedule { cron, line, timezone: Tz::Europe__Berlin, catch_up: CatchUp::All, overlap: Overlap::Skip };
                let after = DateTime::<Utc>::from_timestamp(at, 0).unwrap();
                prop_assert!(schedule.next_after(after).is_some());
            }
        }
    }
}
