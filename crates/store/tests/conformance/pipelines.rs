//! Pipelines that are kept.

use etlplus_core::ports::{Pipelines, StoredPipeline};

use crate::examples::*;
use crate::fixture::Fixture;

fn pipeline(name: &str, version: u64, definition: &str, folder: &str, seconds: i64) -> StoredPipeline {
    StoredPipeline {
        name: name.to_owned(),
        version,
        definition: definition.to_owned(),
        folder: folder.into(),
        updated_at: at(seconds),
    }
}

async fn put(store: &impl Pipelines, new: &StoredPipeline) -> StoredPipeline {
    let StoredPipeline { name, definition, folder, updated_at, .. } = new.clone();
    store.put_pipeline(name, definition, folder, updated_at).await.expect("the store works")
}

pub(crate) async fn only_a_change_makes_a_new_version<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    let first = pipeline("orders", 1, "a", "/srv", 1);
    assert_eq!(put(&store, &first).await, first);
    assert_eq!(put(&store, &pipeline("orders", 1, "a", "/srv", 2)).await, first, "it is equal to what is kept");
    let second = pipeline("orders", 2, "b", "/srv", 3);
    assert_eq!(put(&store, &second).await, second);
    let third = pipeline("orders", 3, "b", "/opt", 4);
    assert_eq!(put(&store, &third).await, third);
    assert_eq!(store.pipeline("orders".to_owned()).await, Ok(Some(third)));
}

pub(crate) async fn pipelines_are_listed_by_name_and_kept<F: Fixture>() {
    let fixture = F::new().await;
    let kept = ["a", "b", "c"].map(|name| pipeline(name, 1, "text", "/srv", 1));
    for index in [2, 0, 1] {
        put(&fixture.store(), &kept[index]).await;
    }
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store().pipelines().await, Ok(kept.to_vec()));
}
