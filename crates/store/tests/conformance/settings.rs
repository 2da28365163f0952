//! Changes of settings.

use etlplus_core::ports::{Change, Fact, Ledger, LedgerError, SettingsStore, SettingsVersion, StoredSettings};

use crate::examples::*;
use crate::fixture::Fixture;

fn stored(version: u64, overlay: &str) -> StoredSettings {
    StoredSettings { version: SettingsVersion::from_number(version), overlay: overlay.to_owned() }
}

pub(crate) async fn only_the_next_version_is_taken<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    assert_eq!(store.stored_settings().await, Ok(None));
    let overlay = r#"{"log": {"level": "DEBUG"}}"#;
    let first = settings(0, overlay);
    store.record(vec![first.clone()]).await.expect("nothing was changed yet");
    assert_eq!(store.stored_settings().await, Ok(Some(stored(1, overlay))));

    let stale = LedgerError::StaleSettings {
        expected: SettingsVersion::from_number(0),
        current: SettingsVersion::from_number(1),
    };
    assert_eq!(store.record(vec![submit(0), settings(0, "{}")]).await, Err(stale));
    // Of two at once one is too late, and what it says is nowhere to be seen.
    let (one, other) = tokio::join!(store.record(vec![settings(1, "{}")]), store.record(vec![settings(1, "{}")]));
    assert!(matches!((one, other), (Ok(_), Err(LedgerError::StaleSettings { .. }))));
    let mut leap = settings(2, "{}");
    if let Change::Settings { change, .. } = &mut leap {
        change.version = change.version.next();
    }
    assert!(matches!(store.record(vec![leap]).await, Err(LedgerError::Refused(_))));

    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store().stored_settings().await, Ok(Some(stored(2, "{}"))));
    let facts = all_facts(&fixture.store(), 9).await;
    assert_eq!(facts.len(), 2);
    let (Change::Settings { change, .. }, Fact::Settings(told)) = (first, &facts[0].fact) else { panic!("{facts:?}") };
    assert_eq!(**told, change);
}

pub(crate) async fn what_is_no_object_is_refused<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    for overlay in ["", "{", "[]", "7", "null", "{} {}"] {
        let (refused, other) = tokio::join!(
            store.record(vec![settings(0, overlay)]),
            // It may be in the same batch, and has no part in it.
            store.record(vec![]),
        );
        assert!(matches!(refused, Err(LedgerError::Refused(_))), "{overlay}: {refused:?}");
        other.expect("nothing is wrong with it");
    }
    assert_eq!(store.stored_settings().await, Ok(None));
    assert_eq!(all_facts(&store, 9).await, []);
}
