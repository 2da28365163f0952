//! Every mistake of a file is named at once, with its place, its key and a remedy.

use etlplus_core::Mistake;
use etlplus_core::settings::{self, Format, Layers};

use crate::support::{all, of_file, say, yaml};

#[test]
fn every_mistake_of_a_yaml_file_is_named_at_once() {
    let text = "\
server:
  listen: §localhost:8080
  §dta: x
monitoring:
  websocket:
    heartbeat_interval: §0
    max_connections: §\"100\"
    message_queue_size: §-1
  notifications:
    memory_threshold: §140
    retry_attempts: §21
    enabled: §yes
§heartbeat_interval: 30
log: §[info]
";
    all(
        text,
        Format::Yaml,
        &[
            ("server.listen", "is not an address with a port: write an IP address and a port, such as 127.0.0.1:8080"),
            ("server.dta", "unknown key \"dta\": did you mean data?"),
            (
                "monitoring.websocket.heartbeat_interval",
                "\"0\" is too little: write a duration from 100ms to 1h, or a number of seconds",
            ),
            (
                "monitoring.websocket.max_connections",
                "is not a whole number because of its quotes: write a whole number from 1 to 100,000",
            ),
            ("monitoring.websocket.message_queue_size", "\"-1\" is not a whole number"),
            (
                "monitoring.notifications.memory_threshold",
                "\"140\" is too much: write a number of percent from 1 to 100",
            ),
            ("monitoring.notifications.retry_attempts", "\"21\" is too much: write a whole number from 0 to 20"),
            ("monitoring.notifications.enabled", "\"yes\" is not true or false"),
            ("heartbeat_interval", "it belongs to monitoring.websocket"),
            ("log", "is a list where a map belongs: write a map with level, format, file, keep_files"),
        ],
    );
}

#[test]
fn every_mistake_of_a_json_file_is_named_at_once() {
    let text = r#"{"server": {"listen": §8080},
	"monitoring": {"websocket": {"heartbeat_interval": §"30", §"port": {}, "enabled": §null},
		"notifications": {"é": 1}, "cpu_treshold": 1},
	"log": {"level": §"loud", §"level": "info"}}"#;
    let text = text.replace("§\"port\": {}", "\"port\": §{}").replace("\"é\"", "§\"é\"").replace("\"cpu_t", "§\"cpu_t");
    all(
        &text,
        Format::Json,
        &[
            ("server.listen", "is not an address"),
            ("monitoring.websocket.heartbeat_interval", "\"30\" is not a duration"),
            ("monitoring.websocket.port", "is a map where a single value belongs: write 1 to 65,535, or none"),
            ("monitoring.websocket.enabled", "has no value: write true or false, or leave the key out"),
            ("monitoring.notifications.é", "unknown key"),
            (
                "monitoring.cpu_treshold",
                "unknown key \"cpu_treshold\": the keys here are websocket, job_tracking, notifications",
            ),
            ("log.level", "\"loud\" is not a log level"),
            ("log.level", "the key is there twice, first in line 4: keep one of them"),
        ],
    );
}

