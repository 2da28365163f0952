//! The served documents, tried by a program that believes each word of them.

use std::time::Duration;

use tokio::process::Command;

use crate::foreign::{packages, script};
use crate::http::get;
use crate::server::{Server, job_of, orders, wait_for_end};
use crate::support::Folder;

/// schemathesis makes requests from the OpenAPI document, right and wrong ones, and holds the answers to it. It changes
/// settings as well, of which some let the server refuse what comes after; so those have a server of their own.
#[tokio::test]
async fn schemathesis_has_no_finding() {
    const SETTINGS: &str = "/api/monitor/config";
    // A stream of events has no end, which the program would wait for.
    let all_others = ["/api/events", "/ws", "/api/ws", SETTINGS].map(|path| ["--exclude-path", path]);
    try_all(&all_others.concat()).await;
    // The rate, once it has lowered it, may stop a request before anybody looks at its credentials.
    try_all(&["--include-path", SETTINGS, "--exclude-checks", "ignored_auth"]).await;
}

async fn try_all(of: &[&str]) {
    let folder = Folder::with_orders(orders(10, 2));
    let settings = "access: { required: true }\nserver: { requests_per_second: 100000 }\n";
    let folder = folder.file("etlplus.yaml", settings);
    let (server, token) = Server::start_asking(&folder, &["--config", "etlplus.yaml"]);
    let client = server.client().with_token(&token).expect("it is a token");
    let job = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted");
    wait_for_end(&client, &job.job_id).await;

    let mut command = Command::new(packages().join("venv/bin/schemathesis"));
    command
        .arg(format!("--config-file={}", script("schemathesis.toml").display()))
        .args(["run", &format!("{}/api/openapi.json", server.address)])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--max-examples", "30", "--seed", "1", "--request-timeout", "60", "--no-color"])
        .args(of)
        .env("NO_PROXY", "127.0.0.1")
        .current_dir(folder.path(""))
        .kill_on_drop(true);
    let ran = tokio::time::timeout(Duration::from_secs(270), command.output()).await.expect("it ends in time");
    let ran = ran.expect("it starts; run scripts/setup");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains("Test cases"), "it did try: {said}");
    assert_eq!(get(&server, "/livez").status, 200);
}
