//! Tables that are there already: what fits them and what does not.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use etlplus_connectors::target;
use etlplus_core::pipeline::Interval;

use crate::server::{PostgresServer, USER};
use crate::support::{job, load, load_job, load_pipeline, misfits, notes};

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_matched_by_their_exact_names() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE notes (extra int DEFAULT 5, note text, id bigint, \"Note\" text)");
    load(&load_job(&server, "notes", "mode: append"), &[notes([(1, "a")])]).await.unwrap();
    assert_eq!(server.sql("SELECT extra, note, id, \"Note\" FROM notes"), "5|a|1|");
    server.sql("CREATE TABLE others (\"ID\" bigint, note text NOT NULL, must int NOT NULL, sum bigint GENERATED ALWAYS AS (must + 1) STORED)");
    let found = misfits(&load_job(&server, "others", "mode: append"), &notes([(1, "a")])).await;
    let words: Vec<_> = found.iter().map(|misfit| format!("{}: {}", misfit.message, misfit.remedy)).collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words[0].contains("no column \"id\"") && words[0].contains("\"ID\""), "{words:?}");
    assert!(words[1].contains("\"must\""), "{words:?}");
    // A load that nobody has checked before meets the same.
    let failure = load_unchecked(&server, "others").await;
    assert_eq!(failure.code, "target_differs");
}

async fn load_unchecked(server: &PostgresServer, table: &str) -> etlplus_core::Failure {
    let job = load_job(server, table, "mode: append");
    crate::support::prepare(&*etlplus_connectors::target::of(&job), &[notes([(1, "a")])], None).await.err().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn wider_types_of_the_table_take_the_rows_and_narrower_ones_do_not() {
    let server = PostgresServer::start();
    server.sql(
        "CREATE TYPE mood AS ENUM ('happy', 'sad'); CREATE DOMAIN positive AS bigint CHECK (VALUE > 0); \
         CREATE TABLE wide (a bigint, b numeric, c numeric(12,2), d positive, e double precision, f varchar(9), g mood, h text, i jsonb)",
    );
    let number: ArrayRef = Arc::new(Int32Array::from(vec![7]));
    let text: ArrayRef = Arc::new(StringArray::from(vec!["sad"]));
    let uuid: ArrayRef = Arc::new(StringArray::from(vec!["01234567-89ab-cdef-0123-456789abcdef"]));
    let json: ArrayRef = Arc::new(StringArray::from(vec!["{\"b\":1,\"a\":2}"]));
    let float = arrow::compute::cast(&number, &DataType::Float32).unwrap();
    let columns: Vec<(&str, ArrayRef, Option<&str>)> = vec![
        ("a", number.clone(), None),
        ("b", number.clone(), None),
        ("c", number.clone(), None),
        ("d", number.clone(), None),
        ("e", float, None),
        ("f", text.clone(), None),
        ("g", text.clone(), None),
        ("h", uuid.clone(), Some("uuid")),
        ("i", json, Some("json")),
    ];
    let batch = of_columns(&columns);
    load(&load_job(&server, "wide", "mode: append"), &[batch]).await.unwrap();
    assert_eq!(
        server.sql("SELECT * FROM wide"),
        "7|7|7.00|7|7|sad|sad|01234567-89ab-cdef-0123-456789abcdef|{\"a\": 2, \"b\": 1}"
    );

    server.sql("CREATE TABLE narrow (a smallint, b numeric(11,2), c timestamp(3), d uuid, e real, f int[], g bigint)");
    let micros = arrow::compute::cast(
        &Int64Array::from(vec![1]),
        &DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None),
    )
    .unwrap();
    let double = arrow::compute::cast(&number, &DataType::Float64).unwrap();
    let columns: Vec<(&str, ArrayRef, Option<&str>)> = vec![
        ("a", number.clone(), None),
        ("b", number.clone(), None),
        ("c", micros, None),
        ("d", text.clone(), None),
        ("e", double, None),
        ("f", number.clone(), None),
        ("g", text, None),
    ];
    let found = misfits(&load_job(&server, "narrow", "mode: append"), &of_columns(&columns)).await;
    let named: Vec<_> = found.iter().map(|misfit| misfit.message.split('"').nth(1).unwrap().to_owned()).collect();
    assert_eq!(named, ["a", "b", "c", "d", "e", "f", "g"], "{found:?}");
}

