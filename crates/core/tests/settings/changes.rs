//! Changes while the server runs: partial, all or nothing, over everything else.

use etlplus_core::Position;
use etlplus_core::settings::{self, Applies, Format, Layer, Layers, Origin};
use serde_json::json;

use crate::support::{SEED, entry, good, of_file, say, settled, yaml};

#[test]
fn a_change_lies_over_everything_and_tells_what_it_set() {
    let mut layers = of_file(good(SEED, Format::Json));
    layers.flags =
        settings::flags([("monitoring.websocket.heartbeat_interval", "9s")]).whole().expect("the option is right");
    let change =
        r#"{"monitoring": {"websocket": {"heartbeat_interval": "10s"}, "notifications": {"retry_attempts": 0}}}"#;
    let change = layers.changed.changed_by(change).whole().expect("the change is right");
    let keys = [
        ("monitoring.notifications.retry_attempts".to_owned(), Some("0".to_owned())),
        ("monitoring.websocket.heartbeat_interval".to_owned(), Some("10".to_owned())),
    ];
    assert_eq!(change.keys, keys);
    layers.changed = change.layer;
    let settled = settled(&layers);
    let entry = entry(&settled, "monitoring.websocket.heartbeat_interval");
    assert_eq!((&entry.value, &entry.origin), (&json!(10), &Origin::Changed));
    assert_eq!(settled.settings.monitoring.websocket.max_connections, 100);
}

