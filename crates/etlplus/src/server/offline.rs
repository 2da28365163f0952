//! Work on the data folder of a server that does not run.

use std::path::Path;

use etlplus_core::Failure;
use etlplus_core::ports::{Change, Clock, Ledger, SettingsChange, SettingsStore};
use etlplus_store::{Opened, Store};
use serde_json::Value;

use crate::clock::SystemClock;

/// Has `work` done on the store in `data`. Has to be called outside of a runtime.
///
/// # Errors
/// Where there is no store, a server owns it, or the work fails.
pub(super) fn with_store<T>(data: &Path, work: impl AsyncFnOnce(&Store) -> Result<T, Failure>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::bug(format!("cannot start a runtime: {error}")))?;
    if !data.join("etlplus.db").exists() {
        let message = format!("there is no store in {}", data.display());
        return Err(Failure::user("no_store", message, "name the data folder of a server with --data"));
    }
    runtime.block_on(async {
        let Opened { store, writer, bus: _bus } = Store::open(data).await.map_err(|error| {
            let remedy = "end the server that has it, or ask that server by leaving --data out";
            Failure::user("store_unusable", error.to_string(), remedy)
        })?;
        let done = work(&store).await;
        writer.close().await.map_err(super::store_failed)?;
        done
    })
}

/// Takes back what was changed of `keys` while a server ran, and gives those that were. Nothing is checked: it is for
/// changes with which no server starts.
///
/// # Errors
/// As [`with_store`].
pub(crate) fn unset(data: &Path, keys: &[&str]) -> Result<Vec<String>, Failure> {
    with_store(data, async |store| {
        let Some(stored) = store.stored_settings().await.map_err(super::unavailable)? else { return Ok(Vec::new()) };
        let mut overlay: Value = serde_json::from_str(&stored.overlay)
            .map_err(|error| Failure::bug(format!("the stored settings are no JSON: {error}")))?;
        let taken: Vec<String> = keys.iter().filter(|key| remove(&mut overlay, key)).map(ToString::to_string).collect();
        if taken.is_empty() {
            return Ok(taken);
        }
        let change = SettingsChange {
            version: stored.version.next(),
            at: SystemClock::start().now(),
            by: "the data folder's owner".to_owned(),
            keys: taken.iter().map(|key| (key.clone(), None)).collect(),
        };
        let change = Change::Settings { expected: stored.version, overlay: overlay.to_string(), change };
        let recorded = store.record(vec![change]).await;
        recorded.map_err(|error| Failure::transient("store_unusable", error.to_string(), "try again"))?;
        Ok(taken)
    })
}

/// Takes the value of a dotted path away. Gives whether there was one.
fn remove(overlay: &mut Value, key: &str) -> bool {
    let (parents, last) = key.rsplit_once('.').map_or((None, key), |(parents, last)| (Some(parents), last));
    let mut steps = parents.into_iter().flat_map(|parents| parents.split('.'));
    let section = steps.try_fold(overlay, |section, step| section.get_mut(step));
    section.and_then(Value::as_object_mut).is_some_and(|section| section.remove(last).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_key_is_taken_away_and_the_others_stay() {
        let mut overlay = json!({"server": {"listen": "x"}, "log": {"level": "debug", "format": "json"}});
        assert!(remove(&mut overlay, "log.level"));
        assert!(!remove(&mut overlay, "log.level") && !remove(&mut overlay, "no.such.key"));
        assert!(remove(&mut overlay, "server"));
        assert_eq!(overlay, json!({"log": {"format": "json"}}));
    }
}
