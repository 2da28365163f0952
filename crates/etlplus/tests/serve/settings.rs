//! Settings from a file, the environment and the running server.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::http::{get, get_at, post, request};
use crate::server::{Server, job_of, orders, wait_for_end};
use crate::support::Folder;

/// The seed's own words.
const SEED: &str = r#"{
    "monitoring": {
        "websocket": {
            "enabled": true,
            "port": 8081,
            "max_connections": 100,
            "heartbeat_interval": 30,
            "message_queue_size": 1000
        },
        "job_tracking": {
            "progress_update_interval": 5,
            "log_streaming_enabled": true,
            "metrics_collection_enabled": true,
            "timeout_warning_threshold": 1500
        },
        "notifications": {
            "enabled": true,
            "job_failure_alerts": true,
            "timeout_warnings": true,
            "resource_alerts": true,
            "retry_attempts": 3,
            "retry_delay": 5000
        }
    }
}
"#;

fn config(server: &Server) -> Value {
    get(server, "/api/monitor/config").expect(200)
}

fn origin<'a>(config: &'a Value, key: &str) -> &'a Value {
    let entries = config["origins"].as_array().expect("a list");
    entries.iter().find(|entry| entry["key"] == key).unwrap_or_else(|| panic!("{key} is not among {entries:#?}"))
}

#[test]
fn the_seeds_configuration_loads_unchanged() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    // Its port may be taken on this machine; everything else is as the seed says it.
    let folder = Folder::new().file("seed.json", SEED);
    folder.run(&["config", "check", "seed.json"]).exits(0);
    let settings = SEED.replace("8081", &port.port().to_string());
    let folder = folder.file("etlplus.json", &settings);
    let server = Server::start(&folder, &["--config", "etlplus.json"]);
    let given: Value = serde_json::from_str(&settings).expect("JSON");
    let config = config(&server);
    for section in ["websocket", "job_tracking", "notifications"] {
        for (key, value) in given["monitoring"][section].as_object().expect("a section") {
            let found = &config["monitoring"][section][key];
            let is_equal = found == value || found.as_f64().is_some_and(|found| Some(found) == value.as_f64());
            assert!(is_equal, "{section}.{key} is {found}, not {value}");
            let origin = origin(&config, &format!("monitoring.{section}.{key}"));
            assert!(origin["origin"].to_string().contains("etlplus.json"), "{origin:#}");
        }
    }
    // The live channel has a port of its own, on which there is nothing else.
    let status = |path: &str| get_at(port.port(), path).expect("it listens").status;
    assert_eq!(status("/livez"), 200);
    assert_eq!(status("/api/monitor/jobs"), 404);
    assert_eq!(status("/ws"), 426, "only a WebSocket is taken there");
}

#[test]
fn each_layer_lies_over_the_one_before_and_says_where_a_value_comes_from() {
    let file = "monitoring:\n  websocket: { max_connections: 10, heartbeat_interval: 20s, message_queue_size: 50 }\n";
    let folder = Folder::new().file("etlplus.yaml", file);
    let variables = [("ETLPLUS_MONITORING__WEBSOCKET__HEARTBEAT_INTERVAL", "21s")];
    let arguments = ["--config", "etlplus.yaml", "--max-concurrent-jobs", "3"];
    let server = Server::start_with(&folder, &arguments, &variables);
    post(&server, "/api/monitor/config", &json!({"monitoring": {"websocket": {"message_queue_size": 60}}})).expect(200);
    let assert_layers = |server: &Server| {
        let config = config(server);
        let websocket = &config["monitoring"]["websocket"];
        assert_eq!(websocket["max_connections"], 10);
        assert_eq!(websocket["heartbeat_interval"].as_f64(), Some(21.0));
        assert_eq!(websocket["message_queue_size"], 60);
        assert_eq!(config["jobs"]["max_concurrent_jobs"], 3);
        for (key, word) in [
            ("monitoring.websocket.max_connections", "etlplus.yaml"),
            ("monitoring.websocket.heartbeat_interval", "ETLPLUS_MONITORING__WEBSOCKET__HEARTBEAT_INTERVAL"),
            ("monitoring.websocket.message_queue_size", "changed"),
            ("jobs.max_concurrent_jobs", "flag"),
            ("monitoring.websocket.enabled", "default"),
        ] {
            let origin = origin(&config, key)["origin"].to_string().to_lowercase();
            assert!(origin.contains(&word.to_lowercase()), "{key}: {origin}");
        }
    };
    assert_layers(&server);
    // What was changed is there after a restart, over the file.
    assert!(server.terminate().success());
    let server = Server::start_with(&folder, &arguments, &variables);
    assert_layers(&server);
    // Taken back, the file's word holds again.
    let back = json!({"monitoring": {"websocket": {"message_queue_size": null}}});
    post(&server, "/api/monitor/config", &back).expect(200);
    assert_eq!(config(&server)["monitoring"]["websocket"]["message_queue_size"], 50);
}