#[test]
fn every_mistake_of_a_toml_file_is_named_at_once() {
    let text = "\
§max_connections = 5
[server]
listen = §2026-01-01
allowed_hosts = [\"a\", §\"b c\", §[]]
[monitoring.websocket]
heartbeat_interval = §0.5
port = §0x50
[monitoring.notifications]
memory_threshold = §140.0
cpu_threshold = §nan
§retry_attempt = 3
[jobs]
timeout = §30
log_max_bytes = §\"1KiB\"
[jobs.§timeouts]
";
    all(
        text,
        Format::Toml,
        &[
            ("max_connections", "it belongs to monitoring.websocket"),
            ("server.listen", "is not an address"),
            ("server.allowed_hosts[1]", "\"b c\" is not the name of a host"),
            ("server.allowed_hosts[2]", "is a list where a single value belongs"),
            ("monitoring.websocket.heartbeat_interval", "\"0.5\" is not a duration"),
            ("monitoring.websocket.port", "is not a whole number"),
            ("monitoring.notifications.memory_threshold", "\"140.0\" is too much"),
            ("monitoring.notifications.cpu_threshold", "is not a number of percent"),
            ("monitoring.notifications.retry_attempt", "did you mean retry_attempts?"),
            ("jobs.timeout", "\"30\" is not a duration: write a duration from 100ms to 365d, or none"),
            ("jobs.log_max_bytes", "\"1KiB\" is too little: write a size from 1MiB to 64GiB"),
            ("jobs.timeouts", "did you mean timeout?"),
        ],
    );
}

#[test]
fn a_broken_file_is_named_at_the_break() {
    all("{\"log\": {\"level\": \"info\"§]}", Format::Json, &[("", "this is not JSON: expected `,` or `}`")]);
    all(
        "{\"log\": {\"level\": \"info\",§}}",
        Format::Json,
        &[("", "key must be a string: put double quotes around the key, or remove the comma")],
    );
    all("{\"é€𝄞\": 1,\n \"é€𝄞\": §x}", Format::Json, &[("", "this is not JSON")]);
    all("{\"log\":§ ", Format::Json, &[("", "close every {")]);
    all("{} §{}", Format::Json, &[("", "keep one value in the file")]);
    all("§[]", Format::Json, &[("", "is a list where a map belongs: write a map with server, access")]);
    all("{\"log\": {\"level\": §\"\\ud800\"}}", Format::Json, &[("log.level", "this is not JSON")]);
    all("log:\n\t§level: info\n", Format::Yaml, &[("log", "indent with spaces")]);
    all("log = §\n", Format::Toml, &[("", "this is not TOML")]);
    all(
        "[log]\nlevel = \"info\"\n§level = \"warn\"\n",
        Format::Toml,
        &[("", "the key is there twice: keep one of them")],
    );
    all(
        "log:\n  level: info\n  §level: warn\n",
        Format::Yaml,
        &[("log.level", "the key is there twice, first in line 2")],
    );
}

#[test]
fn other_mistakes_are_named_beside_a_key_that_is_there_twice() {
    let text = "[log]\nlevel = §\"loud\"\n§level = \"warn\"\n[monitoring.websocket]\nport = §0\n";
    all(text, Format::Toml, &[("log.level", "loud"), ("", "twice"), ("monitoring.websocket.port", "too little")]);
}

#[test]
fn a_dotted_key_is_no_path() {
    let mistakes =
        settings::read(r#"{"monitoring.websocket.port": 8081}"#, Format::Json).whole().expect_err("it is no key");
    say(&mistakes, &[("\"monitoring.websocket.port\"", "it belongs to monitoring.websocket")]);
}

#[test]
fn what_no_key_shows_alone_is_checked_together() {
    let text = "\
server: { listen: 0.0.0.0:8080 }
access:
  required: false
monitoring: { websocket: { port: 8080 } }
";
    let mistakes = of_file(yaml(text)).settle().expect_err("the settings do not fit");
    say(
        &mistakes,
        &[
            ("access.required", "3:13: access.required: everybody who reaches 0.0.0.0:8080 could do everything"),
            ("monitoring.websocket.port", "4:34: monitoring.websocket.port: 8080 is the port of server.listen"),
        ],
    );
    let alone = |text: &str| of_file(yaml(text)).settle().is_ok();
    assert!(alone("access: { required: false }"));
    assert!(alone("server: { listen: '[::ffff:127.0.0.1]:1' }\naccess: { required: false }"));
    assert!(alone("server: { listen: 0.0.0.0:8080 }"));
}

/// Every mistake of a server with this file and these options.
fn together(file: &str, flags: &[(&str, &str)]) -> Vec<Mistake> {
    let (file, flags) = (settings::read(file, Format::Yaml), settings::flags(flags.iter().copied()));
    let layers = Layers { flags: flags.made, ..of_file(file.made) };
    layers.settle_beside([file.mistakes, flags.mistakes].concat()).expect_err("there are mistakes")
}

#[test]
fn mistakes_of_one_source_do_not_hide_those_of_all_together() {
    let file = "\
server: { listen: 0.0.0.0:80, dta: x }
access: { required: false }
monitoring:
  websocket: { port: 80, max_connections: 0 }
  notifications:
    channels:
      ops: { type: webhook, url: 'https://10.0.0.1/x', secret: whsec_x }
      mail: { type: email, host: 'a b', username: u, from: a@b, to: [] }
";
    let channel = |rest: &str| format!("monitoring.notifications.channels.{rest}");
    let expected = [
        ("jobs.timeout".to_owned(), "\"x\" is not a duration"),
        ("server.dta".to_owned(), "unknown key"),
        ("access.required".to_owned(), "everybody who reaches 0.0.0.0:80"),
        ("monitoring.websocket.port".to_owned(), "80 is the port of server.listen"),
        ("monitoring.websocket.max_connections".to_owned(), "is too little"),
        (channel("ops"), "address 10.0.0.1 is not public"),
        (channel("ops.secret"), "is not a reference"),
        (channel("mail.host"), "is not the name of a host"),
        (channel("mail.username"), "has no password beside it"),
        (channel("mail.to"), "has no receiver"),
    ];
    let expected: Vec<(&str, &str)> = expected.iter().map(|(key, words)| (key.as_str(), *words)).collect();
    say(&together(file, &[("jobs.timeout", "x")]), &expected);
}

#[test]
fn what_hangs_on_a_mistake_is_not_judged() {
    let webhook = "channels: { ops: { type: webhook, url: 'https://10.0.0.1/x' } }";
    let file = format!("monitoring: {{ notifications: {{ allowed_private_hosts: [10.0.0.1, 'b c'], {webhook} }} }}");
    say(&together(&file, &[]), &[("monitoring.notifications.allowed_private_hosts[1]", "is not the name of a host")]);
    // The address below the wrong one, and the default below all, are not those that were meant.
    let file = "server: { listen: 0.0.0.0:80 }\naccess: { required: false }\nmonitoring: { websocket: { port: 8080 } }";
    say(&together(file, &[("server.listen", "localhost")]), &[("server.listen", "is not an address")]);
    // A file that nobody can read may allow what a variable asks for.
    let environment = settings::environment(
        [("TYPE", "webhook"), ("URL", "https://10.0.0.1/x")]
            .map(|(key, text)| (format!("ETLPLUS_MONITORING__NOTIFICATIONS__CHANNELS__OPS__{key}"), text.to_owned())),
    );
    let file = settings::read("{", Format::Json);
    let layers = Layers { environment: environment.whole().expect("they are right"), ..of_file(file.made) };
    say(&layers.settle_beside(file.mistakes).expect_err("the file is wrong"), &[("", "this is not JSON")]);
}
