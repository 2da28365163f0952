//! A store that fails for a while.

use etlplus_core::ids::Offset;
use etlplus_core::ports::{History, Ledger, LedgerError};
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