#[test]
fn every_mistake_of_a_file_is_told_at_once_and_nothing_starts() {
    let yaml = "monitoring:\n  websocket:\n    heartbeat_interval: 0\n    max_conections: 5\n  notifications:\n    memory_threshold: 140%\n";
    let toml = "[monitoring.websocket]\nheartbeat_interval = 0\nmax_conections = 5\n[monitoring.notifications]\nmemory_threshold = \"140%\"\n";
    let json = "{\"monitoring\": {\n\"websocket\": {\n\"heartbeat_interval\": 0,\n\"max_conections\": 5},\n\"notifications\": {\n\"memory_threshold\": \"140%\"}}}\n";
    let folder = Folder::new().file("bad.yaml", yaml).file("bad.toml", toml).file("bad.json", json);
    for (file, lines) in [("bad.yaml", [3, 4, 6]), ("bad.toml", [2, 3, 5]), ("bad.json", [3, 4, 6])] {
        let ran = folder.run(&["config", "check", file]).exits(1);
        let said = ran.stdout.clone() + &ran.stderr;
        for line in lines {
            assert!(said.contains(&format!("{file}:{line}:")), "line {line} is not told: {said}");
        }
        for word in ["heartbeat_interval", "did you mean max_connections", "memory_threshold"] {
            assert!(said.contains(word), "{word}: {said}");
        }
        let Err(ran) = Server::try_start(&folder, &["--config", file]) else { panic!("it started with {file}") };
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert!(ran.stderr.contains("max_connections"), "{ran:#?}");
    }
    assert!(!folder.path("data").exists(), "nothing was made");
    let Err(ran) = Server::try_start(&folder, &["--config", "none.yaml"]) else { panic!("it started") };
    assert!(ran.stderr.contains("none.yaml"), "{ran:#?}");
}

#[test]
fn mistakes_of_all_sources_are_told_together_and_no_secret_is_shown() {
    let channels = "ops: { type: webhook, url: 'https://10.0.0.1/geheim', secret: whsec_geheim }";
    let file = format!(
        "access: {{ required: false }}\nserver: {{ listen: 0.0.0.0:80, dta: x }}\nmonitoring: {{ notifications: {{ channels: {{\n  {channels} }} }} }}\n"
    );
    let folder = Folder::new().file("bad.yaml", file);
    let checked = folder.command(&["config", "check", "bad.yaml"]).env("ETLPLUS_JOBS__TIMEOUT", "x").output();
    let told = String::from_utf8(checked.expect("it runs").stderr).expect("it is text");
    for words in [
        "access.required: everybody who reaches 0.0.0.0:80",
        "did you mean data?",
        "channels.ops: the webhook's address 10.0.0.1 is not public",
        "channels.ops.secret: is not a reference to a secret",
        "bad.yaml: 4 mistakes",
        "ETLPLUS_JOBS__TIMEOUT: \"x\" is not a duration",
    ] {
        assert_eq!(told.matches(words).count(), 1, "{words}: {told}");
    }
    assert!(told.contains("1 | access:") && !told.contains("geheim"), "{told}");
    // A change is told all of its mistakes, too.
    let server = Server::start(&folder, &[]);
    let channel = json!({"type": "webhook", "url": "http://10.0.0.1/geheim"});
    let change = json!({"server": {"listen": "127.0.0.1:1", "data": "y"}, "jobs": {"timeout": "x"},
        "monitoring": {"notifications": {"channels": {"ops": channel}}}});
    let problem = post(&server, "/api/monitor/config", &change).problem(422, "settings_invalid");
    let errors = problem["errors"].as_array().expect("errors");
    let keys: BTreeSet<&str> = errors.iter().filter_map(|error| error["key"].as_str()).collect();
    let expected = ["jobs.timeout", "monitoring.notifications.channels.ops", "server.data", "server.listen"];
    assert_eq!((errors.len(), keys), (4, BTreeSet::from(expected)), "{problem:#}");
    assert!(!problem.to_string().contains("geheim"), "{problem:#}");
}

