//! Incremental loads: an interval is loaded once, whoever else is at work.

use etlplus_connectors::target;
use etlplus_core::Value;
use etlplus_core::pipeline::{Interval, JobSpec};

use crate::server::PostgresServer;
use crate::support::{job, load_pipeline, notes, prepare, start};

const ALL: &str = "SELECT string_agg(id || note, ' ' ORDER BY id, note) FROM notes";

fn incremental_job(server: &PostgresServer) -> JobSpec {
    job(&format!("{}incremental: {{cursor: id}}\n", load_pipeline(server, server.port(), "notes", "mode: append")))
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
