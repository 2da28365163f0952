//! Single moves, at their edges.

use chrono::{TimeDelta, Utc};
use etlplus_core::job::{AttemptRun, HeldRunner, IllegalMove, JobFact, JobInput, JobState, JobStatus, Wait};

use crate::examples::*;

#[test]
fn a_new_job_waits_for_a_place_with_its_first_attempt_to_come() {
    let fact = JobFact::submitted(at(0), None);
    assert_eq!(fact.from, None);
    assert_eq!(fact.state, JobState::Pending { attempt: FIRST, since: at(0), wait: Wait::Slot });
}

#[test]
fn a_delayed_job_says_when_it_is_due() {
    let JobState::Pending { wait, .. } = JobFact::submitted(at(0), Some(at(60))).state else { panic!("not pending") };
    assert_eq!(wait.not_before(), Some(at(60)));
}

#[test]
fn a_completed_job_holds_its_times_and_counts() {
    let state = after([start(), completed()]);
    let expected =
        JobState::Completed { attempt: FIRST, started_at: at(1), finished_at: at(2), progress: progress(10) };
    assert_eq!(state, expected);
    assert_eq!(state.execution_time(at(99)), Some(std::time::Duration::from_secs(1)));
}

#[test]
fn a_transient_failure_waits_for_its_retry_as_the_next_attempt() {
    let state = after([start(), failed(transient(), Some(at(60)))]);
    let run = AttemptRun { started_at: at(1), progress: Some(progress(3)) };
    let wait = Wait::Retry { retry_at: at(60), failure: transient(), run };
    assert_eq!(state, JobState::Pending { attempt: FIRST.next(), since: at(2), wait });
    assert_eq!(state.failure(), Some(&transient()));
}

#[test]
fn a_failure_that_is_not_transient_cannot_be_given_a_retry() {
    for input in [failed(lasting(), Some(at(60))), lost(lasting(), Some(at(60)))] {
        let refused = after([start()]).apply(input, at(5)).expect_err("a retry cannot help");
        assert_eq!(refused, IllegalMove::NotTransient { code: "source_not_found".to_owned() });
    }
}

#[test]
fn a_message_of_a_superseded_attempt_is_refused() {
    let second = FIRST.next();
    let retried = after([start(), failed(transient(), Some(at(60))), JobInput::Start { attempt: second }]);
    let refused = retried.apply(completed(), at(9)).expect_err("the first attempt was given up");
    assert_eq!(refused, IllegalMove::OtherAttempt { given: FIRST, current: second });
    assert_eq!(refused.to_string(), "attempt 1 is not the job's attempt 2: end the runner of attempt 1");
}

#[test]
fn a_pending_job_starts_only_with_the_attempt_that_it_announced() {
    let early = JobInput::Start { attempt: FIRST.next() };
    assert!(matches!(pending().apply(early, at(1)), Err(IllegalMove::OtherAttempt { .. })));
}

#[test]
fn a_cancelled_job_runs_until_its_runner_is_gone() {
    let cancelling = after([start(), JobInput::Cancel]);
    assert_eq!(cancelling.status(), JobStatus::Running);
    for end in [stopped(), lost(transient(), Some(at(60)))] {
        let state = step(&cancelling, end, at(9)).state;
        assert!(matches!(state, JobState::Cancelled { run: Some(_), .. }), "{state:?}");
    }
}

#[test]
fn cancelling_twice_changes_nothing_and_records_nothing() {
    let cancelling = after([start(), JobInput::Cancel]);
    let step = step(&cancelling, JobInput::Cancel, at(9));
    assert_eq!(step.state, cancelling);
    assert_eq!(step.facts, []);
}

#[test]
fn a_target_in_place_counts_even_where_the_job_was_asked_to_stop() {
    for state in [after([start(), JobInput::Cancel]), after([start(), abort()])] {
        assert_eq!(step(&state, completed(), at(9)).state.status(), JobStatus::Completed);
    }
}

#[test]
fn a_job_beyond_its_limit_fails_with_that_limit() {
    for end in [stopped(), lost(transient(), None)] {
        let state = step(&after([start(), abort()]), end, at(9)).state;
        assert_eq!((state.status(), state.failure()), (JobStatus::Failed, Some(&time_limit())));
    }
}

#[test]
fn the_first_reason_to_stop_stays() {
    let cancelled = step(&after([start(), JobInput::Cancel, abort()]), stopped(), at(9)).state;
    assert_eq!(cancelled.status(), JobStatus::Cancelled);
    let aborted = step(&after([start(), abort(), JobInput::Cancel]), stopped(), at(9)).state;
    assert_eq!(aborted.status(), JobStatus::Failed);
}

#[test]
fn a_job_that_was_asked_to_stop_is_not_tried_again() {
    let state = step(&after([start(), JobInput::Cancel]), failed(transient(), Some(at(60))), at(9)).state;
    assert_eq!((state.status(), state.failure()), (JobStatus::Failed, Some(&transient())));
}

#[test]
fn a_runner_that_stops_unasked_is_not_taken_for_stopped() {
    let refused = after([start()]).apply(stopped(), at(9)).expect_err("nobody asked it to stop");
    assert_eq!(
        refused.to_string(),
        "stopped does not fit a job that is RUNNING: only a runner that was asked to stop can be said to have stopped"
    );
}

