//! Whatever subset of right values the layers have, each key gets the value of the highest layer that has it.

use std::path::PathBuf;

use etlplus_core::settings::{self, Applies, Format, Layer, Layers, Origin};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::view;

/// Keys with right values, as a file would say them, each in the form in which it is shown. None of them are at odds.
const VALUES: &[(&str, [&str; 4])] = &[
    ("server.listen", ["127.0.0.1:1", "127.0.0.1:2", "[::1]:3", "0.0.0.0:4"]),
    ("server.data", ["a", "/b", "c d", "é"]),
    ("server.allowed_hosts", ["[]", "[\"a\"]", "[\"a\",\"b.c\"]", "[\"10.0.0.1\"]"]),
    ("server.requests_per_second", ["1", "2", "3", "1000000"]),
    ("access.required", ["auto", "true", "true", "auto"]),
    ("jobs.max_concurrent_jobs", ["auto", "1", "2", "1000"]),
    ("jobs.max_queued_jobs", ["1", "2", "3", "1000000"]),
    ("jobs.timeout", ["none", "100ms", "1h", "365d"]),
    ("jobs.log_max_bytes", ["1MiB", "2MiB", "3GiB", "1048577B"]),
    ("retention.jobs.max_age", ["none", "1s", "1d", "36500d"]),
    ("retention.samples.max_count", ["none", "1", "2", "1000000000000"]),
    ("retention.logs_max_bytes", ["1MiB", "1025KiB", "3GiB", "4GiB"]),
    ("retention.logs_max_bytes_per_job", ["1MiB", "1025KiB", "3GiB", "4GiB"]),
    ("retention.rejects_max_bytes", ["1MiB", "1025KiB", "3GiB", "4GiB"]),
    ("log.level", ["info", "off", "warn,a=debug", "a::b=trace"]),
    ("log.format", ["text", "json", "text", "json"]),
    ("log.file", ["none", "a", "b", "c"]),
    ("monitoring.websocket.enabled", ["true", "false", "true", "false"]),
    ("monitoring.websocket.port", ["none", "10", "11", "65535"]),
    ("monitoring.websocket.heartbeat_interval", ["\"100ms\"", "1", "30", "3600"]),
    ("monitoring.notifications.retry_delay", ["1", "250", "5000", "3600000"]),
    ("monitoring.notifications.cpu_threshold", ["1", "50.5", "99.9", "100"]),
    ("monitoring.notifications.allowed_private_hosts", ["[]", "[\"10.0.0.0/8\"]", "[\"a\"]", "[\"::1\"]"]),
    (
        "monitoring.notifications.channels.a",
        [
            "{\"type\":\"log\"}",
            "{\"type\":\"webhook\",\"url\":\"${A}\"}",
            "{\"type\":\"webhook\",\"url\":\"${B}\"}",
            "{\"type\":\"log\"}",
        ],
    ),
    (
        "monitoring.notifications.channels.b",
        [
            "{\"type\":\"webhook\",\"url\":\"${C}\"}",
            "{\"type\":\"log\"}",
            "{\"type\":\"log\"}",
            "{\"type\":\"webhook\",\"url\":\"${D}\"}",
        ],
    ),
];

/// What `text` is in JSON: itself if it is JSON, else a text.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

/// Of each key, which of its values a layer has, if any.
type Choices = Vec<Option<usize>>;

fn choices() -> impl Strategy<Value = Choices> {
    prop::collection::vec(prop::option::of(0_usize..4), VALUES.len())
}

fn layer(choices: &Choices) -> Layer {
    let mut root = json!({});
    for ((path, values), choice) in VALUES.iter().zip(choices) {
        let Some(choice) = choice else { continue };
        let place = path.split('.').fold(&mut root, |place, part| &mut place[part]);
        *place = value(values[*choice]);
    }
    settings::read(&root.to_string(), Format::Json).whole().unwrap_or_else(|mistakes| panic!("{mistakes:#?} in {root}"))
}

