use etlplus_core::LogLevel;
use etlplus_core::failure::Failure;
use etlplus_core::ids::JobId;
use etlplus_core::job::{AttemptRun, JobHeader, JobPolicy, JobState, JobType};
use proptest::prelude::*;

use super::*;

const JOB: &str = "01977420-0000-7000-8000-000000000001";

fn at(second: u32) -> DateTime<Utc> {
    format!("2026-11-24T10:00:{second:02}Z").parse().unwrap()
}

fn alert(message: &str, pipeline: &str) -> Arc<Alert> {
    Arc::new(Alert {
        rule: AlertRule::JobFailed,
        labels: [("pipeline".to_owned(), pipeline.to_owned())].into(),
        status: AlertStatus::Firing,
        at: at(30),
        message: message.to_owned(),
        remedy: "free some space".to_owned(),
        job: Some(JOB.parse().unwrap()),
    })
}

fn record(finished_at: DateTime<Utc>) -> JobRecord {
    let id: JobId = JOB.parse().unwrap();
    JobRecord {
        header: Arc::new(JobHeader {
            id,
            pipeline: "orders".to_owned(),
            job_type: JobType::Load,
            tags: Vec::new(),
            submitted_at: at(0),
        }),
        policy: JobPolicy::default(),
        state: JobState::Failed {
            attempt: AttemptNumber::FIRST.next(),
            finished_at,
            failure: Failure::transient("disk_full", "the disk is full", "free some space"),
            run: AttemptRun { started_at: at(1), progress: None },
        },
        report: None,
    }
}

fn line(second: u32, message: &str) -> LogLine {
    LogLine::new(u64::from(second) + 1, at(second), LogLevel::Error, message.to_owned())
}

#[test]
fn it_says_what_failed_where_when_the_last_lines_and_what_to_do() {
    let lines = vec![line(28, "no space left"), line(29, "giving up"), line(31, "of a later attempt")];
    let message = Message::new("k".to_owned(), alert("the disk is full", "orders"), Some(&record(at(30))), lines);
    assert_eq!(message.subject, "[FIRING] ETL Plus: a job of pipeline orders failed");
    for part in [
        "the disk is full.\n",
        "What to do: free some space.\n",
        "Alert:       job_failed, firing\n",
        "When:        2026-11-24T10:00:30.000Z\n",
        "pipeline:    orders\n",
        &format!("job:         {JOB}\n"),
        "attempt:     2\n",
        "code:        disk_full\n",
        &format!("details:     /api/jobs/{JOB}/status\n"),
        "Last log lines:\n  2026-11-24T10:00:28.000Z ERROR no space left\n  2026-11-24T10:00:29.000Z ERROR giving up\n",
    ] {
        assert!(message.body.contains(part), "{part:?} is not in\n{}", message.body);
    }
    assert!(!message.body.contains("later attempt"), "{}", message.body);
    let mut with_label = (*message.alert).clone();
    with_label.labels.insert("job".to_owned(), JOB.to_owned());
    let text = Message::new("k".to_owned(), Arc::new(with_label), None, Vec::new()).body;
    assert_eq!(text.matches("job: ").count(), 1, "{text}");

    let body: serde_json::Value = serde_json::from_str(&message.webhook_body()).unwrap();
    assert_eq!((&body["type"], &body["timestamp"]), (&json!("alert.firing"), &json!("2026-11-24T10:00:30.000Z")));
    let data = &body["data"];
    assert_eq!(
        data["job"],
        json!({"id": JOB, "attempt": 2, "failureCode": "disk_full",
        "statusPath": format!("/api/jobs/{JOB}/status")})
    );
    assert_eq!((&data["rule"], &data["status"]), (&json!("job_failed"), &json!("firing")));
    assert_eq!(data["labels"], json!({"pipeline": "orders"}));
    assert_eq!(data["logLines"][1]["message"], "giving up");
    assert_eq!(data["fingerprint"], message.alert.fingerprint());
}

#[test]
fn a_job_that_has_moved_since_lends_the_alert_no_attempt_of_its_own() {
    let message = Message::new("k".to_owned(), alert("x", "orders"), Some(&record(at(31))), Vec::new());
    assert!(!message.body.contains("attempt:") && !message.body.contains("disk_full"), "{}", message.body);
    assert!(!message.body.contains("Last log lines"), "{}", message.body);
}

#[test]
fn the_type_of_a_webhook_tells_firing_resolved_and_test_apart() {
    for (rule, status, kind, mark) in [
        (AlertRule::Memory, AlertStatus::Firing, "alert.firing", "[FIRING]"),
        (AlertRule::Memory, AlertStatus::Resolved, "alert.resolved", "[RESOLVED]"),
        (AlertRule::Test, AlertStatus::Firing, "alert.test", "[TEST]"),
    ] {
        let alert = Alert { rule, status, job: None, ..(*alert("x", "p")).clone() };
        let message = Message::new("k".to_owned(), Arc::new(alert), None, Vec::new());
        let body: serde_json::Value = serde_json::from_str(&message.webhook_body()).unwrap();
        assert_eq!(body["type"], kind);
        assert!(message.subject.starts_with(mark), "{}", message.subject);
    }
}

#[test]
fn nothing_from_outside_ends_a_line_or_hides_what_follows() {
    let hostile = "a\r\nBcc: x@example.com\r\n\r\nb\u{2028}c\u{202e}d\u{1b}[2Je\0";
    let message = Message::new("k".to_owned(), alert(hostile, hostile), None, vec![line(1, hostile)]);
    for text in [&message.subject, &message.body] {
        assert!(text.contains("a\\r\\nBcc: x@example.com\\r\\n"), "{text}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("Bcc:")), "{text}");
        assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control() && !is_invisible(letter)), "{text:?}");
    }
    assert!(!message.subject.contains('\n'));
}

#[test]
fn the_longest_texts_stay_within_the_limit() {
    for filler in ["\\", "\"", "\u{1}", "ü", "\u{10ffff}", "\n"] {
        let long = filler.repeat(70_000);
        let mut alert = (*alert(&long, &long)).clone();
        alert.remedy.clone_from(&long);
        alert.labels.extend((0..40).map(|number| (format!("{number}{long}"), long.clone())));
        let lines = (0..50).map(|_| line(1, &long)).collect();
        let message = Message::new("k".to_owned(), Arc::new(alert), Some(&record(at(30))), lines);
        assert!(message.body.len() <= MESSAGE_MAX_BYTES, "{} bytes of {filler:?}", message.body.len());
        let body = message.webhook_body();
        assert!(body.len() <= MESSAGE_MAX_BYTES, "{} bytes of {filler:?}", body.len());
        assert!(message.subject.len() <= 300 && message.subject.contains(CUT_MARK), "{}", message.subject);
        assert_eq!(message.lines.len(), LINES_MAX);
    }
}

proptest! {
    #[test]
    fn any_text_stays_one_line(text in "\\PC*|[\\x00-\\x1f\\x7f-\\x9f]*|.*") {
        let line = one_line(&text);
        prop_assert!(line.chars().all(|letter| !letter.is_control() && !is_invisible(letter)));
        let cut = short(&text, 40);
        prop_assert!(cut.len() <= 40 && (cut.ends_with(CUT_MARK) || cut == line));
    }
}
