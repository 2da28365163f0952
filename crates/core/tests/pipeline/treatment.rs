//! How jobs are treated, and when they are made by themselves.

use std::time::Duration;

use etlplus_core::job::JobPolicy;
use etlplus_core::pipeline::{CatchUp, Overlap};

use super::mistakes::{self, with};

#[test]
fn what_is_said_of_jobs_arrives_in_their_policy() {
    let pipeline = mistakes::none(&with(
        "priority: -7\ntimeout: 25m\nconcurrency: 2\nretry: { attempts: 5, delay: 250ms, max_delay: 1h }",
    ));
    let JobPolicy { priority, timeout, retry, concurrency } = pipeline.policy;
    assert_eq!((priority, timeout, concurrency.map(u32::from)), (-7, Some(Duration::from_secs(1_500)), Some(2)));
    let (delay, max_delay) = (Duration::from_millis(250), Duration::from_secs(3_600));
    assert_eq!((retry.max_attempts.get(), retry.delay, retry.max_delay), (5, delay, max_delay));

    let silent = mistakes::none(&with(""));
    assert_eq!(silent.policy, JobPolicy::default());
    assert!(silent.schedule.is_none());
    let short = mistakes::none(&with("retry: { attempts: 2 }")).policy.retry;
    assert_eq!((short.delay, short.max_delay), (Duration::from_secs(10), Duration::from_secs(600)));
    // A long first wait takes the longest with it.
    let long = mistakes::none(&with("retry: { attempts: 2, delay: 1h }")).policy.retry;
    assert_eq!((long.delay, long.max_delay), (Duration::from_secs(3_600), Duration::from_secs(3_600)));
}

#[test]
fn numbers_and_durations_are_in_range() {
    for wrong in ["101", "-101", "1.5", "high", "'5'"] {
        mistakes::one(&with(&format!("priority: §{wrong}")), "priority", "is not a whole number from -100 to 100");
    }
    for wrong in ["0", "1001", "-1", "all"] {
        mistakes::one(&with(&format!("concurrency: §{wrong}")), "concurrency", "is not a whole number from 1 to 1000");
    }
    for wrong in ["25", "25min", "1h30m", "1.5h", "-5m", "PT5M"] {
        mistakes::one(&with(&format!("timeout: §{wrong}")), "timeout", "is not a duration");
    }
    mistakes::one(&with("timeout: §99ms"), "timeout", "give at least 100ms");
    mistakes::one(&with("timeout: §366d"), "timeout", "give at most 365d");
    mistakes::one(&with("§retry: { delay: 1s }"), "retry.attempts", "attempts is missing");
    mistakes::one(&with("retry: { attempts: §101 }"), "retry.attempts", "is not a whole number from 1 to 100");
    mistakes::one(&with("retry: { attempts: 3, delay: §25h }"), "retry.delay", "give at most 1d");
    let backwards = "retry: { attempts: 3, delay: 1m, max_delay: §30s }";
    mistakes::one(&with(backwards), "retry.max_delay", "is shorter than delay, which is 1m");
    mistakes::one(&with("retry: { attempts: 3, §dellay: 1m }"), "retry.dellay", "did you mean delay?");
    mistakes::one(&with("retry: §3"), "retry", "where a map belongs");
    mistakes::none(&with(
        "priority: 100\ntimeout: 365d\nconcurrency: 1000\nretry: { attempts: 100, delay: 0s, max_delay: 1d }",
    ));
}

#[test]
fn a_schedule_arrives_with_its_policies() {
    let said = "schedule: { cron: '0  6 * * MON-FRI', timezone: Europe/Berlin, catch_up: all, overlap: queue }";
    let schedule = mistakes::none(&with(said)).schedule.unwrap();
    assert_eq!((schedule.cron(), schedule.timezone()), ("0 6 * * MON-FRI", "Europe/Berlin"));
    assert_eq!((schedule.catch_up, schedule.overlap), (CatchUp::All, Overlap::Queue));
    let friday_noon = "2026-01-02T12:00:00Z".parse().unwrap();
    assert_eq!(schedule.next_after(friday_noon).unwrap().to_rfc3339(), "2026-01-05T05:00:00+00:00");

    let schedule = mistakes::none(&with("schedule: { cron: '*/5 * * * *' }")).schedule.unwrap();
    assert_eq!((schedule.timezone(), schedule.catch_up, schedule.overlap), ("UTC", CatchUp::Latest, Overlap::Skip));
}

#[test]
fn a_schedule_that_cannot_be_followed_is_refused_with_its_place() {
    let cron = |line: &str| with(&format!("schedule: {{ cron: §'{line}' }}"));
    for (line, words) in [
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6 *", "never fires"),
        ("0 6 * *", "has 4 fields, not 5"),
        ("0 0 6 * * *", "has 6 fields, not 5"),
        ("@daily", "is no cron line"),
        ("60 * * * *", "is no cron line"),
        ("* * * * MOONDAY", "is no cron line"),
        ("a b c d e", "is no cron line"),
        ("*/0 * * * *", "is no cron line"),
    ] {
        mistakes::one(&cron(line), "schedule.cron", words);
    }
    mistakes::one(&with("§schedule: {}"), "schedule.cron", "cron is missing");
    let zone = |zone: &str| with(&format!("schedule: {{ cron: '0 6 * * *', timezone: §{zone} }}"));
    mistakes::one(&zone("Berlin"), "schedule.timezone", "did you mean Europe/Berlin?");
    mistakes::one(&zone("America/New_Yrok"), "schedule.timezone", "did you mean America/New_York?");
    mistakes::one(&zone("+01:00"), "schedule.timezone", "IANA");
    let word = |key: &str, word: &str| with(&format!("schedule: {{ cron: '0 6 * * *', {key}: §{word} }}"));
    mistakes::one(&word("catch_up", "lastest"), "schedule.catch_up", "did you mean latest?");
    mistakes::one(&word("overlap", "wait"), "schedule.overlap", "write queue or skip");
    mistakes::all(&with("schedule: { cron: §'0 6 * *', timezone: §Berlin }"), &["4 fields", "did you mean"]);
    let needy = "parameters: { day: date, country: string = DE }\n§schedule: { cron: '0 6 * * *' }";
    mistakes::one(&with(needy), "schedule", "\"day\" has no default");
}