#[test]
fn null_gives_the_earlier_origin_back() {
    let change = r#"{"jobs": {"timeout": "5m", "max_queued_jobs": 9},
                     "monitoring": {"notifications": {"channels": {"a": {"type": "log"}, "b": {"type": "log"}}}}}"#;
    let changed = Layer::default().changed_by(change).whole().expect("the change is right").layer;
    let keys = |change: &str| {
        let change = changed.changed_by(change).whole().expect("the change is right");
        assert!(change.keys.iter().all(|(_, value)| value.is_none()));
        let keys: Vec<String> = change.keys.into_iter().map(|(key, _)| key).collect();
        (keys.join(" "), change.layer.is_empty())
    };
    assert_eq!(keys(r#"{"jobs": {"timeout": null}}"#), ("jobs.timeout".to_owned(), false));
    assert_eq!(keys(r#"{"jobs": null}"#), ("jobs.max_queued_jobs jobs.timeout".to_owned(), false));
    let path = "monitoring.notifications.channels";
    let channel = r#"{"monitoring": {"notifications": {"channels": {"a": null}}}}"#;
    assert_eq!(keys(channel), (format!("{path}.a"), false));
    assert_eq!(keys(r#"{"monitoring": {"notifications": {"channels": null}}}"#), (format!("{path}.a {path}.b"), false));
    let all =
        "jobs.max_queued_jobs jobs.timeout monitoring.notifications.channels.a monitoring.notifications.channels.b";
    assert_eq!(keys(r#"{"jobs": null, "monitoring": null}"#), (all.to_owned(), true));
    assert_eq!(keys(r#"{"log": null, "server": {"listen": null}}"#), (String::new(), false));
    assert_eq!(keys("{}"), (String::new(), false));
}

#[test]
fn a_wrong_change_names_every_fault() {
    let change = r#"{"monitoring": {"websocket": {"heartbeat_interval": 0, "maxconnections": 1}, "notifications":
                     {"memory_threshold": 140, "channels": {"ops": {"url": "https://example.com"}}}}, "jbs": null}"#;
    let mistakes = Layer::default().changed_by(change).whole().expect_err("the change is wrong");
    say(
        &mistakes,
        &[
            ("monitoring.websocket.heartbeat_interval", "too little"),
            ("monitoring.websocket.maxconnections", "did you mean max_connections?"),
            ("monitoring.notifications.memory_threshold", "\"140\" is too much"),
            ("monitoring.notifications.channels.ops.type", "type is missing"),
            ("jbs", "did you mean jobs?"),
        ],
    );
    for (change, words) in [
        ("", "the change is empty"),
        ("null", "has no value: write a map"),
        ("[]", "is a list"),
        ("5", "is a single value"),
        ("{", "this is not JSON"),
        ("monitoring: {}", "this is not JSON"),
    ] {
        say(&Layer::default().changed_by(change).whole().expect_err(change), &[("", words)]);
    }
}

#[test]
fn what_was_changed_reads_back_from_the_store() {
    let change = r#"{"server": {"listen": "127.0.0.1:9", "allowed_hosts": ["a"]}, "jobs": {"timeout": "none", "log_max_bytes": "2MiB"},
        "monitoring": {"notifications": {"cpu_threshold": 50.5, "channels": {
            "ops": {"type": "webhook", "url": "https://example.com/a/b?c", "secret": "${S}"},
            "mail": {"type": "email", "host": "h", "from": "a@b", "to": ["c@d"], "username": "u", "password": "${file:/p}"}}}}}"#;
    let changed = Layer::default().changed_by(change).whole().expect("the change is right").layer;
    let read = good(&changed.to_json(), Format::Json);
    let of = |changed: &Layer| settled(&Layers { changed: changed.clone(), ..Layers::default() });
    assert_eq!(of(&read), of(&changed));
    assert_eq!(read.to_json(), changed.to_json());
    assert_eq!(of(&read).settings.monitoring.notifications.channels.len(), 2);
}

#[test]
fn what_needs_a_restart_waits_for_it() {
    let start = settled(&of_file(good(SEED, Format::Json)));
    let mut layers = of_file(good(SEED, Format::Json));
    let change = r#"{"server": {"listen": "127.0.0.1:9090"}, "log": {"format": "json", "level": "debug"},
                     "monitoring": {"websocket": {"port": 8081, "max_connections": 5}}}"#;
    layers.changed = layers.changed.changed_by(change).whole().expect("the change is right").layer;
    let running = settled(&layers).since_start(&start.settings);
    assert_eq!(running.settings.server.listen.port(), 8080);
    assert_eq!(running.settings.log.format, start.settings.log.format);
    assert_eq!(running.settings.log.level, "debug");
    assert_eq!(running.settings.monitoring.websocket.max_connections, 5);
    let listen = entry(&running, "server.listen");
    assert_eq!((&listen.value, listen.applies), (&json!("127.0.0.1:9090"), Applies::NextStart));
    let pending: Vec<&str> =
        running.entries.iter().filter(|entry| entry.pending_restart).map(|entry| entry.key.as_str()).collect();
    // The port is what the file says already.
    assert_eq!(pending, ["server.listen", "log.format"]);
}

#[test]
fn a_change_that_does_not_fit_the_rest_is_named_by_its_key() {
    let mut layers = of_file(yaml("# a comment\nserver: { listen: 0.0.0.0:80 }\n"));
    let change = r#"{"access": {"required": false}}"#;
    layers.changed = layers.changed.changed_by(change).whole().expect("the change alone is right").layer;
    say(&layers.settle().expect_err("it does not fit"), &[("access.required", "everybody who reaches 0.0.0.0:80")]);
    // What was changed has no place in the file, wherever it stood in the change.
    assert_eq!(layers.settle().expect_err("it does not fit")[0].position, Position::START);
}

#[test]
fn a_flag_has_the_last_word_where_the_server_has_to_start_again() {
    let change =
        r#"{"server": {"listen": "203.0.113.5:80"}, "access": {"required": false}, "log": {"level": "debug"}}"#;
    let changed = Layer::default().changed_by(change).whole().expect("the change alone is right").layer;
    let mut layers = Layers { changed, ..Layers::default() };
    assert!(layers.settle().is_err(), "what is kept does not fit");
    let flags = [("server.listen", "127.0.0.1:7"), ("log.level", "warn")];
    layers.flags = settings::flags(flags).whole().expect("the options are right");
    let settled = settled(&layers);
    assert_eq!(settled.settings.server.listen.port(), 7);
    assert_eq!(entry(&settled, "server.listen").origin, Origin::Flag);
    assert_eq!(entry(&settled, "access.required").origin, Origin::Changed);
    // What takes effect at once was changed later than the flag was given.
    assert_eq!(
        (settled.settings.log.level.as_str(), &entry(&settled, "log.level").origin),
        ("debug", &Origin::Changed)
    );
}

#[test]
fn a_change_that_another_place_would_override_is_a_mistake() {
    let flags = [("server.listen", "127.0.0.1:7"), ("server.data", "x"), ("log.level", "warn")];
    let flags = settings::flags(flags).whole().expect("the options are right");
    let changed = Layer::default().changed_by(r#"{"server": {"listen": "127.0.0.1:9"}}"#).whole().expect("right").layer;
    let layers = Layers { flags, changed, ..Layers::default() };
    let overridden = |change: &str| {
        let change = layers.changed.changed_by(change).whole().expect("the change alone is right");
        layers.overridden(&change.keys)
    };
    let change = r#"{"server": {"listen": "127.0.0.1:8", "data": "y"}, "log": {"level": "info", "format": "json"}}"#;
    say(
        &overridden(change),
        &[
            ("server.data", "kept in the data folder itself, so they cannot say where it is"),
            (
                "server.listen",
                "is given on the command line, which has the last word when a server starts: \
                 leave out the flag at the next start",
            ),
        ],
    );
    assert_eq!(overridden(r#"{"server": {"listen": null}}"#), [], "what was kept can be taken back");
}

#[test]
fn what_is_so_already_is_no_change() {
    let first = r#"{"server": {"listen": "127.0.0.1:9"}, "jobs": {"timeout": "1h"}, "monitoring": {"notifications":
        {"cpu_threshold": 80, "channels": {"a": {"type": "webhook", "url": "https://example.com/a"}}}}}"#;
    let changed = Layer::default().changed_by(first).whole().expect("the change is right").layer;
    let again = changed.changed_by(first).whole().expect("the change is right");
    assert_eq!(again.keys, []);
    assert_eq!(again.layer.to_json(), changed.to_json());
    let other = first.replace("\"1h\"", "\"60m\"").replace("com/a", "com/b");
    let keys = changed.changed_by(&other).whole().expect("the change is right").keys;
    // The address is shown without its path, and is another all the same.
    assert_eq!(keys.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["monitoring.notifications.channels.a"]);
    // What only another layer says is said here for the first time.
    let keys = Layer::default().changed_by(r#"{"jobs": {"timeout": "none"}}"#).whole().expect("it is right").keys;
    assert_eq!(keys, [("jobs.timeout".to_owned(), Some("none".to_owned()))]);
}
