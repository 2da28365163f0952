//! What a file says is what holds, in each format.

use std::time::Duration;

use etlplus_core::settings::{Format, JobTrackingSettings, LogFormat, Origin, Settings, WebSocketSettings};
use serde_json::json;

use crate::support::{SEED, entry, good, of_file, settled, view, yaml};

#[test]
fn the_seeds_sample_configuration_loads_unchanged() {
    let settings = settled(&of_file(good(SEED, Format::Json))).settings;
    let monitoring = &settings.monitoring;
    let websocket = WebSocketSettings {
        enabled: true,
        port: Some(8081),
        max_connections: 100,
        heartbeat_interval: Duration::from_secs(30),
        message_queue_size: 1_000,
    };
    assert_eq!(monitoring.websocket, websocket);
    let job_tracking = JobTrackingSettings {
        progress_update_interval: Duration::from_secs(5),
        log_streaming_enabled: true,
        metrics_collection_enabled: true,
        timeout_warning_threshold: Duration::from_secs(1_500),
    };
    assert_eq!(monitoring.job_tracking, job_tracking);
    let notifications = &monitoring.notifications;
    assert!(notifications.enabled && notifications.job_failure_alerts);
    assert!(notifications.timeout_warnings && notifications.resource_alerts);
    assert_eq!(notifications.retry_attempts, 3);
    assert_eq!(notifications.retry_delay, Duration::from_secs(5));
}

#[test]
fn what_the_seeds_sample_sets_is_shown_as_it_was_written() {
    let sample: serde_json::Value = serde_json::from_str(SEED).expect("the sample is JSON");
    let shown = view(&settled(&of_file(good(SEED, Format::Json))));
    let sections = sample["monitoring"].as_object().expect("the sample has sections");
    for (section, keys) in sections {
        for (key, value) in keys.as_object().expect("a section has keys") {
            assert_eq!(&shown["monitoring"][section][key], value, "{section}.{key}");
        }
    }
}

const YAML: &str = r#"
# A server for the whole team.
server: { listen: "[::]:9000", data: /var/lib/etlplus, allowed_hosts: [ETL.example.com, etl], requests_per_second: 50 }
access:
  required: true
jobs:
  max_concurrent_jobs: 3
  timeout: 2h
  log_max_bytes: 1GiB
retention:
  jobs: { max_age: none, max_count: 500 }
  rejects: { max_count: 10 }
log: { level: "warn,etlplus_jobs=debug", format: json, file: /var/log/etlplus.log }
monitoring:
  notifications:
    retry_delay: 250ms
    cpu_threshold: 87.5
"#;

const JSON: &str = r#"{
	"server": {"listen": "[::]:9000", "data": "/var/lib/etlplus", "allowed_hosts": ["ETL.example.com", "etl"],
		"requests_per_second": 50},
	"access": {"required": true},
	"jobs": {"max_concurrent_jobs": 3, "timeout": "2h", "log_max_bytes": 1073741824},
	"retention": {"jobs": {"max_age": "none", "max_count": 500}, "rejects": {"max_count": 10}},
	"log": {"level": "warn,etlplus_jobs=debug", "format": "json", "file": "\/var\/log\/etlplus.log"},
	"monitoring": {"notifications": {"retry_delay": 250, "cpu_threshold": 87.5}}
}"#;

const TOML: &str = r#"
server = { listen = "[::]:9000", data = '/var/lib/etlplus', allowed_hosts = ["ETL.example.com", "etl"] }
server.requests_per_second = 50

[access]
required = true
[jobs]
max_concurrent_jobs = 3
timeout = "2h"
log_max_bytes = "1GiB"
[retention]
jobs.max_age = "none"
jobs.max_count = 500
rejects.max_count = 1_0
[log]
level = "warn,etlplus_jobs=debug"
format = "json"
file = "/var/log/etlplus.log"
[monitoring.notifications]
retry_delay = "250ms"
cpu_threshold = 87.5
"#;