fn of_columns(columns: &[(&str, ArrayRef, Option<&str>)]) -> RecordBatch {
    use arrow::datatypes::{Field, Schema};
    let fields = columns.iter().map(|(name, array, said)| {
        let metadata = said.map(|said| (etlplus_connectors::TYPE_KEY.to_owned(), said.to_owned()));
        Field::new(*name, array.data_type().clone(), true).with_metadata(metadata.into_iter().collect())
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new(schema, columns.iter().map(|(_, array, _)| array.clone()).collect()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_table_and_what_others_follow_is_refused() {
    let server = PostgresServer::start();
    server.sql(
        "CREATE TABLE notes (id bigint PRIMARY KEY, note text); CREATE VIEW v AS SELECT * FROM notes; \
         CREATE TABLE child (id bigint CONSTRAINT goes_along REFERENCES notes ON DELETE CASCADE)",
    );
    let found = misfits(&load_job(&server, "v", "mode: append"), &notes([(1, "a")])).await;
    assert!(found[0].message.contains("no table"), "{found:?}");
    let found = misfits(&load_job(&server, "notes", "mode: replace"), &notes([(1, "a")])).await;
    assert!(found[0].message.contains("goes_along of child"), "{found:?}");
    assert_eq!(misfits(&load_job(&server, "notes", "mode: upsert, key: [id]"), &notes([(1, "a")])).await, []);
    let found = misfits(&load_job(&server, "new", "mode: upsert, key: [idd]"), &notes([(1, "a")])).await;
    assert!(found[0].remedy.contains("\"id\""), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_and_odd_names_are_taken_as_they_are() {
    let server = PostgresServer::start();
    server.sql("CREATE SCHEMA \"My \"\"Schema\"; CREATE TABLE \"My \"\"Schema\".\"a table's\" (id bigint, note text)");
    let table = "\"My \"\"Schema\".\"a table''s\"";
    for mode in ["mode: append", "mode: replace", "mode: replace"] {
        load(&load_job(&server, table, mode), &[notes([(1, "a"), (2, "b")])]).await.unwrap();
    }
    assert_eq!(server.sql("SELECT count(*) FROM \"My \"\"Schema\".\"a table's\""), "2");
    assert_eq!(server.sql("SELECT count(*) FROM \"My \"\"Schema\".etlplus_loads"), "3");
    // Partitions and identities take rows, too.
    server.sql(
        "CREATE TABLE parts (id bigint, note text) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (9); \
         CREATE TABLE numbered (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text)",
    );
    for (table, mode) in [
        ("parts", "mode: replace"),
        ("parts", "mode: append"),
        ("numbered", "mode: upsert, key: [id]"),
        ("numbered", "mode: replace"),
    ] {
        load(&load_job(&server, table, mode), &[notes([(1, "a"), (2, "b")])])
            .await
            .unwrap_or_else(|failure| panic!("{table} {mode}: {failure}"));
    }
    assert_eq!(server.sql("SELECT count(*) FROM parts"), "4");
    assert_eq!(server.sql("SELECT count(*) FROM numbered"), "2");
}

/// The rights that docs/pipelines.md names are enough, and none of them can be left out.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_needs_few_rights() {
    let server = PostgresServer::start();
    server.sql(
        "REVOKE CREATE ON SCHEMA public FROM public; REVOKE TEMPORARY ON DATABASE postgres FROM public; \
         CREATE ROLE guest LOGIN PASSWORD 'correct horse'; CREATE TABLE notes (id bigint UNIQUE, note text)",
    );
    load(&load_job(&server, "notes", "mode: append"), &[notes([(1, "a")])]).await.unwrap();
    let of_notes = ["SELECT, INSERT ON etlplus_loads", "SELECT, INSERT, DELETE ON etlplus_intervals"];
    for (mode, wanted) in [
        ("append", vec!["INSERT ON notes"]),
        (
            "upsert, key: [id]",
            vec!["SELECT ON notes", "INSERT ON notes", "UPDATE ON notes", "TEMPORARY ON DATABASE postgres"],
        ),
        ("replace", vec!["INSERT ON notes", "DELETE ON notes"]),
    ] {
        let as_guest = || {
            let text = load_pipeline(&server, server.port(), "notes", &format!("mode: {mode}"));
            job(&text.replace(&format!("//{USER}@"), "//guest@"))
        };
        let rights: Vec<_> = of_notes.iter().chain(&wanted).collect();
        rights.iter().for_each(|right| drop(server.sql(&format!("GRANT {right} TO guest"))));
        let id = server.sql("SELECT max(id) + 1 FROM notes").parse().unwrap();
        let target_job = as_guest();
        let interval = Interval { after: None, up_to: None };
        target::of(&target_job).fix_interval(&interval).await.unwrap_or_else(|failure| panic!("{mode}: {failure}"));
        load(&target_job, &[notes([(id, "b")])]).await.unwrap_or_else(|failure| panic!("{mode}: {failure}"));
        for right in &wanted {
            server.sql(&format!("REVOKE {right} FROM guest"));
            let failure = load(&as_guest(), &[notes([(id + 1, "c")])])
                .await
                .err()
                .unwrap_or_else(|| panic!("{mode} without {right}"));
            assert_eq!(failure.code, "permission_denied", "{mode} without {right}: {failure}");
            server.sql(&format!("GRANT {right} TO guest"));
        }
        rights.iter().for_each(|right| drop(server.sql(&format!("REVOKE {right} FROM guest"))));
    }
}