#[test]
fn a_paused_job_goes_on_with_the_same_attempt_while_it_has_its_runner() {
    let state = after([start(), JobInput::Pause, JobInput::Resume]);
    assert_eq!(state, JobState::Running { attempt: FIRST, started_at: at(1), since: at(3), stop: None });
}

#[test]
fn a_paused_job_without_a_runner_goes_on_with_a_new_attempt() {
    let alone = after([start(), JobInput::Pause, lost(transient(), Some(at(60)))]);
    let gone = HeldRunner::Gone { failure: transient(), progress: None };
    assert_eq!(alone, JobState::Paused { attempt: FIRST, started_at: at(1), since: at(3), runner: gone });
    let resumed = step(&alone, JobInput::Resume, at(9)).state;
    assert_eq!(resumed, JobState::Pending { attempt: FIRST.next(), since: at(9), wait: Wait::Slot });
}

#[test]
fn a_planned_retry_does_not_end_a_pause() {
    let state = after([start(), JobInput::Pause, failed(transient(), Some(at(60)))]);
    assert_eq!((state.status(), state.failure()), (JobStatus::Paused, Some(&transient())));
}

#[test]
fn a_job_cancelled_while_paused_stays_paused_until_its_runner_is_gone() {
    let state = after([start(), JobInput::Pause, JobInput::Cancel]);
    assert_eq!(state.status(), JobStatus::Paused);
    assert!(state.apply(JobInput::Resume, at(9)).is_err());
    assert_eq!(step(&state, stopped(), at(9)).state.status(), JobStatus::Cancelled);
}

#[test]
fn a_job_cancelled_before_it_began_has_no_run() {
    assert_eq!(after([JobInput::Cancel]), JobState::Cancelled { attempt: FIRST, finished_at: at(1), run: None });
}

#[test]
fn a_retry_by_hand_is_a_new_attempt_of_the_same_job() {
    for ended in [after([start(), failed(lasting(), None)]), after([JobInput::Cancel])] {
        let state = step(&ended, JobInput::Retry, at(9)).state;
        assert_eq!(state, JobState::Pending { attempt: FIRST.next(), since: at(9), wait: Wait::Slot });
    }
}

#[test]
fn nothing_moves_a_completed_job() {
    for input in every_input() {
        let completed = after([start(), completed()]);
        assert!(matches!(completed.apply(input, at(9)), Err(IllegalMove::NotNow { state: "COMPLETED", .. })));
    }
}

#[test]
fn a_clock_that_was_set_back_gives_no_negative_time() {
    let running = step(&pending(), start(), at(100)).state;
    let state = step(&running, completed(), at(40)).state;
    assert_eq!(state.since(), at(100));
    assert_eq!(state.execution_time(at(0)), Some(std::time::Duration::ZERO));
    assert_eq!(running.execution_time(at(40)), Some(std::time::Duration::ZERO));
}

#[test]
fn a_job_that_never_began_has_no_execution_time() {
    assert_eq!(pending().execution_time(at(9)), None);
    assert_eq!(after([JobInput::Cancel]).execution_time(at(9)), None);
}

#[test]
fn every_state_and_fact_survives_its_json() {
    for state in every_state() {
        let text = serde_json::to_string(&state).expect("a state is JSON");
        assert_eq!(serde_json::from_str::<JobState>(&text).expect("it reads back"), state, "{text}");
    }
}

#[test]
fn the_wire_has_the_status_in_capitals_and_the_keys_in_camel_case() {
    let state = after([start(), failed(transient(), Some(at(60)))]);
    let fact = JobFact { from: Some(JobStatus::Running), cause: failed(transient(), None).cause(), state };
    let json = serde_json::to_value(fact).expect("a fact is JSON");
    assert_eq!(json["from"], "RUNNING");
    assert_eq!(json["cause"], "failed");
    assert_eq!(json["state"]["status"], "PENDING");
    assert_eq!(json["state"]["attempt"], 2);
    assert_eq!(json["state"]["wait"]["for"], "retry");
    assert_eq!(json["state"]["wait"]["retryAt"], "2025-06-15T15:07:40Z");
    assert_eq!(json["state"]["wait"]["run"]["progress"]["recordsSuccessful"], 3);
}

#[test]
fn json_of_a_state_that_cannot_be_is_refused() {
    let failed = r#"{"status":"FAILED","attempt":1,"finishedAt":"2025-06-15T15:06:40Z"}"#;
    assert!(serde_json::from_str::<JobState>(failed).is_err(), "failed without a failure");
    let cancelled = r#"{"status":"CANCELLED","attempt":1,"run":null}"#;
    assert!(serde_json::from_str::<JobState>(cancelled).is_err(), "finished without a time");
    let attempt_zero = r#"{"status":"PENDING","attempt":0,"since":"2025-06-15T15:06:40Z","wait":{"for":"slot"}}"#;
    assert!(serde_json::from_str::<JobState>(attempt_zero).is_err(), "attempts count from 1");
}

#[test]
fn times_are_utc_whatever_zone_they_were_written_in() {
    let text = r#"{"status":"CANCELLED","attempt":1,"finishedAt":"2025-06-15T17:06:40+02:00","run":null}"#;
    let state: JobState = serde_json::from_str(text).expect("a state");
    assert_eq!(state.since(), (at(0) + TimeDelta::zero()).with_timezone(&Utc));
}
