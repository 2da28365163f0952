//! Ids and failures: what they look like to others.

use etlplus_core::ids::{AttemptNumber, JobId, Offset};
use etlplus_core::{Failure, FailureKind};

#[test]
fn a_job_id_reads_back_from_its_text_and_nothing_else_does() {
    let text = "0197734a-5b2e-7c80-9d5d-2f6e3b1c4a00";
    let id: JobId = text.parse().expect("the text is a UUID");
    assert_eq!(id.to_string(), text);
    assert_eq!(serde_json::to_string(&id).expect("an id is JSON"), format!("{text:?}"));
    for wrong in ["", "job_123", "../../etc/passwd", "0197734a-5b2e-7c80-9d5d-2f6e3b1c4a00/rejects", "\0"] {
        assert!(wrong.parse::<JobId>().is_err(), "{wrong:?}");
    }
    assert!("0".repeat(1 << 20).parse::<JobId>().is_err(), "a text of 1 MiB");
}

#[test]
fn attempts_count_from_one() {
    assert_eq!(AttemptNumber::FIRST.get(), 1);
    assert_eq!(AttemptNumber::FIRST.next().get(), 2);
    assert!(AttemptNumber::FIRST < AttemptNumber::FIRST.next());
    assert!(serde_json::from_str::<AttemptNumber>("0").is_err());
}

#[test]
fn the_first_fact_has_offset_one() {
    assert_eq!(Offset::START.next(), Offset::from_number(1));
}

#[test]
fn only_a_transient_failure_can_be_retried() {
    let kinds =
        [FailureKind::UserMistake, FailureKind::BadData, FailureKind::Transient, FailureKind::Limit, FailureKind::Bug];
    let retryable: Vec<_> = kinds.into_iter().filter(|kind| kind.is_retryable()).collect();
    assert_eq!(retryable, [FailureKind::Transient]);
}

#[test]
fn a_failure_says_what_happened_and_what_to_do() {
    let failure = Failure::user("source_not_found", "orders.csv is not there", "mend the path");
    assert_eq!(failure.to_string(), "orders.csv is not there: mend the path");
    let json = serde_json::to_value(&failure).expect("a failure is JSON");
    assert_eq!(json["kind"], "user_mistake");
    assert_eq!(json["code"], "source_not_found");
}
