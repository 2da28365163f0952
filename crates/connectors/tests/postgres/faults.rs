//! What goes wrong: servers, locks, passwords, constraints. Each is told, none hangs, and the target stays as it was.

use std::time::{Duration, Instant};

use etlplus_connectors::source;
use etlplus_connectors::target::{self, Target};
use etlplus_core::{Failure, FailureKind};

use crate::proxy::{Cut, Proxy};
use crate::server::{PASSWORD, PostgresServer, USER};
use crate::support::{job, load, load_job, load_pipeline, notes, numbered, prepare, read, read_job, start};

/// What looking at a target says, for a server that cannot be used.
async fn state_failure(url: &str, password: &str) -> Failure {
    let job = job(&format!(
        "name: orders\nsource: {{csv: {{path: a.csv}}}}\nschema: {{id: int64}}\ntarget: {{postgres: {{url: '{url}', table: t, {password}}}}}\n"
    ));
    target::of(&job).state().await.err().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_let_nobody_in_say_why() {
    let server = PostgresServer::start_with(&["max_connections=5", "superuser_reserved_connections=0"]);
    let file = |text: &str| {
        let path = server.password_file().with_file_name(format!("password-{}", text.len()));
        std::fs::write(&path, text).unwrap();
        format!("password: '${{file:{}}}'", path.display())
    };
    let right = file(&format!("{PASSWORD}\r\n"));
    let url = server.url();
    let nowhere = format!("postgres://{USER}@127.0.0.1:1/postgres");
    for (url, password, code, kind, words) in [
        (url.clone(), file("wrong"), "login_refused", FailureKind::UserMistake, "password authentication failed"),
        (
            url.clone(),
            "password: '${ETLPLUS_NO_SUCH_VARIABLE}'".to_owned(),
            "secret_missing",
            FailureKind::UserMistake,
            "ETLPLUS_NO_SUCH_VARIABLE",
        ),
        (
            url.clone(),
            "password: '${file:/no/such/file}'".to_owned(),
            "secret_missing",
            FailureKind::UserMistake,
            "/no/such/file",
        ),
        (url.clone(), file(&"x".repeat(5000)), "secret_missing", FailureKind::UserMistake, "4096"),
        (server.url_of("nothing"), right.clone(), "no_such_database", FailureKind::UserMistake, "nothing"),
        (nowhere, right.clone(), "database_unreachable", FailureKind::Transient, "127.0.0.1:1"),
        (
            format!("postgres://{USER}@no-such-host.invalid/postgres"),
            right.clone(),
            "database_unreachable",
            FailureKind::Transient,
            "no-such-host.invalid",
        ),
        (format!("{url}?sslmode=require"), right.clone(), "tls_failed", FailureKind::UserMistake, "TLS"),
    ] {
        let failure = state_failure(&url, &password).await;
        assert_eq!((failure.code.as_str(), failure.kind), (code, kind), "{failure}");
        assert!(failure.message.contains(words), "{failure}");
        assert!(!failure.to_string().contains(PASSWORD) && !failure.to_string().contains("wrong\""), "{failure}");
    }
    let _sessions: Vec<_> = (0..5).map(|_| server.session("SELECT 1")).collect();
    let failure = state_failure(&url, &right).await;
    assert_eq!((failure.code.as_str(), failure.kind), ("too_many_connections", FailureKind::Transient), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_few_sessions_to_spare_is_loaded_and_read_by_those() {
    let server = PostgresServer::start_with(&["max_connections=5", "superuser_reserved_connections=0"]);
    let sessions: Vec<_> = (0..3).map(|_| server.session("SELECT 1")).collect();
    load(&load_job(&server, "notes", "mode: replace"), &numbered(1, 50_000)).await.unwrap();
    drop(sessions);
    server.wait_for("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'etlplus %'", "0");
    let _sessions: Vec<_> = (0..4).map(|_| server.session("SELECT 1")).collect();
    let (rows, _) = read(&read_job(&server, "table: notes", ""), None).await.unwrap();
    assert_eq!(rows.num_rows(), 50_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_constraint_is_named_with_the_row() {
    let server = PostgresServer::start();
    server.sql(
        "CREATE TABLE people (id bigint PRIMARY KEY); INSERT INTO people VALUES (1), (2), (3); \
         CREATE TABLE notes (id bigint CONSTRAINT one_note UNIQUE CONSTRAINT known REFERENCES people, \
           note text NOT NULL CONSTRAINT not_empty CHECK (note <> '')); INSERT INTO notes VALUES (3, 'old')",
    );
    for mode in ["mode: append", "mode: replace"] {
        for (rows, words) in [
            (notes([(1, "a"), (1, "b")]), ["\"one_note\"", "(id)=(1)", "row 3 of the load"]),
            (notes([(1, "")]), ["\"not_empty\"", "Failing row contains (1, )", "row 2 of the load"]),
            (notes([(9, "a")]), ["\"known\"", "(id)=(9)", "people"]),
        ] {
            let batches = [notes([(2, "fine")]), rows];
            let failure = load(&load_job(&server, "notes", mode), &batches).await.unwrap_err();
            assert_eq!(
                (failure.code.as_str(), failure.kind),
                ("constraint_violated", FailureKind::BadData),
                "{failure}"
            );
            for words in words {
                assert!(failure.message.contains(words), "{words}: {failure}");
            }
            assert_eq!(server.sql("SELECT id, note FROM notes"), "3|old");
        }
    }
    let failure =
        load(&load_job(&server, "notes", "mode: upsert, key: [id]"), &[notes([(1, "a"), (2, "")])]).await.unwrap_err();
    assert_eq!(failure.code, "constraint_violated");
    assert!(failure.message.contains("\"not_empty\"") && failure.message.contains("(2, )"), "{failure}");
    assert_eq!(server.sql("SELECT count(*) FROM etlplus_loads"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_dropped_in_mid_load_fails_the_job() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE notes (id bigint, note text)");
    let job = load_job(&server, "notes", "mode: replace");
    let ready = prepare(&*target::of(&job), &[notes([(1, "a")])], None).await.unwrap();
    server.sql("DROP TABLE notes");
    let failure = ready.commit().await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.kind), ("target_changed", FailureKind::Transient), "{failure}");
    assert_eq!(server.sql("SELECT to_regclass('notes') IS NULL"), "t");
    // Where rows go straight into the table, it cannot be dropped.
    server.sql("CREATE TABLE notes (id bigint PRIMARY KEY, note text)");
    for mode in ["mode: append", "mode: upsert, key: [id]", "mode: replace"] {
        let job = load_job(&server, "notes", mode);
        let ready = prepare(&*target::of(&job), &[notes([(1, mode)])], None).await.unwrap();
        let dropped = server.try_sql("SET lock_timeout = '100ms'; DROP TABLE notes");
        assert!(String::from_utf8_lossy(&dropped.stderr).contains("lock timeout"), "{mode}");
        ready.commit().await.unwrap();
        assert_eq!(server.sql("SELECT id, note FROM notes"), format!("1|{mode}"));
    }
    server.sql("DROP TABLE notes");
    // One that came meanwhile is not overwritten.
    let job = load_job(&server, "notes", "mode: replace");
    let ready = prepare(&*target::of(&job), &[notes([(1, "a")])], None).await.unwrap();
    server.sql("CREATE TABLE notes (mine int)");
    assert_eq!(ready.commit().await.unwrap_err().code, "target_changed");
    assert_eq!(server.sql("SELECT count(*) FROM notes WHERE mine > 0"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_fails_the_job_in_time() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE notes (id bigint, note text)");
    let job = load_job(&server, "notes", "mode: append");
    let target = target::of(&job);
    let lock = server.session("LOCK TABLE notes");
    let begun = Instant::now();
    let failure = prepare(&*target, &[notes([(1, "a")])], None).await.err().unwrap();
    assert_eq!((failure.code.as_str(), failure.kind), ("table_locked", FailureKind::Transient), "{failure}");
    assert!(begun.elapsed() > Duration::from_secs(25), "{:?}", begun.elapsed());
    drop(lock);
    prepare(&*target, &[notes([(1, "a")])], None).await.unwrap().commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_session_fails_the_job_and_leaves_the_target() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE notes (id bigint PRIMARY KEY, note text); INSERT INTO notes VALUES (1, 'old'); CREATE TABLE plain AS TABLE notes");
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'etlplus %'";
    for (table, mode) in [
        ("notes", "mode: append"),
        ("plain", "mode: replace"),
        ("notes", "mode: replace"),
        ("notes", "mode: upsert, key: [id]"),
    ] {
        // In the middle, and at the end.
        for rows in [0, 5_000] {
            let job = load_job(&server, table, mode);
            let target = target::of(&job);
            let mut loader = start(&*target, &notes([])).await.unwrap();
            for batch in numbered(10, rows) {
                loader.write(batch).await.unwrap();
            }
            assert_ne!(server.sql(kill), "0");
            server.wait_for("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'etlplus %'", "0");
            let failure = write_to_the_end(loader).await.unwrap_err();
            assert_eq!(
                (failure.code.as_str(), failure.kind),
                ("connection_lost", FailureKind::Transient),
                "{mode}: {failure}"
            );
        }
        assert_eq!(server.sql(&format!("SELECT id, note FROM {table}")), "1|old");
        let job = load_job(&server, table, mode);
        let ready = prepare(&*target::of(&job), &[notes([(2, "b")])], None).await.unwrap();
        server.sql(kill);
        server.wait_for("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'etlplus %'", "0");
        assert_eq!(ready.commit().await.unwrap_err().code, "connection_lost");
        assert_eq!(server.sql(&format!("SELECT id, note FROM {table}")), "1|old");
        // The control: without the kill it is loaded.
        load(&load_job(&server, table, mode), &[notes([(2, "b")])]).await.unwrap();
        assert_eq!(server.sql(&format!("SELECT max(id) FROM {table}")), "2");
        server.sql(&format!("DELETE FROM {table}; INSERT INTO {table} VALUES (1, 'old')"));
    }
}

async fn write_to_the_end(mut loader: Box<dyn target::Loader>) -> Result<(), Failure> {
    for batch in numbered(100_000, 200_000) {
        loader.write(batch).await?;
    }
    loader.finish(None).await?.commit().await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_fails_loading_and_reading() {
    let mut server = PostgresServer::start();
    server.sql("CREATE TABLE big AS SELECT n AS id, repeat('x', 200) AS filler FROM generate_series(1, 200000) n");
    let loading = load_job(&server, "notes", "mode: replace");
    let loader = start(&*target::of(&loading), &notes([])).await.unwrap();
    let reading = read_job(&server, "table: big", "");
    let opened = source::open(&reading.pipeline().source, &reading, None).await.unwrap();
    server.crash();
    let failure = write_to_the_end(loader).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.kind), ("connection_lost", FailureKind::Transient), "{failure}");
    let mut intake = etlplus_connectors::Intake::start(opened, &crate::support::Unlimited);
    let failure = intake.next().await.err().unwrap();
    assert_eq!((failure.code.as_str(), failure.kind), ("connection_lost", FailureKind::Transient), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_the_commit_is_looked_up() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE notes (id bigint, note text); CREATE TABLE kept (id bigint PRIMARY KEY, note text)");
    let mut rows = 0;
    for (table, mode) in [("notes", "mode: append"), ("notes", "mode: replace"), ("kept", "mode: replace")] {
        for cut in [Cut::AfterCommit, Cut::BeforeCommit] {
            let proxy = Proxy::start(server.port(), cut).await;
            let job = job(&load_pipeline(&server, proxy.port, table, mode));
            rows += 1;
            let ready = prepare(&*target::of(&job), &[notes([(rows, "a")])], None).await.unwrap();
            assert_eq!(proxy.fired(), 0);
            let committed = ready.commit().await;
            assert_eq!(proxy.fired(), 1, "the fault has fired");
            let there = server.sql(&format!("SELECT count(*) FROM {table} WHERE id = {rows}"));
            match cut {
                Cut::AfterCommit => assert_eq!((committed.map(drop), there.as_str()), (Ok(()), "1"), "{table} {mode}"),
                Cut::BeforeCommit => {
                    assert_eq!(committed.unwrap_err().code, "connection_lost", "{table} {mode}");
                    assert_eq!(there, "0", "{table} {mode}");
                    assert_eq!(target::of(&job).state().await.unwrap().loaded, None);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_rights_is_told_which() {
    let server = PostgresServer::start();
    server.sql(
        "CREATE ROLE guest LOGIN PASSWORD 'correct horse'; CREATE TABLE notes (id bigint, note text); CREATE SCHEMA own AUTHORIZATION guest; \
         REVOKE CREATE ON SCHEMA public FROM public",
    );
    let as_guest = |table: &str| {
        let url = server.url().replace(USER, "guest");
        let password = server.password_file();
        job(&format!(
            "name: orders\nsource: {{csv: {{path: a.csv}}}}\nschema: {{id: int64}}\n\
             target: {{postgres: {{url: '{url}', password: '${{file:{}}}', table: '{table}'}}, mode: append}}\n",
            password.display()
        ))
    };
    let failure = load(&as_guest("notes"), &[notes([(1, "a")])]).await.unwrap_err();
    assert_eq!(failure.code, "permission_denied");
    assert!(failure.remedy.contains("\"public\""), "{failure}");
    load(&as_guest("own.notes"), &[notes([(1, "a")])]).await.unwrap();
    assert_eq!(server.sql("SELECT note FROM own.notes"), "a");
    let failure = load(&as_guest("nowhere.notes"), &[notes([(1, "a")])]).await.unwrap_err();
    assert_eq!(failure.code, "schema_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_reading_ends_its_sessions_at_once() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE big AS SELECT n AS id, repeat('x', 200) AS filler FROM generate_series(1, 200000) n");
    let active = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'etlplus %'";
    let reading = read_job(&server, "table: big", "");
    let opened = source::open(&reading.pipeline().source, &reading, None).await.unwrap();
    let mut intake = etlplus_connectors::Intake::start(opened, &crate::support::Unlimited);
    assert!(intake.next().await.unwrap().is_some());
    assert_ne!(server.sql(active), "0");
    drop(intake);
    server.wait_for(active, "0");

    // So does a query that works for long before its first row: the server looks for its client.
    let slow = read_job(&server, "query: 'SELECT count(*) AS n FROM big a, big b, big c'", "");
    let opened = source::open(&slow.pipeline().source, &slow, None).await.unwrap();
    let mut intake = etlplus_connectors::Intake::start(opened, &crate::support::Unlimited);
    let waited = tokio::time::timeout(Duration::from_millis(500), intake.next()).await;
    assert!(waited.is_err());
    assert_ne!(server.sql(active), "0");
    drop(intake);
    server.wait_for(active, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_at_its_limits_fails_the_job() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE big AS SELECT n AS id FROM generate_series(1, 200000) n");
    server.sql("ALTER DATABASE postgres SET temp_file_limit = '64kB'; ALTER DATABASE postgres SET work_mem = '64kB'");
    let reading = read_job(&server, "query: SELECT id FROM big ORDER BY id", "");
    let failure = read(&reading, None).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Transient, "{failure}");
    assert!(failure.message.contains("temp_file_limit"), "{failure}");
}

/// What `Target` says of itself needs no server.
#[test]
fn a_target_is_made_without_a_server() {
    let job = job(
        "name: orders\nsource: {csv: {path: a.csv}}\nschema: {id: int64}\ntarget: {postgres: {url: 'postgres://a@b/c', table: t}}\n",
    );
    let target: Box<dyn Target> = target::of(&job);
    assert_eq!(target.misfits(&notes([]).schema()), []);
}
