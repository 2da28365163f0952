//! What is old is forgotten, as the settings say.

use std::num::NonZeroUsize;
use std::sync::Arc;

use etlplus_core::job::JobStatus;
use etlplus_core::ports::{Alerts, Consequences, History};

use crate::support::{Server, eventually, job};

#[tokio::test]
async fn ended_jobs_and_copies_of_rejects_go_beyond_what_is_kept_and_at_once_when_less_is() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = managing.accept(job("complete")).await;
        facts.until_status(id, JobStatus::Completed).await;
        ids.push(id);
    }
    let running = managing.accept(job("waits")).await;
    facts.until_line(running, "waiting").await;
    // Facts that nobody has looked at for alerts are kept in any case.
    let everything = NonZeroUsize::new(1_000).expect("it is not zero");
    let nothing = Arc::new(|_: &[_], _: &[_]| Consequences::default());
    while server.store.advance(nothing.clone(), everything).await.expect("the store answers") > 0 {}
    let rejects = server.folder.path().join("rejects");
    std::fs::create_dir_all(&rejects).expect("it can be made");
    for number in 0..5 {
        std::fs::write(rejects.join(format!("{number}.ndjson")), "{}\n").expect("it can be written");
    }

    managing.change(|settings| {
        settings.retention.jobs.max_count = Some(1);
        settings.retention.rejects.max_count = Some(2);
    });
    let is_there = async |id| server.store.job(id).await.expect("the store answers").is_some();
    eventually("the oldest go", async || !is_there(ids[0]).await && !is_there(ids[1]).await).await;
    eventually("copies go", async || std::fs::read_dir(&rejects).is_ok_and(|entries| entries.count() == 2)).await;
    assert!(is_there(ids[2]).await && is_there(running).await, "the last ended one and the running one stay");
}
