use chrono::{DateTime, Utc};
use etlplus_core::Counters;
use etlplus_core::failure::Failure;
use etlplus_core::ids::{AttemptNumber, Epoch, JobId, Offset};
use etlplus_core::job::{AttemptRun, Cause, JobType};
use etlplus_core::ports::LogPosition;
use etlplus_core::settings::{ChannelKind, ChannelSettings};

use super::*;

fn now() -> DateTime<Utc> {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

fn id(number: u8) -> JobId {
    format!("01977420-0000-7000-8000-0000000000{number:02}").parse().unwrap()
}

/// Where a job ended.
fn ended(number: u8, pipeline: &str, state: JobState) -> Fact {
    let header = JobHeader {
        id: id(number),
        pipeline: pipeline.to_owned(),
        job_type: JobType::Load,
        tags: Vec::new(),
        submitted_at: now(),
    };
    let fact = JobFact { from: Some(JobStatus::Running), cause: Cause::Completed, state };
    Fact::Job { job: Arc::new(header), fact }
}

fn failed(number: u8, pipeline: &str, code: &str) -> Fact {
    let failure = Failure::transient(code, "it broke", "mend it");
    let run = AttemptRun { started_at: now(), progress: None };
    ended(number, pipeline, JobState::Failed { attempt: AttemptNumber::FIRST, finished_at: now(), failure, run })
}

fn completed(number: u8, pipeline: &str) -> Fact {
    let progress = Counters::default().read();
    let state = JobState::Completed { attempt: AttemptNumber::FIRST, started_at: now(), finished_at: now(), progress };
    ended(number, pipeline, state)
}

fn cancelled(number: u8, pipeline: &str) -> Fact {
    ended(number, pipeline, JobState::Cancelled { attempt: AttemptNumber::FIRST, finished_at: now(), run: None })
}

fn alert(rule: AlertRule, label: (&str, &str), status: AlertStatus, job: Option<JobId>) -> Alert {
    let labels = [(label.0.to_owned(), label.1.to_owned())].into();
    Alert { rule, labels, status, at: now(), message: "m".to_owned(), remedy: "r".to_owned(), job }
}

fn near(number: u8) -> Alert {
    alert(AlertRule::JobTimeoutNear, ("pipeline", "orders"), AlertStatus::Firing, Some(id(number)))
}

fn fact(alert: Alert) -> Fact {
    Fact::Alert(Arc::new(alert))
}

fn settings() -> NotificationSettings {
    let channels = ["hook", "log"].map(|name| ChannelSettings { name: name.to_owned(), kind: ChannelKind::Log });
    NotificationSettings { channels: channels.into(), ..NotificationSettings::default() }
}

fn run(facts: Vec<Fact>, firing: Vec<Alert>, settings: &NotificationSettings) -> Consequences {
    let facts: Vec<Recorded> = facts
        .into_iter()
        .zip(11..)
        .map(|(fact, offset)| Recorded { offset: Offset::from_number(offset), fact })
        .collect();
    let epoch = Epoch::from_uuid(*id(0).as_uuid());
    let firing: Vec<AlertRecord> = firing
        .into_iter()
        .map(|alert| AlertRecord {
            position: LogPosition { epoch, offset: Offset::from_number(1) },
            alert: Arc::new(alert),
            deliveries: Vec::new(),
        })
        .collect();
    consequences(&facts, &firing, settings)
}

/// What is raised and resolved, in short.
fn told(consequences: &Consequences) -> Vec<(AlertRule, AlertStatus, Option<JobId>)> {
    consequences.alerts.iter().map(|alert| (alert.rule, alert.status, alert.job)).collect()
}

use AlertRule::{ChannelBroken, Disk, JobFailed, JobTimedOut, JobTimeoutNear};
use AlertStatus::{Firing, Resolved};

#[test]
fn each_failed_job_is_told_and_the_next_success_of_its_pipeline_resolves() {
    let facts = vec![
        failed(1, "orders", "disk_full"),
        failed(2, "orders", "disk_full"),
        completed(3, "customers"),
        completed(4, "orders"),
        completed(5, "orders"),
    ];
    let consequences = run(facts, vec![], &settings());
    let expected =
        [(JobFailed, Firing, Some(id(1))), (JobFailed, Firing, Some(id(2))), (JobFailed, Resolved, Some(id(4)))];
    assert_eq!(told(&consequences), expected);
    let [first, _, resolved] = consequences.alerts.as_slice() else { panic!() };
    assert_eq!(first.fingerprint(), resolved.fingerprint());
    assert_eq!(first.message, format!("job {} of pipeline orders failed at attempt 1: it broke (disk_full)", id(1)));
    assert_eq!(first.remedy, "mend it");
    assert!(consequences.deliveries.is_empty(), "an alert is sent once it is recorded, and not before");
}

#[test]
fn a_job_that_took_too_long_is_told_as_such() {
    let consequences = run(vec![failed(1, "orders", TIMEOUT_CODE)], vec![near(1)], &settings());
    let expected = [(JobTimeoutNear, Resolved, Some(id(1))), (JobTimedOut, Firing, Some(id(1)))];
    assert_eq!(told(&consequences), expected);
    let resolved = run(vec![completed(2, "orders")], consequences.alerts, &settings());
    assert_eq!(told(&resolved), [(JobTimedOut, Resolved, Some(id(2)))]);
}

#[test]
fn any_end_of_a_job_resolves_the_warning_about_it_and_no_other() {
    for end in [completed(1, "orders"), cancelled(1, "orders"), failed(1, "orders", "x")] {
        let consequences = run(vec![end], vec![near(1)], &settings());
        assert!(told(&consequences).contains(&(JobTimeoutNear, Resolved, Some(id(1)))));
    }
    let other = run(vec![cancelled(2, "orders")], vec![near(1)], &settings());
    assert_eq!(told(&other), []);
}

#[test]
fn an_alert_whose_own_fact_comes_late_is_resolved_once() {
    let firing = alert(JobFailed, ("pipeline", "orders"), Firing, Some(id(1)));
    let facts = vec![completed(2, "orders"), fact(firing.clone()), completed(3, "orders")];
    assert_eq!(told(&run(facts, vec![firing], &settings())), [(JobFailed, Resolved, Some(id(2)))]);
}

#[test]
fn a_cancelled_job_neither_raises_nor_resolves_a_failure() {
    let firing = vec![alert(JobFailed, ("pipeline", "orders"), Firing, Some(id(1)))];
    assert_eq!(told(&run(vec![cancelled(2, "orders")], firing, &settings())), []);
}

#[test]
fn an_alert_goes_to_every_channel_except_one_that_is_said_to_be_broken() {
    let facts = vec![
        fact(alert(Disk, ("folder", "/data"), Firing, None)),
        fact(alert(ChannelBroken, ("channel", "hook"), Firing, None)),
        fact(alert(ChannelBroken, ("channel", "hook"), Resolved, None)),
        fact(alert(AlertRule::Test, ("channel", "hook"), Firing, None)),
    ];
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let expected = [
        (Offset::from_number(11), names(&["hook", "log"])),
        (Offset::from_number(12), names(&["log"])),
        (Offset::from_number(13), names(&["log"])),
    ];
    assert_eq!(run(facts, vec![], &settings()).deliveries, expected);
}

#[test]
fn what_is_switched_off_is_neither_raised_nor_sent_and_still_resolves() {
    let off = NotificationSettings {
        job_failure_alerts: false,
        timeout_warnings: false,
        resource_alerts: false,
        channel_alerts: false,
        ..settings()
    };
    let raised = [
        alert(JobTimeoutNear, ("pipeline", "orders"), Firing, Some(id(1))),
        alert(Disk, ("folder", "/data"), Firing, None),
        alert(ChannelBroken, ("channel", "hook"), Firing, None),
    ];
    let facts = || {
        let jobs = [failed(8, "a", "x"), failed(9, "b", TIMEOUT_CODE)];
        jobs.into_iter().chain(raised.clone().map(fact)).collect::<Vec<_>>()
    };
    let on = run(facts(), vec![], &settings());
    assert_eq!((on.alerts.len(), on.deliveries.len()), (2, 3), "the control");
    assert_eq!(run(facts(), vec![], &off), Consequences::default());

    let failure = alert(JobFailed, ("pipeline", "orders"), Firing, Some(id(1)));
    let resolved = run(vec![completed(2, "orders")], vec![failure.clone()], &off);
    assert_eq!(told(&resolved), [(JobFailed, Resolved, Some(id(2)))]);
    let sent = run(vec![fact(resolved.alerts[0].clone())], vec![failure], &off);
    assert_eq!(sent.deliveries.len(), 1);

    let all_off = NotificationSettings { enabled: false, ..settings() };
    assert_eq!(run(facts(), vec![], &all_off), Consequences::default());
    assert_eq!(run(vec![fact(resolved.alerts[0].clone())], vec![], &all_off).deliveries, []);
}

#[test]
fn a_job_that_took_too_long_is_told_whom_either_concerns() {
    let told_by = |job_failure_alerts, timeout_warnings| {
        let settings = NotificationSettings { job_failure_alerts, timeout_warnings, ..settings() };
        let facts = vec![failed(1, "orders", TIMEOUT_CODE)];
        let raised = run(facts, vec![], &settings).alerts;
        // What is raised is sent, too.
        let sent = run(raised.iter().cloned().map(fact).collect(), vec![], &settings).deliveries.len();
        assert_eq!(sent, raised.len());
        raised.iter().map(|alert| alert.rule).collect::<Vec<_>>()
    };
    assert_eq!(told_by(true, false), [JobTimedOut], "it has failed");
    assert_eq!(told_by(false, true), [JobTimedOut]);
    assert_eq!(told_by(false, false), []);
}

#[test]
fn a_fact_that_nothing_follows_from_is_not_worth_a_transaction() {
    assert!(is_relevant(&failed(1, "a", "x")) && is_relevant(&fact(near(1))));
    let submitted = JobFact::submitted(now(), None);
    let Fact::Job { job, .. } = failed(1, "a", "x") else { panic!() };
    assert!(!is_relevant(&Fact::Job { job, fact: submitted }));
}