#[test]
fn a_change_that_is_wrong_changes_nothing_and_a_stale_one_is_refused() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let before = get(&server, "/api/monitor/config");
    let etag = before.header("etag").expect("an ETag").to_owned();
    let before = before.json();
    let wrong = json!({"monitoring": {
        "websocket": {"max_connections": 7, "heartbeat_interval": 0, "shape": "round"},
        "notifications": {"memory_threshold": 140, "retry_attempts": -1},
    }});
    let problem = post(&server, "/api/monitor/config", &wrong).problem(422, "settings_invalid");
    let keys: BTreeSet<&str> =
        problem["errors"].as_array().expect("errors").iter().filter_map(|error| error["key"].as_str()).collect();
    for key in [
        "websocket.heartbeat_interval",
        "websocket.shape",
        "notifications.memory_threshold",
        "notifications.retry_attempts",
    ] {
        assert!(keys.contains(format!("monitoring.{key}").as_str()), "{key} is not among {keys:?}");
    }
    assert_eq!(config(&server), before, "nothing changed");

    let change = json!({"monitoring": {"websocket": {"max_connections": 8}}});
    let if_match = format!("if-match: {etag}");
    request(&server, "POST", "/api/monitor/config", &[&if_match], Some(&change)).expect(200);
    let again = json!({"monitoring": {"websocket": {"max_connections": 9}}});
    request(&server, "POST", "/api/monitor/config", &[&if_match], Some(&again)).problem(412, "stale_settings");
    assert_eq!(config(&server)["monitoring"]["websocket"]["max_connections"], 8);
}

/// 200 changes, half of them invalid, while jobs run and readers read: every answer is of one version.
#[tokio::test]
async fn two_hundred_changes_under_load_are_seen_whole() {
    let settings = "server: { requests_per_second: 100000 }\n";
    let folder = Folder::with_orders(orders(2000, 0)).file("etlplus.yaml", settings);
    let server = Arc::new(Server::start(&folder, &["--config", "etlplus.yaml"]));
    let is_over = Arc::new(AtomicBool::new(false));
    // Two values that are always changed together: max_connections = message_queue_size.
    let both = |n: u64| json!({"monitoring": {"websocket": {"max_connections": n, "message_queue_size": n}}});
    post(&server, "/api/monitor/config", &both(100)).expect(200);
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (server, is_over) = (server.clone(), is_over.clone());
            std::thread::spawn(move || {
                let mut reads = 0_u32;
                while !is_over.load(Ordering::Relaxed) {
                    let answer = get(&server, "/api/monitor/config");
                    let etag = answer.header("etag").expect("an ETag").to_owned();
                    let config = answer.json();
                    let websocket = &config["monitoring"]["websocket"];
                    assert_eq!(websocket["max_connections"], websocket["message_queue_size"], "{websocket:#}");
                    assert!(etag.contains(&config["version"].to_string()), "{etag} and version {}", config["version"]);
                    reads += 1;
                }
                reads
            })
        })
        .collect();
    let client = server.client();
    let mut jobs = Vec::new();
    let mut last = 100;
    for number in 0..200_u64 {
        if number % 20 == 0 {
            jobs.push(client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id);
        }
        let answer = match number % 2 {
            0 => {
                last = 200 + number;
                post(&server, "/api/monitor/config", &both(last))
            }
            // The first value fits, the second does not: neither is taken.
            _ => post(
                &server,
                "/api/monitor/config",
                &json!({"monitoring": {"websocket": {"max_connections": 1 + number, "message_queue_size": 0}}}),
            ),
        };
        assert_eq!(answer.status, if number % 2 == 0 { 200 } else { 422 }, "{}", answer.body);
        assert_eq!(config(&server)["monitoring"]["websocket"]["max_connections"], last);
    }
    is_over.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.join().expect("every read was of one version") > 20, "readers did read meanwhile");
    }
    for job in jobs {
        wait_for_end(&client, &job).await;
    }
}

#[test]
fn secrets_are_never_told() {
    let settings = "monitoring:\n  notifications:\n    channels:\n      hook: { type: webhook, url: \"${HOOK_URL}\", secret: \"${HOOK_SECRET}\" }\n      \
                    open: { type: webhook, url: \"https://hooks.example.com/services/T0/B0/verysecret\" }\n";
    let folder = Folder::new().file("etlplus.yaml", settings);
    let variables =
        [("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), ("HOOK_URL", "https://example.com/alsosecret")];
    let server = Server::start_with(&folder, &["--config", "etlplus.yaml"], &variables);
    for path in ["/api/monitor/config", "/api/alerts/channels", "/api/health", "/metrics"] {
        let answer = get(&server, path);
        assert_eq!(answer.status, 200);
        for secret in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "verysecret", "alsosecret"] {
            assert!(!answer.body.contains(secret), "{path} tells {secret}");
        }
    }
    let literal = json!({"monitoring": {"notifications": {"channels": {"x": {"type": "webhook", "url": "https://example.com/", "secret": "whsec_abc"}}}}});
    let problem = post(&server, "/api/monitor/config", &literal).problem(422, "settings_invalid");
    assert!(!problem.to_string().contains("whsec_abc"), "{problem:#}");
}

#[test]
fn switches_take_effect_at_once() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let upgrade = [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    let set = |enabled: bool| {
        let change = json!({"monitoring": {"websocket": {"enabled": enabled}}});
        post(&server, "/api/monitor/config", &change).expect(200);
    };
    set(false);
    request(&server, "GET", "/ws", &upgrade, None).problem(503, "websocket_disabled");
    set(true);
    let change = json!({"monitoring": {"websocket": {"port": 1}}});
    let answer = post(&server, "/api/monitor/config", &change).expect(200);
    assert!(answer["pending_restart"].to_string().contains("monitoring.websocket.port"), "{answer:#}");
}

/// A port that nobody has at this moment.
fn free_port() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    free.expect("a free port").port()
}

