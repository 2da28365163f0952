//! A store that fails for a while.

use etlplus_core::ids::Offset;
use etlplus_core::ports::{Alerts, History, Ledger, LedgerError, Retention, RetentionLimits, Schedules, Tokens};
use tokio::time::timeout;

use crate::examples::*;
use crate::fixture::{DEADLINE, Fixture};

pub(crate) async fn a_commit_that_fails_tells_nothing_and_recording_goes_on_after_it<F: Fixture>() {
    let fixture = F::new().await;
    let (store, bus) = (fixture.store(), fixture.bus());
    let before = store.record(vec![submit(0)]).await.expect("the job is new");

    let hindrance = fixture.hinder().await;
    let (refused, also_refused) = tokio::join!(store.record(vec![submit(1)]), store.record(vec![log(0, 3)]));
    for refused in [refused, also_refused] {
        assert!(matches!(refused, Err(LedgerError::Unavailable(_))), "{refused:?}");
    }
    assert_eq!(bus.position(), before, "nothing was told");
    assert_eq!(store.job(job_id(1)).await, Ok(None), "reading goes on");
    assert_eq!(store.spool_position(job_id(0), FIRST).await, Ok(spool(0, 0)));
    F::release(hindrance).await;

    let place = store.record(vec![submit(1), log(0, 3)]).await.expect("nothing hinders it");
    assert_eq!(place.offset.get(), before.offset.get() + 4);
    let told = timeout(DEADLINE, bus.subscribe_after(Offset::START).next()).await.expect("facts were told");
    let told: Vec<_> = told.expect("none is lost").iter().map(|recorded| (**recorded).clone()).collect();
    assert_eq!(told.len(), 5);
    assert_eq!(told, all_facts(&store, 9).await);
}

pub(crate) async fn what_is_asked_for_while_no_commit_succeeds_does_not_happen<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    store.record(vec![submit(0)]).await.expect("the job is new");
    let hindrance = fixture.hinder().await;
    let token = crate::tokens::token(1, "ci");
    let (advanced, token_made, marked, pruned) = tokio::join!(
        store.advance(deliver_to(&["log"]), limit(9)),
        store.create_token(token.clone()),
        store.mark_schedule("orders".to_owned(), at(1)),
        store.prune(RetentionLimits::default(), limit(9)),
    );
    advanced.expect_err("it could not be recorded");
    token_made.expect_err("it could not be recorded");
    marked.expect_err("it could not be recorded");
    pruned.expect_err("it could not be recorded");
    F::release(hindrance).await;
    assert_eq!(store.tokens().await, Ok(vec![]));
    assert_eq!(store.schedule_marks().await, Ok(vec![]));
    assert_eq!(store.advance(no_rules(), limit(9)).await, Ok(1), "the rules have not come to the job");
    store.create_token(token).await.expect("nothing hinders it");
}