fn expected() -> Settings {
    let mut settings = Settings::default();
    settings.server.listen = "[::]:9000".parse().expect("it is an address");
    settings.server.data = "/var/lib/etlplus".into();
    settings.server.allowed_hosts = vec!["etl.example.com".to_owned(), "etl".to_owned()];
    settings.server.requests_per_second = 50;
    settings.access.required = Some(true);
    settings.jobs.max_concurrent_jobs = Some(3);
    settings.jobs.timeout = Some(Duration::from_secs(7_200));
    settings.jobs.log_max_bytes = 1 << 30;
    settings.retention.jobs.max_age = None;
    settings.retention.jobs.max_count = Some(500);
    settings.retention.rejects.max_count = Some(10);
    settings.log.level = "warn,etlplus_jobs=debug".to_owned();
    settings.log.format = LogFormat::Json;
    settings.log.file = Some("/var/log/etlplus.log".into());
    settings.monitoring.notifications.retry_delay = Duration::from_millis(250);
    settings.monitoring.notifications.cpu_threshold = 87.5;
    settings
}

#[test]
fn the_same_settings_can_be_written_in_each_format() {
    // A table that is written in braces is closed, so that its last key has to stand inside.
    let toml = TOML.replace(" }\nserver.requests_per_second = 50", ", requests_per_second = 50 }");
    for (text, format) in [(YAML, Format::Yaml), (JSON, Format::Json), (&toml, Format::Toml)] {
        assert_eq!(settled(&of_file(good(text, format))).settings, expected(), "{format:?}");
    }
}

#[test]
fn a_file_without_settings_says_nothing() {
    for (text, format) in [
        ("", Format::Yaml),
        ("# nothing\n", Format::Yaml),
        ("---\n", Format::Yaml),
        ("monitoring:\n  websocket:\n  # port: 8081\n", Format::Yaml),
        ("", Format::Json),
        (" \n", Format::Json),
        ("{}", Format::Json),
        ("{\"monitoring\": {\"websocket\": {}}}", Format::Json),
        ("\u{feff}{}", Format::Json),
        ("", Format::Toml),
        ("[monitoring.websocket]\n", Format::Toml),
    ] {
        let layer = good(text, format);
        assert!(layer.is_empty(), "{text:?}");
        assert_eq!(settled(&of_file(layer)).settings, Settings::default());
    }
}

#[test]
fn the_format_follows_from_the_files_name() {
    for (extension, format) in [
        ("yaml", Some(Format::Yaml)),
        ("YML", Some(Format::Yaml)),
        ("json", Some(Format::Json)),
        ("toml", Some(Format::Toml)),
        ("ini", None),
        ("", None),
    ] {
        assert_eq!(Format::of_extension(extension), format, "{extension}");
    }
}

#[test]
fn a_word_stands_for_no_value() {
    let text = "jobs: { max_concurrent_jobs: auto, timeout: none }\naccess: { required: auto }\n\
                log: { file: none }\nmonitoring: { websocket: { port: none } }\nretention: { logs: { max_count: none } }";
    let settled = settled(&of_file(yaml(text)));
    let mut expected = Settings::default();
    expected.retention.logs.max_count = None;
    assert_eq!(settled.settings, expected);
    assert_eq!(entry(&settled, "jobs.max_concurrent_jobs").value, json!("auto"));
    assert_eq!(entry(&settled, "retention.logs.max_count").value, json!("none"));
    assert!(matches!(entry(&settled, "jobs.timeout").origin, Origin::File { .. }));
}

#[test]
fn durations_are_shown_as_numbers_where_numbers_are_taken() {
    for (written, shown) in [("250ms", json!("250ms")), ("90", json!(90)), ("2m", json!(120)), ("1h", json!(3_600))] {
        let settled =
            settled(&of_file(yaml(&format!("monitoring: {{ websocket: {{ heartbeat_interval: {written} }} }}"))));
        assert_eq!(entry(&settled, "monitoring.websocket.heartbeat_interval").value, shown, "{written}");
    }
    let settled = settled(&of_file(yaml("monitoring: { notifications: { retry_delay: 2s } }\njobs: { timeout: 90s }")));
    assert_eq!(entry(&settled, "monitoring.notifications.retry_delay").value, json!(2_000));
    assert_eq!(entry(&settled, "jobs.timeout").value, json!("90s"));
}
