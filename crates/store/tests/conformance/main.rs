//! What every store must do, told by the ports alone. A store joins by a [`Fixture`](fixture::Fixture) and one call of
//! `every_property!`.

mod alerts;
mod deliveries;
mod examples;
mod faults;
mod fixture;
mod follow;
mod history;
mod jobs;
mod ledger;
mod logs;
mod pipelines;
mod random;
mod retention;
mod schedules;
mod settings;
mod sqlite;
mod submits;
mod tokens;

/// A test for each property.
macro_rules! tests {
    ($fixture:ty: $($module:ident::$property:ident,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $property() {
            $crate::$module::$property::<$fixture>().await;
        }
    )*};
}

/// Every property, of the store that the fixture opens.
macro_rules! every_property {
    ($fixture:ty) => {
        $crate::tests! { $fixture:
            alerts::alerts_and_changes_of_settings_have_places_among_the_other_facts,
            alerts::rules_are_shown_each_fact_once_across_reopening,
            alerts::rules_that_panic_leave_everything_as_it_was,
            alerts::the_last_alert_of_a_fingerprint_decides_whether_it_fires,
            alerts::alerts_are_listed_from_the_latest_and_each_filter_counts,
            deliveries::deliveries_wait_in_the_order_of_their_alerts,
            deliveries::a_delivery_keeps_its_last_tries,
            deliveries::what_waits_no_more_stays_as_it_is,
            deliveries::only_alerts_that_were_shown_are_delivered_and_each_once,
            faults::a_commit_that_fails_tells_nothing_and_recording_goes_on_after_it,
            faults::what_is_asked_for_while_no_commit_succeeds_does_not_happen,
            follow::facts_are_told_in_order_and_after_they_are_recorded,
            follow::who_follows_a_snapshot_misses_nothing_and_sees_nothing_twice,
            follow::what_was_recorded_is_there_after_reopening,
            history::a_place_that_the_log_does_not_have_is_a_gap,
            history::facts_of_both_kinds_come_in_their_order,
            history::lines_are_found_by_level_and_place,
            history::only_the_last_readings_are_kept_and_given,
            history::any_text_is_read_as_it_was_recorded,
            history::what_is_not_there_is_not_found,
            jobs::jobs_are_listed_from_the_latest_by_pages,
            jobs::each_filter_leaves_out_what_it_should,
            jobs::filters_together_leave_out_what_each_does,
            jobs::text_is_found_in_any_case_and_has_no_wildcards,
            ledger::changes_of_one_call_are_recorded_all_or_none,
            ledger::a_job_is_submitted_once,
            ledger::a_writer_that_was_superseded_changes_nothing,
            ledger::what_speaks_of_no_job_is_refused,
            ledger::an_empty_call_records_nothing,
            ledger::many_callers_get_offsets_without_holes,
            ledger::who_is_refused_takes_nothing_from_others,
            ledger::what_cannot_be_true_is_refused_for_good,
            ledger::lines_and_the_bytes_that_hold_them_are_one,
            ledger::a_report_is_of_the_last_attempt_that_ended,
            logs::packed_lines_are_read_as_they_were_recorded,
            logs::a_search_finds_what_reading_every_line_finds,
            logs::packed_lines_are_forgotten_oldest_first_and_by_each_limit,
            pipelines::only_a_change_makes_a_new_version,
            pipelines::pipelines_are_listed_by_name_and_kept,
            random::history_is_what_was_recorded_and_offsets_have_no_holes,
            retention::what_the_rules_were_not_shown_stays,
            retention::a_job_goes_with_all_that_is_its,
            retention::the_last_accepted_of_the_ended_jobs_stay,
            retention::lines_and_readings_go_by_age_and_by_number,
            retention::alerts_go_once_nobody_waits_for_them,
            retention::alerts_about_jobs_fire_no_longer_than_jobs_are_kept,
            retention::steps_are_small_and_come_to_an_end,
            schedules::a_mark_moves_with_its_submit_alone,
            schedules::marks_are_kept_by_pipeline,
            settings::only_the_next_version_is_taken,
            settings::what_is_no_object_is_refused,
            submits::a_job_keeps_its_policy_and_waits_for_its_time,
            submits::a_key_is_for_one_submit,
            submits::many_submits_with_one_key_make_one_job,
            submits::moves_are_the_last_ones_of_their_job,
            tokens::a_token_is_kept_as_it_was_made,
            tokens::a_name_is_free_again_once_its_token_is_revoked,
            tokens::tokens_have_a_limit,
        }
    };
}

use {every_property, tests};
