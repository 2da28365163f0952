//! How far schedules were followed.

use etlplus_core::ports::{Ledger, LedgerError, NewJob, ScheduledFor, Schedules};

use crate::examples::*;
use crate::fixture::Fixture;

pub(crate) async fn a_mark_moves_with_its_submit_alone<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let scheduled = |number: usize, seconds| {
        let scheduled_for = Some(ScheduledFor { pipeline: "orders".to_owned(), at: at(seconds) });
        submitted(NewJob { scheduled_for, ..new_job(number) })
    };
    store.record(vec![scheduled(0, 10)]).await.expect("the job is new");
    assert_eq!(store.schedule_marks().await, Ok(vec![("orders".to_owned(), at(10))]));
    // The second job is there already: the mark stays with the first.
    let refused = store.record(vec![scheduled(1, 20), scheduled(0, 30)]).await;
    assert!(matches!(refused, Err(LedgerError::Conflict { .. })), "{refused:?}");
    assert_eq!(store.schedule_marks().await, Ok(vec![("orders".to_owned(), at(10))]));
    store.record(vec![scheduled(1, 20)]).await.expect("the job is new");
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store().schedule_marks().await, Ok(vec![("orders".to_owned(), at(20))]));
}

pub(crate) async fn marks_are_kept_by_pipeline<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    assert_eq!(store.schedule_marks().await, Ok(vec![]));
    for (pipeline, seconds) in [("b", 5), ("a", 1), ("a", 9), ("b", 2)] {
        store.mark_schedule(pipeline.to_owned(), at(seconds)).await.expect("the store works");
    }
    let fixture = fixture.reopen().await;
    // A mark may go back, where a clock had run ahead.
    let marks = vec![("a".to_owned(), at(9)), ("b".to_owned(), at(2))];
    assert_eq!(fixture.store().schedule_marks().await, Ok(marks));
}
