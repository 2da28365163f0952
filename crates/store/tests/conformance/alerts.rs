//! Alerts, and the rules that read the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use etlplus_core::ids::Offset;
use etlplus_core::job::Cause;
use etlplus_core::ports::{
    AlertQuery, AlertRecord, AlertRule, AlertStatus, Alerts, Change, Consequences, Fact, Ledger, Recorded, Rules,
};

use crate::examples::*;
use crate::fixture::Fixture;

pub(crate) async fn alerts_and_changes_of_settings_have_places_among_the_other_facts<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let changes = vec![
        submit(0),
        Change::Alert(firing("orders", 5)),
        log(0, 1),
        settings(0, "{}"),
        Change::Alert(resolved("orders", 6)),
        submit(1),
    ];
    let place = store.record(changes).await.expect("everything is new");
    assert_eq!(place.offset.get(), 6);
    for page in [1, 2, 9] {
        let facts = all_facts(&store, page).await;
        assert_no_holes(&facts);
        let kinds: Vec<_> = facts.iter().map(|recorded| kind(&recorded.fact)).collect();
        assert_eq!(kinds, ["submit", "firing", "line", "settings", "resolved", "submit"]);
    }
    let told = fixture.bus().subscribe_after(Offset::START).next().await.expect("facts were told");
    let told: Vec<_> = told.iter().map(|recorded| (**recorded).clone()).collect();
    assert_eq!(all_facts(&store, 99).await, told, "a fact is the same live and replayed");
}

fn kind(fact: &Fact) -> String {
    match fact {
        Fact::Job { fact, .. } => fact.cause.to_string(),
        Fact::Log { .. } => "line".to_owned(),
        Fact::Alert(alert) => alert.status.as_str().to_owned(),
        Fact::Settings(_) => "settings".to_owned(),
    }
}

/// Each submit raises an alert about its job, and each alert goes to a channel. What is shown is noted.
fn one_alert_a_submit(shown: &Arc<Mutex<Vec<Recorded>>>) -> Rules {
    let shown = shown.clone();
    Arc::new(move |facts, _| {
        shown.lock().expect("no test panics here").extend_from_slice(facts);
        let mut consequences = Consequences::default();
        for recorded in facts {
            match &recorded.fact {
                Fact::Job { job, fact } if fact.cause == Cause::Submit => {
                    consequences.alerts.push(firing(&job.id.to_string(), 1));
                }
                Fact::Alert(_) => consequences.deliveries.push((recorded.offset, vec!["log".to_owned()])),
                _ => {}
            }
        }
        consequences
    })
}

pub(crate) async fn rules_are_shown_each_fact_once_across_reopening<F: Fixture>() {
    const JOBS: usize = 20;
    let mut fixture = F::new().await;
    let shown = Arc::new(Mutex::new(Vec::new()));
    let rules = one_alert_a_submit(&shown);
    for round in 0..3 {
        let store = fixture.store();
        let jobs = round * JOBS..(round + 1) * JOBS;
        store.record(jobs.flat_map(|number| [submit(number), log(number, 1)]).collect()).await.expect("they are new");
        assert_eq!(store.advance(rules.clone(), limit(7)).await, Ok(7));
        // The rest of them is read after the reopening.
        fixture = fixture.reopen().await;
        advance_to_the_end(&fixture.store(), &rules).await;
    }
    let store = fixture.store();
    let facts = all_facts(&store, 99).await;
    assert_eq!(facts.len(), 3 * JOBS * 3, "a submit, a line and an alert of each");
    assert_no_holes(&facts);
    assert_eq!(*shown.lock().expect("no test panics here"), facts);
    let mut raised = BTreeMap::new();
    for alert in store.alerts(any(999)).await.expect("the store answers") {
        let label = alert.alert.labels["pipeline"].clone();
        assert!(raised.insert(label, alert.position).is_none(), "raised twice");
        assert_eq!(alert.deliveries.len(), 1);
    }
    assert_eq!(raised.len(), 3 * JOBS);
    assert_eq!(store.advance(rules, limit(7)).await, Ok(0));
}

pub(crate) async fn rules_that_panic_leave_everything_as_it_was<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let panics: Rules = Arc::new(|_, _| panic!("division of the world by zero"));
    store.record(vec![submit(0)]).await.expect("the job is new");
    let (first, panicked, second) =
        tokio::join!(store.record(vec![submit(1)]), store.advance(panics, limit(9)), store.record(vec![submit(2)]));
    first.and(second).expect("whoever records has no part in it");
    let panicked = panicked.expect_err("nothing came of it").to_string();
    assert!(panicked.contains("division of the world by zero"), "{panicked}");

    let shown = Arc::new(Mutex::new(Vec::new()));
    advance_to_the_end(&store, &one_alert_a_submit(&shown)).await;
    let facts = all_facts(&store, 9).await;
    assert_eq!(*shown.lock().expect("no test panics here"), facts);
}

