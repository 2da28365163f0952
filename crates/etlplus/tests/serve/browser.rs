//! The live page in a real browser.

use std::process::Stdio;
use std::time::{Duration, Instant};

use etlplus_api::{ConnectionMessage, CreateToken, JobStatus, Role, Severity};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;

use crate::access;
use crate::foreign::{Foreign, node};
use crate::server::{DEADLINE, Server, job_of, orders, talkative, wait_for, wait_for_end};
use crate::support::{Folder, ORDERS};

/// A browser with the live page open. Where a test fails, it ends with the script that drives it.
struct Browser {
    program: Foreign,
    stdin: ChildStdin,
}

/// What the page shows.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    connection: String,
    connection_text: String,
    notice: String,
    jobs: Vec<Row>,
    log: Vec<String>,
    rejects: Vec<Vec<String>>,
    failure: String,
    /// What the question for a token says is wrong; `None` where nobody is asked.
    login: Option<String>,
    is_main_shown: bool,
    /// Who is logged in.
    me: String,
    /// Title, message and remedy of each notice.
    notices: Vec<Vec<String>>,
    alerts_count: String,
    alerts: Vec<String>,
    /// The cookies that a script can read.
    cookie: String,
    selection: String,
    images: usize,
    /// How often it was loaded.
    loads: u32,
    /// Errors on the console (a breach of the content security policy is one), exceptions and dialogs so far.
    problems: Vec<String>,
}

/// A row of the table of jobs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    job_id: String,
    status: String,
    /// From 0 to 1; -1 where nothing is known.
    progress: f64,
    rows: String,
    rejected: String,
    is_chosen: bool,
    is_focused: bool,
    /// The buttons that can be pressed.
    actions: Vec<String>,
    /// Where its cells are on the screen.
    boxes: String,
}

impl Page {
    fn job(&self, id: &str) -> Option<&Row> {
        self.jobs.iter().find(|row| row.job_id == id)
    }

    fn is_at(&self, id: &str, status: &str) -> bool {
        self.job(id).is_some_and(|row| row.status == status)
    }

    #[track_caller]
    fn assert_sound(&self) {
        assert!(self.problems.is_empty(), "{:?}", self.problems);
        assert_eq!((self.loads, self.images, self.notice.as_str()), (1, 0, ""));
    }
}

impl Browser {
    async fn open(server: &Server) -> Self {
        let mut browser = Self::start(server);
        browser.wait_for(|page| page.connection == "live").await;
        browser
    }

    fn start(server: &Server) -> Self {
        let mut command = node("browser.cjs");
        command.arg(&server.address).stdin(Stdio::piped());
        let mut program = Foreign::start(command);
        let stdin = program.stdin().expect("it was asked for");
        Self { program, stdin }
    }

    /// Ends it, so that it cleans up after itself.
    async fn close(self) {
        drop(self.stdin);
        self.program.wait().await;
    }