proptest! {
    #[test]
    fn each_key_has_the_value_of_the_highest_layer(
        file in choices(), environment in choices(), flags in choices(), changed in choices(),
    ) {
        let layers = Layers {
            file: Some((PathBuf::from("f"), layer(&file))),
            environment: layer(&environment),
            flags: layer(&flags),
            changed: layer(&changed),
        };
        let settled = layers.settle().unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
        for (index, (path, values)) in VALUES.iter().enumerate() {
            let found = settled.entries.iter().find(|entry| entry.key == *path);
            let mut by_height =
                [(&changed, "changed"), (&flags, "flag"), (&environment, "environment"), (&file, "file")];
            if found.is_some_and(|entry| entry.applies == Applies::NextStart) {
                by_height.swap(0, 1);
            }
            let top = by_height.iter().find_map(|(choices, name)| choices[index].map(|choice| (choice, *name)));
            match (found, top) {
                (Some(entry), Some((choice, from))) => {
                    prop_assert_eq!(&entry.value, &value(values[choice]), "{}", path);
                    let origin = serde_json::to_value(&entry.origin).expect("an origin is JSON");
                    prop_assert_eq!(&origin["from"], from);
                }
                (Some(entry), None) => prop_assert_eq!(&entry.origin, &Origin::Default),
                (None, top) => prop_assert!(top.is_none() && path.contains("channels"), "no entry {}", path),
            }
        }
    }

    #[test]
    fn layers_can_be_laid_over_one_another_in_any_grouping(a in choices(), b in choices(), c in choices()) {
        let [a, b, c] = [a, b, c].map(|choices| layer(&choices));
        let left = a.clone().over(&b).over(&c);
        let right = a.clone().over(&b.clone().over(&c));
        prop_assert_eq!(left.to_json(), right.to_json());
        prop_assert_eq!(a.clone().over(&a).to_json(), a.to_json());
        prop_assert_eq!(a.clone().over(&Layer::default()).to_json(), a.to_json());
        prop_assert_eq!(Layer::default().over(&a).to_json(), a.to_json());
    }

    #[test]
    fn a_layer_and_its_view_read_back(choices in choices()) {
        let first = layer(&choices);
        let again = settings::read(&first.to_json(), Format::Json).whole().expect("what is kept is right");
        prop_assert_eq!(again.to_json(), first.to_json());
        let settle = |changed: Layer| Layers { changed, ..Layers::default() }.settle().expect("the values fit");
        let settled = settle(first);
        let shown = settings::read(&view(&settled).to_string(), Format::Json).whole().expect("what is shown is right");
        prop_assert_eq!(settle(shown).settings, settled.settings);
    }

    #[test]
    fn a_change_and_its_removal_leave_nothing(start in choices(), change in choices()) {
        // Of two equal values, one changes nothing.
        let shown = |choices: &Choices, index: usize| choices[index].map(|choice| VALUES[index].1[choice]);
        let news = (0..VALUES.len()).filter(|index| shown(&change, *index).is_some());
        let news = news.filter(|index| shown(&change, *index) != shown(&start, *index)).count();
        let (start, change) = (layer(&start), layer(&change));
        let changed = start.changed_by(&change.to_json()).whole().expect("the change is right");
        prop_assert_eq!(changed.keys.len(), news);
        prop_assert_eq!(changed.layer.to_json(), change.over(&start).to_json());
        let all = r#"{"server":null,"access":null,"jobs":null,"retention":null,"log":null,"monitoring":null}"#;
        prop_assert!(changed.layer.changed_by(all).whole().expect("it is right").layer.is_empty());
    }

    #[test]
    fn only_what_applies_at_the_next_start_waits(start in choices(), change in choices()) {
        let settle = |changed: Layer| Layers { changed, ..Layers::default() }.settle().expect("the values fit");
        let (start, new) = (settle(layer(&start)), settle(layer(&change)));
        let running = new.clone().since_start(&start.settings);
        for entry in &running.entries {
            let before = start.entries.iter().find(|old| old.key == entry.key).map(|old| &old.value);
            let is_other = before != Some(&entry.value);
            let waits = entry.applies == Applies::NextStart && is_other;
            prop_assert_eq!(entry.pending_restart, waits, "{}", entry.key);
        }
        prop_assert_eq!(&running.settings.monitoring.notifications, &new.settings.monitoring.notifications);
        prop_assert_eq!(&running.settings.server.data, &start.settings.server.data);
    }
}