pub(crate) async fn the_last_alert_of_a_fingerprint_decides_whether_it_fires<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let memory = |status, seconds| Change::Alert(crate::examples::alert(AlertRule::Memory, "a", status, seconds));
    let alerts = vec![
        Change::Alert(firing("a", 1)),
        memory(AlertStatus::Firing, 2),
        Change::Alert(firing("b", 3)),
        Change::Alert(resolved("a", 4)),
        Change::Alert(firing("b", 5)),
        Change::Alert(resolved("c", 6)),
    ];
    store.record(alerts).await.expect("alerts are taken");
    let offsets = |records: &[AlertRecord]| -> Vec<_> { records.iter().map(|r| r.position.offset.get()).collect() };
    assert_eq!(offsets(&store.firing().await.expect("the store answers")), [2, 5]);

    // The rules see what is firing by all that is recorded, what they raised themselves included.
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = seen.clone();
    let rules: Rules = Arc::new(move |facts, firing| {
        assert!(firing.iter().all(|alert| alert.deliveries.is_empty()));
        note.lock().expect("no test panics here").push(offsets(firing));
        let is_first = facts[0].offset.get() == 1;
        Consequences { alerts: if is_first { vec![resolved("b", 7)] } else { vec![] }, deliveries: vec![] }
    });
    store.advance(rules.clone(), limit(3)).await.expect("the store works");
    store.advance(rules.clone(), limit(3)).await.expect("the store works");
    assert_eq!(*seen.lock().expect("no test panics here"), [vec![2, 5], vec![2]]);

    let fixture = fixture.reopen().await;
    let still = fixture.store().firing().await.expect("the store answers");
    assert_eq!(offsets(&still), [2]);
    assert_eq!(*still[0].alert, crate::examples::alert(AlertRule::Memory, "a", AlertStatus::Firing, 2));
    fixture.store().record(vec![memory(AlertStatus::Resolved, 9)]).await.expect("alerts are taken");
    assert_eq!(fixture.store().firing().await, Ok(vec![]));
}

pub(crate) fn any(most: usize) -> AlertQuery {
    AlertQuery { rule: None, status: None, job: None, only_active: false, before: None, limit: limit(most) }
}

pub(crate) async fn alerts_are_listed_from_the_latest_and_each_filter_counts<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let mut of_a_job = firing("a", 1);
    of_a_job.job = Some(job_id(7));
    let alerts = [
        of_a_job,
        resolved("a", 2),
        crate::examples::alert(AlertRule::Disk, "b", AlertStatus::Firing, 3),
        firing("c", 4),
    ];
    store.record(alerts.clone().map(Change::Alert).to_vec()).await.expect("alerts are taken");
    let found = async |query| -> Vec<_> {
        let records: Vec<AlertRecord> = store.alerts(query).await.expect("the store answers");
        assert!(records.iter().all(|record| *record.alert == alerts[record.position.offset.get() as usize - 1]));
        records.iter().map(|record| record.position.offset.get()).collect()
    };
    assert_eq!(found(any(9)).await, [4, 3, 2, 1]);
    assert_eq!(found(any(2)).await, [4, 3]);
    assert_eq!(found(AlertQuery { before: Some(Offset::from_number(3)), ..any(9) }).await, [2, 1]);
    assert_eq!(found(AlertQuery { rule: Some(AlertRule::Disk), ..any(9) }).await, [3]);
    assert_eq!(found(AlertQuery { status: Some(AlertStatus::Firing), ..any(9) }).await, [4, 3, 1]);
    assert_eq!(found(AlertQuery { job: Some(job_id(7)), ..any(9) }).await, [1]);
    assert_eq!(found(AlertQuery { only_active: true, ..any(9) }).await, [4, 3], "the first was resolved since");
    let all = AlertQuery {
        rule: Some(AlertRule::JobFailed),
        status: Some(AlertStatus::Firing),
        job: Some(job_id(7)),
        only_active: false,
        before: Some(Offset::from_number(2)),
        limit: limit(1),
    };
    assert_eq!(found(all.clone()).await, [1]);
    assert_eq!(found(AlertQuery { job: Some(job_id(8)), ..all }).await, [0; 0]);
}