    async fn order(&mut self, order: Value) -> Page {
        self.stdin.write_all(format!("{order}\n").as_bytes()).await.expect("it reads");
        let answer = self.program.line().await;
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    async fn look(&mut self) -> Page {
        self.order(json!({ "do": "look" })).await
    }

    async fn press(&mut self, key: &str) -> Page {
        self.order(json!({ "do": "press", "key": key })).await
    }

    async fn click(&mut self, on: &str) {
        self.order(json!({ "do": "click", "on": on })).await;
    }

    /// Presses the button of a job.
    async fn ask(&mut self, job: &str, action: &str) {
        self.click(&format!("[data-key=\"{job}\"] [data-key=\"{action}\"]")).await;
    }

    /// Answers the question for a token.
    async fn log_in(&mut self, token: &str) {
        self.order(json!({ "do": "fill", "on": "#token", "text": token })).await;
        self.press("Enter").await;
    }

    /// Looks again and again until the page is as `is_there` wants it; gives all that was seen.
    async fn watch(&mut self, is_there: impl Fn(&Page) -> bool) -> Vec<Page> {
        let deadline = Instant::now() + DEADLINE;
        let mut pages = Vec::new();
        loop {
            let page = self.look().await;
            let is_last = is_there(&page);
            assert!(is_last || Instant::now() < deadline, "it never came there: {page:#?}");
            pages.push(page);
            if is_last {
                return pages;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn wait_for(&mut self, is_there: impl Fn(&Page) -> bool) -> Page {
        self.watch(is_there).await.pop().expect("the last one is there")
    }
}

/// Counts how often neighbours differ.
fn changes<T: PartialEq>(values: &[T]) -> usize {
    values.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

#[tokio::test]
async fn the_page_shows_a_job_from_running_to_its_end_without_a_reload() {
    let folder = Folder::new().file("orders.yaml", ORDERS).file("orders.csv", orders(2_000_000, 2000));
    let server = Server::start(&folder, &[]);
    let mut browser = Browser::open(&server).await;
    let job = talkative(job_of(&folder, "orders.yaml"));
    let id = server.client().submit(&job).await.expect("it is accepted").job_id;
    let pages = browser.watch(|page| page.is_at(&id, "COMPLETED")).await;

    let running: Vec<&Page> = pages.iter().filter(|page| page.is_at(&id, "RUNNING")).collect();
    let rows: Vec<&Row> = running.iter().filter_map(|page| page.job(&id)).collect();
    let progress: Vec<f64> = rows.iter().map(|row| row.progress).filter(|progress| *progress >= 0.0).collect();
    assert!(progress.is_sorted() && changes(&progress) >= 3, "progress rises: {progress:?}");
    let last_lines: Vec<Option<&String>> = running.iter().map(|page| page.log.last()).collect();
    assert!(changes(&last_lines) >= 3, "the log moves: {last_lines:?}");
    let boxes: Vec<&str> = rows.iter().map(|row| row.boxes.as_str()).collect();
    assert_eq!(changes(&boxes), 0, "a value that changes moves nothing: {boxes:#?}");

    // The rejects of the end are asked for after the end is told.
    let page = browser.wait_for(|page| page.rejects.first().is_some_and(|rule| rule[2] == "2,000")).await;
    page.assert_sound();
    let row = page.job(&id).expect("it is shown");
    let target_rows = folder.read("out/orders.csv").lines().count() - 1;
    let reject_rows = folder.read("out/orders.csv.rejects.ndjson").lines().count();
    assert_eq!((target_rows, reject_rows), (2_000_000, 2000));
    assert_eq!((row.progress, row.rows.as_str(), row.rejected.as_str()), (1.0, "2,002,000", "2,000"));
    assert_eq!(page.rejects[0], ["amount", "type", "2,000"]);
    assert!(page.rejects[1][0].starts_with("orders.csv, line 2: \"much\" "), "{:?}", page.rejects);
    assert_eq!(page.log.len(), 500, "no more than the tail of a long log is kept");
    browser.close().await;
}

#[tokio::test]
async fn the_page_shows_why_a_job_failed_and_what_to_do() {
    let folder = Folder::with_orders(orders(10, 100));
    let server = Server::start(&folder, &[]);
    let mut browser = Browser::open(&server).await;
    let id = server.client().submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    let failure = wait_for_end(&server.client(), &id).await.failure.expect("most rows are bad");
    let page = browser.wait_for(|page| page.is_at(&id, "FAILED") && !page.failure.is_empty()).await;
    assert_eq!(page.failure, format!("{}. What to do: {}", failure.message, failure.remedy));
    page.assert_sound();
    browser.close().await;
}

#[tokio::test]
async fn the_page_says_that_the_server_is_gone_and_goes_on_when_it_is_back() {
    let folder = Folder::with_orders(orders(100, 1));
    let server = Server::start(&folder, &[]);
    let port = server.port().to_owned();
    let mut browser = Browser::open(&server).await;
    let before = server.client().submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    browser.wait_for(|page| page.is_at(&before, "COMPLETED") && page.rejects.len() == 2).await;
    server.kill();
    let page = browser.wait_for(|page| page.connection == "lost").await;
    assert!(page.connection_text.starts_with("Not connected"), "{}", page.connection_text);
    assert!(page.is_at(&before, "COMPLETED"), "what is known stays");

    let server = Server::start(&folder, &["--listen", &format!("127.0.0.1:{port}")]);
    let missed = server.client().submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    wait_for_end(&server.client(), &missed).await;
    browser.wait_for(|page| page.connection == "live").await;
    let after = server.client().submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    let ids = [&before, &missed, &after];
    let is_whole = |page: &Page| {
        let are_there = ids.iter().all(|id| page.is_at(id, "COMPLETED"));
        are_there && !page.log.is_empty() && page.notice.is_empty()
    };
    let page = browser.wait_for(is_whole).await;
    assert_eq!((page.loads, page.connection_text.as_str()), (1, "Live"));
    // The browser itself puts each connection that fails on the console.
    let is_of_browser = |problem: &String| {
        problem.contains("WebSocket connection to") || problem.contains("Failed to load resource: net::")
    };
    assert!(page.problems.iter().all(is_of_browser), "{:?}", page.problems);
    browser.close().await;
}

#[tokio::test]
async fn markup_in_data_and_names_is_shown_as_text() {
    const MARKUP: &str = "<img src=x onerror=alert(1)>";
    let yaml = ORDERS.replace("orders.csv }\nschema", &format!("'{MARKUP}.csv' }}\nschema"));
    let rows = format!("order_id,amount,placed_on\n1,1.00,2026-01-01\n2,{MARKUP},2026-01-01\n");
    let folder = Folder::new().file("orders.yaml", yaml).file(&format!("{MARKUP}.csv"), rows);
    let server = Server::start(&folder, &[]);
    let mut browser = Browser::open(&server).await;
    let job = talkative(job_of(&folder, "orders.yaml"));
    let id = server.client().submit(&job).await.expect("it is accepted").job_id;
    assert_eq!(wait_for_end(&server.client(), &id).await.status, JobStatus::Completed);
    let is_told = |page: &Page| page.is_at(&id, "COMPLETED") && page.rejects.len() == 2 && !page.log.is_empty();
    let page = browser.wait_for(is_told).await;
    page.assert_sound();
    let sample = &page.rejects[1][0];
    assert!(sample.starts_with(&format!("{MARKUP}.csv, line 3: \"{MARKUP}\" ")), "{sample}");
    assert!(page.log.iter().any(|line| line.contains("rejected ") && line.contains(MARKUP)), "{:#?}", page.log);

    // The control: what is looked for would have been seen, and the policy would have stopped it.
    browser.order(json!({ "do": "inject", "markup": MARKUP })).await;
    // The image that is not there is told first, and then that its script may not run.
    let is_stopped = |page: &Page| page.problems.iter().any(|problem| problem.contains("Content Security Policy"));
    let page = browser.wait_for(is_stopped).await;
    assert_eq!(page.images, 1);
    assert!(!page.problems.iter().any(|problem| problem.starts_with("dialog")), "{:?}", page.problems);
    browser.close().await;
}

#[tokio::test]
async fn whoever_has_no_token_is_asked_for_one_and_sees_what_it_allows_until_it_is_revoked() {
    let folder = Folder::with_orders(orders(10, 100)).file("etlplus.yaml", "access: { required: true }\n");
    let (server, admin) = access::start(&folder);
    let client = server.client().with_token(&admin).expect("it is a token");
    let create = async |name: &str, role: Role| {
        let token = CreateToken { name: name.to_owned(), role, expires_at: None };
        client.create_token(&token).await.expect("it is made")
    };
    let (viewer, operator) = (create("screen", Role::Viewer).await, create("night shift", Role::Operator).await);
    let id = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    assert_eq!(wait_for_end(&client, &id).await.status, JobStatus::Failed);

    let mut browser = Browser::start(&server);
    let page = browser.wait_for(|page| page.login.is_some()).await;
    assert!(!page.is_main_shown && page.jobs.is_empty() && page.login.as_deref() == Some(""), "{page:#?}");
    browser.log_in("etlp_nonsense").await;
    let page = browser.wait_for(|page| page.login.as_ref().is_some_and(|error| !error.is_empty())).await;
    assert!(!page.is_main_shown && page.jobs.is_empty(), "{page:#?}");

    browser.log_in(&viewer.token).await;
    let page = browser.wait_for(|page| page.connection == "live" && page.is_at(&id, "FAILED")).await;
    assert!(page.login.is_none() && page.is_main_shown, "{page:#?}");
    assert_eq!((page.me.as_str(), page.cookie.as_str()), ("screen (viewer)", ""), "no script can read the token");
    assert_eq!(page.job(&id).expect("it is shown").actions, [] as [&str; 0], "a viewer changes nothing");
    client.revoke_token(&viewer.info.id).await.expect("it is revoked");
    let page = browser.wait_for(|page| page.login.is_some() && page.jobs.is_empty()).await;
    assert!(!page.is_main_shown && page.me.is_empty(), "{page:#?}");

    browser.log_in(&operator.token).await;
    let page = browser.wait_for(|page| page.connection == "live" && page.is_at(&id, "FAILED")).await;
    assert_eq!(page.job(&id).expect("it is shown").actions, ["Retry"]);
    browser.click("#logout").await;
    let page = browser.wait_for(|page| page.login.is_some() && page.jobs.is_empty()).await;
    assert!(!page.is_main_shown, "{page:#?}");
    assert_eq!(page.loads, 1);
    // The browser itself puts each refusal on the console.
    assert!(page.problems.iter().all(|problem| problem.contains("status of 401")), "{:?}", page.problems);
    browser.close().await;
}

#[tokio::test]
async fn a_job_is_paused_resumed_cancelled_and_tried_again_by_its_buttons() {
    let folder = Folder::with_orders(orders(3_000_000, 0));
    let server = Server::start(&folder, &[]);
    let client = server.client();
    let mut browser = Browser::open(&server).await;
    let id = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    let can = |page: &Page, actions: &[&str]| page.job(&id).is_some_and(|row| row.actions == actions);
    browser.wait_for(|page| page.is_at(&id, "RUNNING") && can(page, &["Pause", "Cancel"])).await;
    browser.ask(&id, "Pause").await;
    let page = browser.wait_for(|page| page.is_at(&id, "PAUSED") && can(page, &["Resume", "Cancel"])).await;
    assert!(page.job(&id).expect("it is shown").is_focused, "the focus stays with the job: {page:#?}");
    assert_eq!(client.job(&id).await.expect("it is there").status, JobStatus::Paused);
    browser.ask(&id, "Resume").await;
    browser.wait_for(|page| page.is_at(&id, "RUNNING") && can(page, &["Pause", "Cancel"])).await;
    browser.ask(&id, "Cancel").await;
    browser.wait_for(|page| page.is_at(&id, "CANCELLED") && can(page, &["Retry"])).await;
    browser.ask(&id, "Retry").await;
    wait_for(&client, &id, |job| job.attempt == 2).await;
    let page = browser.wait_for(|page| page.is_at(&id, "COMPLETED")).await;
    assert!(can(&page, &[]));
    page.assert_sound();
    browser.close().await;
}

#[tokio::test]
async fn notices_and_alerts_are_shown_as_text() {
    const MARKUP: &str = "<img src=x onerror=alert(1)>";
    let folder = Folder::with_orders(orders(10, 100));
    let server = Server::start(&folder, &[]);
    let client = server.client();
    let mut browser = Browser::open(&server).await;
    let connections = client.connections().await.expect("they are listed").connections;
    let message = ConnectionMessage {
        title: "Restart at noon".to_owned(),
        message: MARKUP.to_owned(),
        severity: Some(Severity::Warning),
    };
    client.send_to_connection(&connections[0].connection_id, &message).await.expect("it is told");
    let is_told = |page: &Page| page.notices.iter().any(|notice| notice[0] == "Restart at noon");
    let page = browser.wait_for(is_told).await;
    assert!(page.notices.iter().any(|notice| notice[1] == MARKUP), "{:?}", page.notices);
    browser.click("#notices [aria-label='Dismiss: Restart at noon']").await;
    browser.wait_for(|page| !is_told(page)).await;

    let id = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    let fires = |page: &Page| page.alerts.iter().any(|alert| alert.contains("job_failed") && alert.contains("orders"));
    let page = browser.wait_for(|page| page.is_at(&id, "FAILED") && fires(page) && !page.failure.is_empty()).await;
    assert_ne!(page.alerts_count, "No alerts");
    page.assert_sound();
    browser.close().await;

    // Whoever comes later is told as well.
    let mut browser = Browser::open(&server).await;
    let page = browser.wait_for(fires).await;
    page.assert_sound();
    browser.close().await;
}

#[tokio::test]
async fn the_keyboard_chooses_a_job_and_keeps_its_place_while_others_run() {
    let folder = Folder::new().file("orders.yaml", ORDERS).file("orders.csv", orders(1_000_000, 1000));
    let folder = folder.file("small.yaml", ORDERS.replace("orders.csv }\nschema", "small.csv }\nschema"));
    let folder = folder.file("small.csv", orders(10, 1));
    let server = Server::start(&folder, &[]);
    let client = server.client();
    let first = client.submit(&talkative(job_of(&folder, "small.yaml"))).await.expect("it is accepted").job_id;
    wait_for_end(&client, &first).await;
    let second = client.submit(&job_of(&folder, "small.yaml")).await.expect("it is accepted").job_id;
    wait_for_end(&client, &second).await;

    let mut browser = Browser::open(&server).await;
    let page = browser.wait_for(|page| page.jobs.len() == 2 && !page.log.is_empty()).await;
    assert!(page.job(&second).expect("it is shown").is_chosen, "the newest one is shown first: {page:#?}");
    // The alerts; the list, which scrolls, where it does; then the jobs.
    let mut page = page;
    for _ in 0..5 {
        if !page.job(&first).expect("it is shown").is_focused {
            page = browser.press("Tab").await;
        }
    }
    assert!(page.job(&first).expect("it is shown").is_focused, "{page:#?}");
    browser.press("Enter").await;
    let page = browser.wait_for(|page| page.log.iter().any(|line| line.contains("rejected "))).await;
    assert!(page.job(&first).expect("it is shown").is_chosen);
    let selection = browser.order(json!({ "do": "select_line" })).await.selection;
    assert_eq!(selection, page.log[0]);

    // Rows come above it, and change, and end.
    let third = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    let pages = browser.watch(|page| page.is_at(&third, "COMPLETED")).await;
    for page in &pages {
        let row = page.job(&first).expect("it is shown");
        assert!(row.is_focused && row.is_chosen && page.selection == selection, "{page:#?}");
    }
    assert!(pages.iter().any(|page| page.is_at(&third, "RUNNING")), "it was seen to run");
    pages.last().expect("the last one").assert_sound();
    browser.close().await;
}
