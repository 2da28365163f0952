//! Who needs a token, and what is shown where nobody says anything.

use etlplus_core::settings::{Layers, Origin, Settings};
use serde_json::json;

use crate::support::{of_file, settled, view, yaml};

#[test]
fn without_layers_the_defaults_hold_and_say_so() {
    let settled = settled(&Layers::default());
    assert_eq!(settled.settings, Settings::default());
    for entry in &settled.entries {
        assert_eq!(entry.origin, Origin::Default, "{}", entry.key);
        assert_eq!(entry.value, entry.default, "{}", entry.key);
        assert!(!entry.pending_restart && !entry.value.is_null(), "{}", entry.key);
    }
    let values = view(&settled);
    assert_eq!(values["server"]["listen"], json!("127.0.0.1:8080"));
    assert_eq!(values["retention"]["jobs"], json!({ "max_age": "90d", "max_count": 100_000 }));
    assert_eq!(values["monitoring"]["notifications"]["retry_delay"], json!(5_000));
}

#[test]
fn tokens_are_needed_where_others_reach_the_address() {
    for (listen, required, expected) in [
        ("127.0.0.1:1", "auto", false),
        ("127.8.8.8:1", "auto", false),
        ("'[::1]:1'", "auto", false),
        ("'[::ffff:127.0.0.1]:1'", "auto", false),
        ("0.0.0.0:1", "auto", true),
        ("10.0.0.1:1", "auto", true),
        ("'[::]:1'", "auto", true),
        ("127.0.0.1:1", "true", true),
        ("127.0.0.1:1", "false", false),
    ] {
        let text = format!("server: {{ listen: {listen} }}\naccess: {{ required: {required} }}");
        assert_eq!(settled(&of_file(yaml(&text))).settings.access_required(), expected, "{text}");
    }
}

#[test]
fn entries_are_shown_with_their_origin() {
    let settled = settled(&of_file(yaml("log: { level: warn }")));
    let entry = settled.entries.iter().find(|entry| entry.key == "log.level").expect("the entry is there");
    assert_eq!(
        serde_json::to_value(entry).expect("an entry is JSON"),
        json!({
            "key": "log.level", "value": "warn", "default": "info", "applies": "live", "pending_restart": false,
            "origin": { "from": "file", "path": "etlplus.yaml" },
        })
    );
}
