//! The commands by which jobs are held and a server is looked after, as a person types them.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use etlplus_api::JobStatus;

use crate::server::{Server, is_running, job_of, orders, wait_for};
use crate::support::{Folder, ORDERS};

#[tokio::test]
async fn a_job_is_paused_resumed_cancelled_and_tried_again_by_commands() {
    let folder = Folder::with_orders(orders(3_000_000, 0));
    let server = Server::start(&folder, &[]);
    let client = server.client();
    let id = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    wait_for(&client, &id, |job| is_running(job) && job.metrics.records_processed > 0).await;
    server.run(&folder, &["resume", &id]).exits(1).tells(&["illegal_move", "resume does not fit"]);
    server.run(&folder, &["pause", &id]).exits(0).tells(&["asked to pause"]);
    wait_for(&client, &id, |job| job.status == JobStatus::Paused).await;
    server.run(&folder, &["jobs", "--status", "paused"]).exits(0).prints(&[&id]);
    server.run(&folder, &["job", &id]).exits(0).prints(&["orders PAUSED"]).prints_nothing_of("Attempts");
    server.run(&folder, &["resume", &id]).exits(0).tells(&["asked to go on"]);
    server.run(&folder, &["cancel", &id, "--wait"]).exits(0);
    server.run(&folder, &["retry", &id, "--wait"]).exits(0).tells(&["COMPLETED", "3,000,000 rows"]);
    server.run(&folder, &["job", &id]).exits(0).prints(&["Attempts", "cancelled after", "completed after"]);
    server.run(&folder, &["retry", &id]).exits(1).tells(&["illegal_move", "retry does not fit"]);
}

#[test]
fn what_is_submitted_with_a_key_is_one_job_and_keeps_what_it_was_given() {
    let folder = Folder::with_orders(orders(10, 0));
    let server = Server::start(&folder, &[]);
    let given = ["--key", "nightly", "--priority", "-7", "--timeout", "90s", "--at", "2999-01-01T00:00:00Z"];
    let submit = [&["submit", "orders.yaml"], &given[..]].concat();
    let first = server.run(&folder, &submit).exits(0).stdout;
    assert_eq!(server.run(&folder, &submit).exits(0).stdout, first);
    let id = first.trim();
    let shown = server.run(&folder, &["job", id]).exits(0);
    shown.prints(&[
        "orders PENDING",
        "not before  2999-01-01T00:00:00Z",
        "priority    -7",
        "1 min 30 s for an attempt",
    ]);
    server.run(&folder, &["submit", "orders.yaml", "--key", "nightly"]).exits(1).tells(&["key_reused"]);
    server.run(&folder, &["submit", "orders.yaml", "--priority", "101"]).exits(2);
}

#[test]
fn settings_are_shown_changed_and_taken_back_by_commands() {
    let folder = Folder::with_orders(orders(10, 0));
    let server = Server::start(&folder, &["--max-connections", "77"]);
    let key = "monitoring.websocket.max_connections";
    let show = || server.run(&folder, &["config", "show", "--origins"]).exits(0);
    let line = |shown: &str| shown.lines().find(|line| line.starts_with(key)).expect("it is shown").to_owned();
    let shown = show().stdout;
    assert!(shown.starts_with("settings at version 0\n"), "{shown}");
    assert!(line(&shown).contains("77") && line(&shown).contains("command line"), "{shown}");

    let set = server.run(&folder, &["config", "set", &format!("{key}=500"), "jobs.timeout=2h"]).exits(0);
    set.prints(&["settings at version 1", &format!("{key} = 500"), "jobs.timeout = 2h"]);
    assert!(line(&show().stdout).contains("changed"));
    let wrong = server.run(&folder, &["config", "set", &format!("{key}=0"), "jobs.tiemout=5"]).exits(1);
    wrong.tells(&["settings_invalid", key, "tiemout", "did you mean timeout?"]);
    let stale = server.run(&folder, &["config", "set", &format!("{key}=600"), "--if-version", "0"]).exits(1);
    stale.tells(&["at version 1, not 0"]);
    assert!(line(&show().stdout).contains("500"), "nothing was changed");

    let unset = server.run(&folder, &["config", "unset", key, "jobs.timeout", "--if-version", "1"]).exits(0);
    unset.prints(&[&format!("{key} = 77"), "jobs.timeout = none"]);
    let later = server.run(&folder, &["config", "set", "log.format=json"]).exits(0);
    later.prints(&["waits for a restart"]);
    let view = server.run(&folder, &["config", "show", "--output", "json"]).exits(0).json();
    assert_eq!((&view["version"], &view["pending_restart"][0]), (&3.into(), &"log.format".into()));
}

#[test]
fn whoever_watches_is_listed_told_of_alerts_spoken_to_and_closed() {
    let scheduled = ORDERS.replace("name: orders\n", "name: daily\nschedule: { cron: '0 6 * * *' }\n");
    let folder = Folder::with_orders(orders(10, 100)).file("daily.yaml", scheduled);
    let server = Server::start(&folder, &[]);
    server.run(&folder, &["schedules"]).exits(0).prints(&["no pipeline"]);
    server.run(&folder, &["pipeline", "put", "daily.yaml"]).exits(0);
    server.run(&folder, &["schedules"]).exits(0).prints(&["daily", "0 6 * * *", "UTC", "T06:00:00Z"]);

    let mut command = server.command(&folder, &["watch"]);
    let mut watch = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stderr = BufReader::new(watch.stderr.take().expect("it was asked for"));
    let mut stdout = BufReader::new(watch.stdout.take().expect("it was asked for"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a line");
    assert!(line.contains("no job is active"), "it watches: {line}");
    let list = server.run(&folder, &["connections", "--output", "json"]).exits(0).json();
    let id = list["connections"][0]["connectionId"].as_str().expect("an id").to_owned();
    server.run(&folder, &["connections"]).exits(0).prints(&["1 connection of", &id, "websocket", "local"]);

    let mut told = |what: &str| loop {
        let mut line = String::new();
        assert!(stdout.read_line(&mut line).expect("text") > 0, "it ended before {what}");
        if line.contains(what) {
            break line;
        }
    };
    server.run(&folder, &["connections", "message", &id, "at noon", "--severity", "warning"]).exits(0);
    assert!(told("at noon").contains("WARNING"));
    let job = server.run(&folder, &["submit", "orders.yaml", "--wait"]).exits(3).stdout;
    assert!(told("A job failed").contains(job.trim()));
    server.run(&folder, &["alerts", "--rule", "job_failed"]).exits(0).prints(&["firing", "orders", job.trim()]);
    server.run(&folder, &["alerts", "--job", job.trim(), "--status", "resolved"]).exits(0).prints(&["no such alerts"]);
    server.run(&folder, &["alerts", "channels"]).exits(0).prints(&["no channels"]);
    server.run(&folder, &["alerts", "test", "nobody"]).exits(1).tells(&["channel_not_found"]);
    server.run(&folder, &["status"]).exits(0).prints(&["server ok", "store", "connections 1"]);

    server.run(&folder, &["connections", "close", &id]).exits(0);
    assert_eq!(watch.wait().expect("it ends").code(), Some(1));
    let mut last = String::new();
    while stderr.read_line(&mut last).expect("text") > 0 {}
    assert!(last.contains("closed by an administrator") && last.contains("ask whoever runs the server"), "{last}");
    server.run(&folder, &["connections", "close", &id]).exits(1).tells(&["connection_not_found"]);
}
