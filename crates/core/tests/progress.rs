//! Readings of a running job, and what follows from them.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use etlplus_core::progress::{RateMeter, Stage, grouped};
use etlplus_core::{Counters, Progress};
use proptest::prelude::*;

fn reading(stage: Stage, change: impl Fn(&mut Progress)) -> Progress {
    let mut progress = Counters::default().read();
    progress.stage = stage;
    change(&mut progress);
    progress
}

fn read_bytes(bytes: u64) -> Progress {
    reading(Stage::Stream, |progress| {
        progress.bytes_total = 1000;
        progress.bytes_read = bytes;
        progress.records_successful = bytes;
    })
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn a_reading_shows_what_was_counted() {
    let counters = Counters::default();
    let add = |counter: &AtomicU64, amount| Counters::add(counter, amount);
    add(&counters.bytes_total, 100);
    add(&counters.bytes_read, 40);
    add(&counters.records_successful, 7);
    add(&counters.records_failed, 2);
    add(&counters.records_failed, 1);
    add(&counters.rows_skipped, 4);
    add(&counters.rows_transformed, 6);
    add(&counters.rows_loaded, 5);
    counters.set_rows_total(20);
    counters.enter(Stage::Stream);
    let expected = Progress {
        stage: Stage::Stream,
        bytes_total: 100,
        bytes_read: 40,
        rows_total: Some(20),
        records_successful: 7,
        records_failed: 3,
        rows_skipped: 4,
        rows_transformed: 6,
        rows_loaded: 5,
        usage: None,
    };
    assert_eq!(counters.read(), expected);
    assert_eq!(expected.records_processed(), 10);
}

#[test]
fn a_source_of_no_rows_is_not_one_of_unknown_rows() {
    let counters = Counters::default();
    assert_eq!(counters.read().rows_total, None);
    counters.set_rows_total(0);
    assert_eq!(counters.read().rows_total, Some(0));
}

#[test]
fn stages_only_go_forward() {
    let counters = Counters::default();
    assert_eq!(counters.read().stage, Stage::Prepare);
    for (entered, seen) in [
        (Stage::Stream, Stage::Stream),
        (Stage::Commit, Stage::Commit),
        (Stage::Finish, Stage::Commit),
        (Stage::Prepare, Stage::Commit),
    ] {
        counters.enter(entered);
        assert_eq!(counters.read().stage, seen);
    }
}

#[test]
fn percent_claims_nothing_that_is_not_known() {
    let half = |progress: &mut Progress| (progress.bytes_total, progress.bytes_read) = (10, 5);
    let beyond = |progress: &mut Progress| (progress.bytes_total, progress.bytes_read) = (10, 12);
    assert_eq!(reading(Stage::Prepare, half).percent(), None);
    assert_eq!(reading(Stage::Stream, half).percent(), Some(50.0));
    assert_eq!(reading(Stage::Stream, beyond).percent(), Some(100.0), "a source that grew while it was read");
    assert_eq!(reading(Stage::Stream, |_| {}).percent(), None, "sizes not known");
    assert_eq!(reading(Stage::Finish, half).percent(), None);
    assert_eq!(reading(Stage::Commit, half).percent(), Some(100.0));
}

#[test]
fn the_share_of_rejects_is_none_before_the_first_row() {
    assert_eq!(reading(Stage::Stream, |_| {}).reject_percent(), None);
    let progress = reading(Stage::Stream, |progress| (progress.records_successful, progress.records_failed) = (3, 1));
    assert_eq!(progress.reject_percent(), Some(25.0));
}

#[test]
fn the_current_step_says_what_happens() {
    let rows = |progress: &mut Progress| progress.records_successful = 4500;
    let of_known = |progress: &mut Progress| (progress.records_successful, progress.rows_total) = (4500, Some(10_000));
    let loaded = |progress: &mut Progress| (progress.records_successful, progress.rows_loaded) = (4500, 1200);
    for (progress, step) in [
        (reading(Stage::Prepare, rows), "Prepare"),
        (reading(Stage::Stream, rows), "Extract: 4,500 rows"),
        (reading(Stage::Stream, of_known), "Extract: 4,500 of 10,000 rows"),
        (reading(Stage::Finish, rows), "Transform: 4,500 rows"),
        (reading(Stage::Finish, loaded), "Load: 1,200 rows"),
        (reading(Stage::Commit, loaded), "Commit"),
    ] {
        assert_eq!(progress.current_step(), step);
    }
}

#[test]
fn thousands_are_set_apart() {
    for (number, text) in [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (100_000, "100,000"),
        (1_234_567, "1,234,567"),
        (u64::MAX, "18,446,744,073,709,551,615"),
    ] {
        assert_eq!(grouped(number), text);
    }
}

#[test]
fn a_rate_needs_two_readings_half_a_second_apart() {
    let mut rates = RateMeter::default();
    assert_eq!(rates.rows_per_second(), None);
    rates.observe(seconds(1.0), read_bytes(0));
    assert_eq!(rates.rows_per_second(), None);
    rates.observe(seconds(1.25), read_bytes(100));
    assert_eq!(rates.rows_per_second(), None);
    rates.observe(seconds(1.5), read_bytes(200));
    assert_eq!(rates.rows_per_second(), Some(400.0));
    assert_eq!(rates.eta(), Some(seconds(2.0)));
}

#[test]
fn a_rate_looks_back_ten_seconds() {
    let mut rates = RateMeter::default();
    for second in 0..=20 {
        let bytes = if second <= 10 { 0 } else { (second - 10) * 30 };
        rates.observe(Duration::from_secs(second), read_bytes(bytes));
    }
    assert_eq!(rates.rows_per_second(), Some(30.0), "the slow start is forgotten");
}

#[test]
fn a_silence_leaves_a_rate_to_show() {
    let mut rates = RateMeter::default();
    rates.observe(seconds(0.0), read_bytes(0));
    rates.observe(seconds(60.0), read_bytes(600));
    rates.observe(seconds(60.1), read_bytes(601));
    assert_eq!(rates.rows_per_second(), Some(601.0 / 60.1));
}

#[test]
fn a_reading_from_the_past_is_ignored() {
    let mut rates = RateMeter::default();
    rates.observe(seconds(0.0), read_bytes(0));
    rates.observe(seconds(2.0), read_bytes(200));
    rates.observe(seconds(1.0), read_bytes(900));
    assert_eq!(rates.rows_per_second(), Some(100.0));
}

#[test]
fn no_eta_is_claimed_where_none_is_known() {
    let observed = |first: Progress, second: Progress| {
        let mut rates = RateMeter::default();
        rates.observe(seconds(0.0), first);
        rates.observe(seconds(1.0), second);
        rates.eta()
    };
    assert_eq!(RateMeter::default().eta(), None);
    assert_eq!(observed(read_bytes(100), read_bytes(100)), None, "it stands still");
    assert_eq!(observed(read_bytes(0), reading(Stage::Stream, |_| {})), None, "sizes not known");
    let finishing = reading(Stage::Finish, |progress| (progress.bytes_total, progress.bytes_read) = (1000, 1000));
    assert_eq!(observed(read_bytes(0), finishing), None, "a sort or an aggregate goes on");
    assert_eq!(observed(read_bytes(0), read_bytes(1000)), Some(Duration::ZERO));
}

proptest! {
    #[test]
    fn rates_and_shares_are_never_negative_nor_beyond_their_scale(
        readings in prop::collection::vec((0u64..100_000, 0u64..2000, 0u64..2000), 0..50),
    ) {
        let mut rates = RateMeter::default();
        for (milliseconds, read, failed) in readings {
            let mut progress = read_bytes(read);
            progress.records_failed = failed;
            rates.observe(Duration::from_millis(milliseconds), progress);
            prop_assert!(progress.percent().is_none_or(|percent| (0.0..=100.0).contains(&percent)));
            prop_assert!(progress.reject_percent().is_none_or(|percent| (0.0..=100.0).contains(&percent)));
            prop_assert!(rates.rows_per_second().is_none_or(|rate| rate.is_finite() && rate >= 0.0));
        }
    }
}
