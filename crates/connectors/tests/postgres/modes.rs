//! What becomes of the rows that are there, and loads that are run again.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use etlplus_connectors::target;
use etlplus_core::pipeline::Interval;
use etlplus_core::{FailureKind, Type, Value};
use futures::TryStreamExt;
use futures::future::join_all;
use uuid::Uuid;

use crate::server::PostgresServer;
use crate::support::{load, load_job, load_job_as, misfits, notes, numbered, prepare, start};

const ALL: &str = "SELECT string_agg(id || note, ' ' ORDER BY id, note) FROM notes";

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_made_and_then_replaced() {
    let server = PostgresServer::start();
    load(&load_job(&server, "notes", "mode: replace"), &[notes([(1, "a"), (2, "b")])]).await.unwrap();
    assert_eq!(server.sql(ALL), "1a 2b");
    let first = server.sql("SELECT 'notes'::regclass::oid");
    load(&load_job(&server, "notes", "mode: replace"), &[notes([(3, "c")])]).await.unwrap();
    assert_eq!(server.sql(ALL), "3c");
    // The whole table was swapped: nothing depended on it.
    assert_ne!(server.sql("SELECT 'notes'::regclass::oid"), first);
    assert_eq!(server.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'etlplus_stage%'"), "0");
    assert_eq!(
        server.sql("SELECT pipeline, target, rows FROM etlplus_loads ORDER BY id"),
        "orders|public.notes|2\norders|public.notes|1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_rows_come_by_several_sessions_and_all_arrive() {
    let server = PostgresServer::start();
    load(&load_job(&server, "notes", "mode: replace"), &numbered(1, 100_000)).await.unwrap();
    assert_eq!(server.sql("SELECT count(*), count(DISTINCT id), sum(id) FROM notes"), "100000|100000|5000050000");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_a_table_survives_its_replacement() {
    let server = PostgresServer::start();
    server.sql(
        "CREATE ROLE reader; CREATE TABLE notes (note varchar(20) NOT NULL DEFAULT '-', id bigint PRIMARY KEY, added int DEFAULT 7, \
           CONSTRAINT positive CHECK (id > 0)); \
         CREATE INDEX by_note ON notes (note); GRANT SELECT ON notes TO reader; COMMENT ON TABLE notes IS 'kept'; \
         CREATE VIEW seen AS SELECT id FROM notes; INSERT INTO notes VALUES ('old', 1)",
    );
    let before =
        server.sql("SELECT relacl, 'notes'::regclass::oid, obj_description(oid) FROM pg_class WHERE relname = 'notes'");
    load(&load_job(&server, "notes", "mode: replace"), &[notes([(1, "a"), (2, "b")])]).await.unwrap();
    assert_eq!(server.sql("SELECT id, note, added FROM notes ORDER BY id"), "1|a|7\n2|b|7");
    let after =
        server.sql("SELECT relacl, 'notes'::regclass::oid, obj_description(oid) FROM pg_class WHERE relname = 'notes'");
    assert_eq!(after, before);
    assert_eq!(server.sql("SELECT count(*) FROM seen"), "2");
    assert_eq!(server.sql("SELECT count(*) FROM pg_indexes WHERE tablename = 'notes'"), "2");
}

/// Each thing by which a table differs from one that would be made anew keeps it where it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_swapped_only_where_nobody_can_tell() {
    let server = PostgresServer::start();
    server.sql("CREATE ROLE reader; CREATE TABLE other (id bigint PRIMARY KEY)");
    for (what, made) in [
        ("an index", "CREATE INDEX ON notes (note)"),
        ("a primary key", "ALTER TABLE notes ADD PRIMARY KEY (id)"),
        ("a view", "CREATE VIEW v AS SELECT id FROM notes"),
        ("a grant", "GRANT SELECT ON notes TO reader"),
        ("a grant of a column", "GRANT SELECT (id) ON notes TO reader"),
        (
            "a trigger",
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
                       CREATE TRIGGER t BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION f()",
        ),
        ("a policy", "CREATE POLICY p ON notes USING (true)"),
        ("a foreign key", "ALTER TABLE notes ADD FOREIGN KEY (id) REFERENCES other NOT VALID"),
        ("a table that inherits", "CREATE TABLE child () INHERITS (notes)"),
        ("a table of its row type", "CREATE TABLE t (x notes)"),
        ("a comment", "COMMENT ON TABLE notes IS 'x'"),
        ("storage parameters", "ALTER TABLE notes SET (fillfactor = 50)"),
        ("a sequence", "CREATE SEQUENCE s OWNED BY notes.id"),
        ("statistics", "CREATE STATISTICS st ON id, note FROM notes"),
        ("a publication", "CREATE PUBLICATION pub FOR TABLE notes WITH (publish = 'insert')"),
        ("an owner", "ALTER TABLE notes OWNER TO reader"),
        ("row security", "ALTER TABLE notes ENABLE ROW LEVEL SECURITY"),
        ("a function", "CREATE FUNCTION g(notes) RETURNS bigint LANGUAGE sql AS 'SELECT $1.id'"),
    ] {
        server.sql("CREATE TABLE notes (id bigint, note text DEFAULT '-' CHECK (note <> ''))");
        server.sql(made);
        let oid = server.sql("SELECT 'notes'::regclass::oid");
        let rows = if what == "a foreign key" { Vec::new() } else { vec![(1, "a")] };
        load(&load_job(&server, "notes", "mode: replace"), &[notes(rows)])
            .await
            .unwrap_or_else(|failure| panic!("{what}: {failure}"));
        assert_eq!(server.sql("SELECT 'notes'::regclass::oid"), oid, "{what}");
        server.sql("DROP TABLE notes CASCADE; DROP FUNCTION IF EXISTS f; DROP TABLE IF EXISTS t; DROP PUBLICATION IF EXISTS pub");
    }
    // The control: a default and a check are no reason.
    server.sql("CREATE TABLE notes (id bigint, note text DEFAULT '-' CHECK (note <> ''))");
    let oid = server.sql("SELECT 'notes'::regclass::oid");
    load(&load_job(&server, "notes", "mode: replace"), &[notes([(1, "a")])]).await.unwrap();
    assert_ne!(server.sql("SELECT 'notes'::regclass::oid"), oid);
    assert_eq!(server.sql("SELECT conname FROM pg_constraint WHERE conrelid = 'notes'::regclass"), "notes_note_check");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_go_on_while_a_table_is_replaced() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE notes (id bigint, note text); INSERT INTO notes VALUES (1, 'old')");
    let reader = server.session("SELECT * FROM notes");
    // The reader holds its lock, so that the table cannot be swapped, and its rows are replaced in place.
    let oid = server.sql("SELECT 'notes'::regclass::oid");
    load(&load_job(&server, "notes", "mode: replace"), &[notes([(2, "new")])]).await.unwrap();
    assert_eq!(server.sql(ALL), "2new");
    assert_eq!(server.sql("SELECT 'notes'::regclass::oid"), oid);
    assert_eq!(server.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'etlplus_stage%'"), "0");
    drop(reader);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_appended() {
    let server = PostgresServer::start();
    load(&load_job(&server, "notes", "mode: append"), &[notes([(1, "a")])]).await.unwrap();
    load(&load_job(&server, "notes", "mode: append"), &[notes([(1, "a"), (2, "b")])]).await.unwrap();
    assert_eq!(server.sql(ALL), "1a 1a 2b");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_merged_by_key() {
    let server = PostgresServer::start();
    let mode = "mode: upsert, key: [id]";
    load(&load_job(&server, "notes", mode), &[notes([(1, "a"), (2, "b")])]).await.unwrap();
    assert_eq!(
        server.sql(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'notes'::regclass AND contype = 'p'"
        ),
        "PRIMARY KEY (id)"
    );
    server.sql("ALTER TABLE notes ADD extra text; UPDATE notes SET extra = 'kept'");
    load(&load_job(&server, "notes", mode), &[notes([(2, "B"), (3, "c")])]).await.unwrap();
    assert_eq!(server.sql("SELECT id, note, extra FROM notes ORDER BY id"), "1|a|kept\n2|B|kept\n3|c|");
    // The same key twice, in a new table and in one that is there.
    for table in ["notes", "others"] {
        let failure =
            load(&load_job(&server, table, mode), &[notes([(7, "x"), (8, "y"), (7, "z")])]).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::BadData);
        assert!(failure.message.contains("(id)") && failure.message.contains('7'), "{failure}");
    }
    assert_eq!(server.sql("SELECT count(*) FROM notes WHERE id > 3"), "0");
    assert_eq!(server.sql("SELECT to_regclass('others') IS NULL"), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_needs_a_unique_index() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE notes (id bigint, note text); CREATE UNIQUE INDEX ON notes (id, note); CREATE UNIQUE INDEX ON notes (id) WHERE id > 5");
    let job = load_job(&server, "notes", "mode: upsert, key: [id]");
    let misfits = misfits(&job, &notes([(1, "a")])).await;
    assert_eq!(misfits.len(), 1);
    assert!(misfits[0].message.contains("no unique index"), "{misfits:?}");
    // The order of a key's columns means nothing.
    load(&load_job(&server, "notes", "mode: upsert, key: [note, id]"), &[notes([(1, "a")])]).await.unwrap();
    load(&load_job(&server, "notes", "mode: upsert, key: [note, id]"), &[notes([(1, "a"), (1, "b")])]).await.unwrap();
    assert_eq!(server.sql(ALL), "1a 1b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_is_noted_with_its_rows_and_none_is_repeated() {
    let server = PostgresServer::start();
    let id = Uuid::now_v7();
    let job = load_job_as(id, &server, "notes", "mode: append");
    let target = target::of(&job);
    assert_eq!(target.state().await.unwrap().loaded, None);
    let interval = Interval { after: None, up_to: Some(Value::Integer(2)) };
    target.fix_interval(&interval).await.unwrap();
    assert_eq!(target.state().await.unwrap().interval, Some((None, Some("2".to_owned()))));
    let ready = prepare(&*target, &[notes([(1, "a"), (2, "b")])], Some("2")).await.unwrap();
    assert_eq!(target.state().await.unwrap().loaded, None);
    ready.commit().await.unwrap();

    let state = target.state().await.unwrap();
    assert_eq!(state.loaded, Some(2));
    assert_eq!(state.cursor.as_deref(), Some("2"));
    assert_eq!(
        state.columns.unwrap().iter().map(|column| column.type_name.as_str()).collect::<Vec<_>>(),
        ["bigint", "text"]
    );
    let again = start(&*target, &notes([(1, "a")])).await.err().unwrap();
    assert_eq!(again.code, "loaded_meanwhile");
    assert_eq!(server.sql(ALL), "1a 2b");
    // Another job of the pipeline knows where to go on.
    let next = target::of(&load_job(&server, "notes", "mode: append")).state().await.unwrap();
    assert_eq!((next.loaded, next.cursor.as_deref()), (None, Some("2")));
    assert_eq!(server.sql("SELECT count(*) FROM etlplus_intervals"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_load_leaves_the_target_as_it_was() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE notes (id bigint PRIMARY KEY, note text); INSERT INTO notes VALUES (1, 'old')");
    for mode in ["mode: replace", "mode: append", "mode: upsert, key: [id]"] {
        let job = load_job(&server, "notes", mode);
        let target = target::of(&job);
        let mut loader = start(&*target, &notes([(2, "b")])).await.unwrap();
        for batch in numbered(10, 20_000) {
            loader.write(batch).await.unwrap();
        }
        drop(loader);
        let ready = prepare(&*target, &[notes([(3, "c")])], None).await.unwrap();
        drop(ready);
        server.wait_for("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'etlplus %'", "0");
        assert_eq!(server.sql(ALL), "1old", "{mode}");
    }
    assert_eq!(server.sql("SELECT count(*) FROM etlplus_loads"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_of_killed_jobs_are_removed_and_those_of_living_ones_are_not() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE notes (id bigint, note text); CREATE TABLE etlplus_stage_of_somebody (id int)");
    let killed = load_job(&server, "notes", "mode: replace");
    let loader = start(&*target::of(&killed), &notes([(1, "a")])).await.unwrap();
    let living = load_job(&server, "others", "mode: replace");
    let living_target = target::of(&living);
    let ready = prepare(&*living_target, &[notes([(5, "e")])], None).await.unwrap();
    drop(loader);
    let stages = "SELECT count(*) FROM pg_class WHERE relname LIKE 'etlplus_stage_________-%'";
    assert_eq!(server.sql(stages), "2");
    server.wait_for("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'etlplus %'", "1");
    load(&load_job(&server, "notes", "mode: replace"), &[notes([(2, "b")])]).await.unwrap();
    assert_eq!(server.sql(stages), "1");
    ready.commit().await.unwrap();
    assert_eq!(server.sql("SELECT id FROM others"), "5");
    assert_eq!(server.sql("SELECT count(*) FROM etlplus_stage_of_somebody"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_jobs_that_compared_with_the_same_rows_do_not_both_load() {
    let server = PostgresServer::start();
    // Whether the table is there, or the two make it; and where the other one is done before this one starts.
    for (first, is_at_once) in [(1, true), (11, true), (21, false)] {
        let jobs = [load_job(&server, "notes", "mode: append"), load_job(&server, "notes", "mode: append")];
        let targets = jobs.each_ref().map(target::of);
        for target in &targets {
            if let Some(values) = target.values("id", Type::Int64).await.unwrap() {
                values.try_collect::<Vec<_>>().await.unwrap();
            }
        }
        let mut failures = Vec::new();
        if is_at_once {
            let mut ready = Vec::new();
            for target in &targets {
                ready.push(prepare(&**target, &numbered(first, 10), None).await.unwrap());
            }
            let committed = join_all(ready.into_iter().map(|ready| ready.commit())).await;
            failures.extend(committed.into_iter().filter_map(Result::err));
        } else {
            prepare(&*targets[0], &numbered(first, 10), None).await.unwrap().commit().await.unwrap();
            failures.extend(prepare(&*targets[1], &numbered(first, 10), None).await.err());
        }
        let codes: Vec<_> = failures.iter().map(|failure| (failure.code.as_str(), failure.kind)).collect();
        assert_eq!(codes, [("target_changed", FailureKind::Transient)], "{failures:?}");
    }
    assert_eq!(server.sql("SELECT count(*), count(DISTINCT id) FROM notes"), "30|30");
    // The control: those who compared with nothing do not wait for each other.
    let jobs = [load_job(&server, "notes", "mode: append"), load_job(&server, "notes", "mode: append")];
    let mut ready = Vec::new();
    for job in &jobs {
        ready.push(prepare(&*target::of(job), &numbered(31, 10), None).await.unwrap());
    }
    for ready in ready {
        ready.commit().await.unwrap();
    }
    assert_eq!(server.sql("SELECT count(*), count(DISTINCT id) FROM notes"), "50|40");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_a_whole_key_fails_the_load() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE notes (id bigint UNIQUE, note text)");
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![Some(3), None]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["c", "d"]));
    let unkeyed = RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("note", texts, true)]).unwrap();
    let upsert = || load_job(&server, "notes", "mode: upsert, key: [id]");
    let failure = load(&upsert(), &[notes([(1, "a"), (2, "b")]), unkeyed.clone()]).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.kind), ("key_without_value", FailureKind::BadData));
    assert!(failure.message.contains("row 4 of the load") && failure.message.contains("\"id\""), "{failure}");
    assert_eq!(server.sql("SELECT count(*) FROM notes"), "0");
    // Nor does a table that the load makes take it.
    load(&load_job(&server, "others", "mode: upsert, key: [id]"), &[unkeyed]).await.unwrap_err();
    // The control.
    load(&upsert(), &[notes([(1, "a"), (2, "b")])]).await.unwrap();
    assert_eq!(server.sql(ALL), "1a 2b");
}
