//! Incremental loads: an interval is loaded once, whoever else is at work.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use etlplus_connectors::{Intake, source, target};
use etlplus_core::Value;
use etlplus_core::pipeline::{Interval, JobSpec};

use crate::server::PostgresServer;
use crate::support::{Unlimited, address, job, load_pipeline, notes, prepare, start};

const ALL: &str = "SELECT string_agg(id || note, ' ' ORDER BY id, note) FROM notes";

fn incremental_job(server: &PostgresServer) -> JobSpec {
    job(&format!("{}incremental: {{cursor: id}}\n", load_pipeline(server, server.port(), "notes", "mode: append")))
}

/// A job that reads the table `t`, whose cursor `c` is declared as `ty`.
fn read_job(server: &PostgresServer, ty: &str) -> JobSpec {
    let address = address(server);
    job(&format!(
        "name: orders\nsource: {{postgres: {{{address}, table: t}}}}\nschema: {{c: '{ty}', n: int64}}\n\
         incremental: {{cursor: c}}\ntarget: {{postgres: {{{address}, table: notes}}, mode: append}}\n"
    ))
}

/// What the job would read, and the greatest cursor of that.
async fn found(job: &JobSpec, interval: &Interval) -> (Vec<i64>, Option<Value>) {
    let mut open = source::open(&job.pipeline().source, job, Some(interval)).await.unwrap();
    open.plan_mut().follow("c", interval.after.as_ref()).unwrap();
    let mut intake = Intake::start(open, &Unlimited);
    let mut found = Vec::new();
    while let Some(rows) = intake.next().await.unwrap() {
        found.extend(rows.batch.column(1).as_primitive::<Int64Type>().values());
    }
    found.sort_unstable();
    (found, intake.cursor().cloned())
}

fn between(after: Option<i64>, up_to: Option<i64>) -> Interval {
    Interval { after: after.map(Value::Integer), up_to: up_to.map(Value::Integer) }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_jobs_with_one_interval_only_one_loads_it() {
    let server = PostgresServer::start();
    // Whether the table is there, or the two make it.
    for after in [None, Some(2)] {
        let rows = notes(if after.is_none() { [(1, "a"), (2, "b")] } else { [(3, "c"), (4, "d")] });
        let up_to = after.map_or(2, |after| after + 2);
        let mut ready = Vec::new();
        for job in [incremental_job(&server), incremental_job(&server)] {
            let target = target::of(&job);
            assert_eq!(target.state().await.unwrap().cursor, after.map(|after| after.to_string()));
            target.fix_interval(&between(after, Some(up_to))).await.unwrap();
            ready.push(prepare(&*target, std::slice::from_ref(&rows), Some(&up_to.to_string())).await.unwrap());
        }
        let committed = futures::future::join_all(ready.into_iter().map(|ready| ready.commit())).await;
        let failures: Vec<_> = committed.into_iter().filter_map(Result::err).collect();
        assert_eq!(failures.len(), 1, "{failures:?}");
        let wanted = if after.is_none() { "target_changed" } else { "interval_loaded" };
        assert_eq!(failures[0].code, wanted, "{}", failures[0]);
    }
    assert_eq!(server.sql(ALL), "1a 2b 3c 4d");
    assert_eq!(server.sql("SELECT cursor FROM etlplus_loads ORDER BY id"), "2\n4");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_another_one_has_overtaken_does_not_begin() {
    let server = PostgresServer::start();
    // What a server or a user has as a default must not hide the other one's load.
    server.sql("ALTER ROLE etl SET default_transaction_isolation = 'serializable'");
    let (late, first) = (incremental_job(&server), incremental_job(&server));
    let (late, first) = (target::of(&late), target::of(&first));
    for target in [&late, &first] {
        target.fix_interval(&between(None, Some(2))).await.unwrap();
    }
    let ready = prepare(&*first, &[notes([(1, "a"), (2, "b")])], Some("2")).await.unwrap();
    ready.commit().await.unwrap();
    let failure = start(&*late, &notes([(1, "a")])).await.err().unwrap();
    assert_eq!(failure.code, "interval_loaded", "{failure}");

    // The control: a job of another pipeline has a cursor of its own, and the next one of this goes on.
    let text = load_pipeline(&server, server.port(), "notes", "mode: append").replace("name: orders", "name: others");
    for (job, after, id) in
        [(job(&format!("{text}incremental: {{cursor: id}}\n")), None, 1), (incremental_job(&server), Some(2), 3)]
    {
        let target = target::of(&job);
        target.fix_interval(&between(after, Some(id))).await.unwrap();
        let ready = prepare(&*target, &[notes([(id, "c")])], Some(&id.to_string())).await.unwrap();
        ready.commit().await.unwrap();
    }
    assert_eq!(server.sql(ALL), "1a 1c 2b 3c");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cursor_does_not_go_back() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE notes (id bigint, note text)");
    let job = incremental_job(&server);
    let target = target::of(&job);
    // The source has lost its last rows.
    target.fix_interval(&between(Some(9), Some(5))).await.unwrap();
    assert_eq!(target.state().await.unwrap().interval, Some((Some("9".to_owned()), Some("9".to_owned()))));
    prepare(&*target, &[notes([])], Some("5")).await.unwrap().commit().await.unwrap();
    assert_eq!(target.state().await.unwrap().cursor.as_deref(), Some("9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_are_declared_numbers_come_in_the_order_of_numbers() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE t (c text, n bigint); INSERT INTO t VALUES ('8', 8), ('9', 9)");
    let job = read_job(&server, "int64");
    let newest = source::newest(&job.pipeline().source, &job, "c").await.unwrap();
    assert_eq!(newest, None, "the order of the texts does not tell");
    assert_eq!(found(&job, &between(None, None)).await, (vec![8, 9], Some(Value::Integer(9))));
    server.sql("INSERT INTO t VALUES ('10', 10), ('11', 11)");
    assert_eq!(found(&job, &between(Some(9), None)).await, (vec![10, 11], Some(Value::Integer(11))));

    // Numbers of another width have the same order, and are asked for.
    server.sql("ALTER TABLE t ALTER c TYPE int USING c::int");
    for ty in ["int64", "decimal(12,2)"] {
        let job = read_job(&server, ty);
        let of = |text: &str| Value::parse(job.pipeline().source.columns[0].ty, text).unwrap();
        let newest = source::newest(&job.pipeline().source, &job, "c").await.unwrap();
        assert_eq!(newest, Some(of("11")), "{ty}");
        let interval = Interval { after: Some(of("8")), up_to: Some(of("10")) };
        assert_eq!(found(&job, &interval).await, (vec![9, 10], Some(of("10"))), "{ty}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn intervals_of_jobs_that_were_given_up_are_forgotten() {
    let server = PostgresServer::start();
    server.sql("CREATE TABLE notes (id bigint, note text)");
    let jobs = [incremental_job(&server), incremental_job(&server), incremental_job(&server)];
    for (job, days) in jobs.iter().zip([31, 29, 0]) {
        target::of(job).fix_interval(&between(None, Some(2))).await.unwrap();
        let age = format!(
            "UPDATE etlplus_intervals SET fixed_at = now() - interval '{days} days' WHERE job_id = '{}'",
            job.id()
        );
        server.sql(&age);
    }
    for (job, is_kept) in jobs.iter().zip([false, true, true]) {
        assert_eq!(target::of(job).state().await.unwrap().interval.is_some(), is_kept);
    }
}
