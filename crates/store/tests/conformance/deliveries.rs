//! Alerts on their way to channels.

use std::collections::BTreeMap;
use std::sync::Arc;

use etlplus_core::ids::{Epoch, Offset};
use etlplus_core::ports::{
    Alerts, Change, Consequences, Delivery, DeliveryState, DeliveryTry, Ledger, LogPosition, Rules, TRIES_KEPT,
};
use uuid::Uuid;

use crate::alerts::any;
use crate::examples::*;
use crate::fixture::Fixture;

/// Alerts at the first places of the log, each on its way to `channels`.
async fn alerts_for<F: Fixture>(number: i64, channels: &[&str]) -> F {
    let fixture = F::new().await;
    let alerts = (1..=number).map(|number| Change::Alert(firing(&format!("p{number}"), number))).collect();
    fixture.store().record(alerts).await.expect("alerts are taken");
    advance_to_the_end(&fixture.store(), &deliver_to(channels)).await;
    fixture
}

async fn place(store: &impl Ledger, offset: u64) -> LogPosition {
    LogPosition { offset: Offset::from_number(offset), ..beginning(store).await }
}

fn tried(seconds: i64, error: Option<&str>) -> Option<DeliveryTry> {
    Some(DeliveryTry { at: at(seconds), error: error.map(str::to_owned) })
}

pub(crate) async fn deliveries_wait_in_the_order_of_their_alerts<F: Fixture>() {
    let fixture = alerts_for::<F>(3, &["mail", "hook"]).await.reopen().await;
    let store = fixture.store();
    let alert = place(&store, 2).await;
    let waiting = store.waiting("hook".to_owned(), limit(2)).await.expect("the store answers");
    let offsets: Vec<_> = waiting.iter().map(|delivery| delivery.alert.offset.get()).collect();
    assert_eq!(offsets, [1, 2]);
    let made = Delivery {
        alert,
        channel: "hook".to_owned(),
        state: DeliveryState::Waiting { due: at(2) },
        tries: vec![],
        tries_made: 0,
    };
    assert_eq!(waiting[1], made);
    assert_eq!(made.key(), format!("{}.2.hook", alert.epoch));

    // One that is tried again later still waits; the others of its channel keep their order.
    let later = DeliveryState::Waiting { due: at(900) };
    let settled = store.settle_delivery(alert, "hook".to_owned(), tried(10, Some("503")), later.clone()).await;
    settled.expect("the store works");
    let delivered = DeliveryState::Delivered { at: at(11) };
    let first = place(&store, 1).await;
    store.settle_delivery(first, "hook".to_owned(), tried(11, None), delivered.clone()).await.expect("it works");
    let waiting = store.waiting("hook".to_owned(), limit(9)).await.expect("the store answers");
    let states: Vec<_> = waiting.iter().map(|delivery| (delivery.alert.offset.get(), &delivery.state)).collect();
    assert_eq!(states, [(2, &later), (3, &DeliveryState::Waiting { due: at(3) })]);
    let counts = BTreeMap::from([("hook".to_owned(), 2), ("mail".to_owned(), 3)]);
    assert_eq!(store.waiting_counts().await, Ok(counts));
    assert_eq!(store.waiting("pager".to_owned(), limit(9)).await, Ok(vec![]));

    let alerts = store.alerts(any(9)).await.expect("the store answers");
    let channels: Vec<_> = alerts[2].deliveries.iter().map(|delivery| (&*delivery.channel, &delivery.state)).collect();
    assert_eq!(channels, [("hook", &delivered), ("mail", &DeliveryState::Waiting { due: at(1) })]);
    assert_eq!(alerts[1].deliveries[0].tries, [tried(10, Some("503")).expect("it was tried")]);
    let firing = store.firing().await.expect("the store answers");
    assert!(firing.iter().all(|alert| alert.deliveries.len() == 2), "they are told with what is firing, too");
}

pub(crate) async fn a_delivery_keeps_its_last_tries<F: Fixture>() {
    let fixture = alerts_for::<F>(1, &["mail"]).await;
    let store = fixture.store();
    let alert = place(&store, 1).await;
    let again = |seconds| DeliveryState::Waiting { due: at(seconds) };
    for number in 1..=TRIES_KEPT as i64 + 5 {
        let error = format!("try {number}");
        let settled =
            store.settle_delivery(alert, "mail".to_owned(), tried(number, Some(&error)), again(number + 1)).await;
        settled.expect("the store works");
    }
    // The breaker put it off, without a try.
    store.settle_delivery(alert, "mail".to_owned(), None, again(99)).await.expect("the store works");
    let [delivery] = store.waiting("mail".to_owned(), limit(9)).await.expect("it answers").try_into().expect("one");
    assert_eq!(delivery.tries_made as usize, TRIES_KEPT + 5);
    assert_eq!(delivery.tries.len(), TRIES_KEPT);
    assert_eq!(delivery.tries[0].error.as_deref(), Some("try 6"));
    assert_eq!(delivery.state, again(99));
}

pub(crate) async fn what_waits_no_more_stays_as_it_is<F: Fixture>() {
    let fixture = alerts_for::<F>(1, &["mail", "hook"]).await;
    let store = fixture.store();
    let alert = place(&store, 1).await;
    let failed = DeliveryState::Failed { at: at(4), reason: "410 Gone".to_owned() };
    let elsewhere = LogPosition { epoch: Epoch::from_uuid(Uuid::from_u128(8)), ..alert };
    let absent = LogPosition { offset: alert.offset.next(), ..alert };
    for (alert, channel) in [(alert, "mail"), (elsewhere, "hook"), (absent, "hook"), (alert, "pager")] {
        store
            .settle_delivery(alert, channel.to_owned(), tried(4, Some("410")), failed.clone())
            .await
            .expect("it works");
    }
    let delivered = DeliveryState::Delivered { at: at(5) };
    store.settle_delivery(alert, "mail".to_owned(), tried(5, None), delivered).await.expect("the store works");
    let alerts = store.alerts(any(9)).await.expect("the store answers");
    let states: Vec<_> = alerts[0].deliveries.iter().map(|delivery| (&*delivery.channel, &delivery.state)).collect();
    assert_eq!(states, [("hook", &DeliveryState::Waiting { due: at(1) }), ("mail", &failed)]);
    assert_eq!(alerts[0].deliveries[1].tries_made, 1);
}

pub(crate) async fn only_alerts_that_were_shown_are_delivered_and_each_once<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let changes = vec![submit(0), Change::Alert(firing("a", 1)), Change::Alert(firing("b", 2))];
    store.record(changes).await.expect("everything is new");
    let rules: Rules = Arc::new(|_, _| {
        let both = || vec!["log".to_owned(), "log".to_owned()];
        // A job's fact, an alert, an alert that comes later, and nothing at all.
        let deliveries = [1, 2, 2, 3, 77].map(|offset| (Offset::from_number(offset), both())).to_vec();
        Consequences { alerts: vec![], deliveries }
    });
    assert_eq!(store.advance(rules, limit(2)).await, Ok(2));
    let waiting = store.waiting("log".to_owned(), limit(9)).await.expect("the store answers");
    assert_eq!(waiting.iter().map(|delivery| delivery.alert.offset.get()).collect::<Vec<_>>(), [2]);
}