#[test]
fn what_waits_for_a_restart_holds_after_it() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let port = free_port();
    let log = json!({"level": "debug", "format": "json", "file": folder.path("logs/etlplus.log")});
    let change = json!({"monitoring": {"websocket": {"port": port}}, "log": log});
    post(&server, "/api/monitor/config", &change).expect(200);
    assert!(get_at(port, "/livez").is_none(), "not before the restart");
    assert!(server.terminate().success());
    let server = Server::start(&folder, &[]);
    assert_eq!(get_at(port, "/livez").expect("it listens").status, 200);
    assert_eq!(config(&server)["log"]["format"], "json");
    get(&server, "/api/monitor/jobs").expect(200);
    assert!(server.terminate().success());
    let files: Vec<_> = std::fs::read_dir(folder.path("logs")).expect("a folder").flatten().collect();
    let text = std::fs::read_to_string(files[0].path()).expect("it is readable");
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{text}");
    assert!(text.contains("\"DEBUG\""), "each request is told: {text}");
}

#[test]
fn a_stored_change_with_which_no_server_starts_can_be_overcome_and_taken_back() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    // `serve` is started without --listen, so that the stored address counts.
    let port = free_port().to_string();
    let file = format!("server: {{ listen: \"127.0.0.1:{port}\", data: data }}\n");
    let folder = folder.file("etlplus.yaml", file);
    let start = || {
        let mut command = folder.command(&["serve", "--config", "etlplus.yaml"]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        Server::of(command.spawn().expect("it starts"))
    };
    let server = start().expect("it listens");
    // A port that somebody has is refused at once.
    let change = json!({"server": {"listen": address}});
    let problem = post(&server, "/api/monitor/config", &change).problem(422, "settings_invalid");
    assert_eq!(problem["errors"][0]["key"], "server.listen", "{problem:#}");
    drop(taken);
    post(&server, "/api/monitor/config", &change).expect(200);
    assert!(server.terminate().success());

    let _taken = std::net::TcpListener::bind(&address).expect("somebody takes it now");
    let Err(ran) = start() else { panic!("it started on an address that is taken") };
    assert!(ran.stderr.contains(&address) && ran.stderr.contains("cannot_listen"), "{ran:#?}");
    // The command line has the last word.
    let server = Server::start(&folder, &["--config", "etlplus.yaml"]);
    assert!(server.terminate().success());
    let unset = folder.run(&["config", "unset", "--data", "data", "server.listen"]).exits(0);
    assert!(unset.stdout.contains("taken back"), "{unset:#?}");
    let server = start().expect("it listens where the file says");
    assert_eq!(server.port(), port);
}

/// hyper drops a request whose client has gone; what was recorded must come into force all the same.
#[test]
fn a_client_that_hangs_up_leaves_no_settings_that_are_recorded_and_do_not_hold() {
    use std::io::Write;

    let settings = "server: { requests_per_second: 100000 }\n";
    let folder = Folder::new().file("etlplus.yaml", settings);
    let server = Server::start(&folder, &["--config", "etlplus.yaml"]);
    let port: u16 = server.port().parse().expect("a port");
    for number in 0..50 {
        let body = json!({"monitoring": {"websocket": {"max_connections": 100 + number}}}).to_string();
        let head = "POST /api/monitor/config HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
        let mut socket = std::net::TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        write!(socket, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).expect("it takes it");
        // The fault: the connection goes away while the change is on its way to the disk.
        socket.shutdown(std::net::Shutdown::Both).expect("it can be closed");
    }
    // Changes that were on their way may still come in between; one that was recorded and does not hold would be in the way
    // for ever.
    let last = json!({"monitoring": {"websocket": {"max_connections": 7}}});
    let is_taken = (0..100).any(|_| {
        let etag = get(&server, "/api/monitor/config").header("etag").expect("an ETag").to_owned();
        let answer = request(&server, "POST", "/api/monitor/config", &[&format!("if-match: {etag}")], Some(&last));
        assert!(matches!(answer.status, 200 | 412), "{answer:?}");
        answer.status == 200
    });
    assert!(is_taken, "no change was taken any more");
}
