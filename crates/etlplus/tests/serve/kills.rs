//! The server killed again and again, at any moment: every accepted job ends, no target is half, no runner stays.

use std::os::unix::process::ExitStatusExt;

use etlplus_api::{JobStatus, SubmitJob};
use etlplus_client::{Client, JobQuery};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::server::{Server, is_running, job_of, orders, runners, wait_for, wait_for_end};
use crate::support::Folder;

const KILLS: usize = 50;
const ROWS: usize = 30_000;

/// A job that writes a target of its own.
fn job(folder: &Folder, number: usize) -> SubmitJob {
    let mut job = job_of(folder, "orders.yaml");
    job.definition = job.definition.map(|text| text.replace("out/orders.csv", &format!("out/{number}.csv")));
    job
}

#[tokio::test]
async fn after_fifty_kills_no_accepted_job_is_missing_or_stuck_and_no_target_is_half() {
    let folder = Folder::with_orders(orders(ROWS as u64, 0));
    let mut random = ChaCha8Rng::seed_from_u64(50);
    let (mut accepted, mut kills_while_running) = (Vec::new(), 0);
    for round in 0..KILLS {
        let server = Server::start(&folder, &[]);
        let client = server.client();
        // Some kills come while several submits are under way, some while jobs run.
        let submits = random.random_range(1..=4);
        let submitting: Vec<_> = (0..submits)
            .map(|index| {
                let (client, job) = (client.clone(), job(&folder, round * 10 + index));
                tokio::spawn(async move { client.submit(&job).await.map(|job| job.job_id) })
            })
            .collect();
        let mut ids = Vec::new();
        let mut submitting = submitting.into_iter();
        let first = submitting.next().expect("at least one").await.expect("no panic").expect("the server lives yet");
        if random.random_bool(0.5) {
            wait_for(&client, &first, |job| job.status != JobStatus::Pending).await;
            kills_while_running += usize::from(client.job(&first).await.is_ok_and(|job| is_running(&job)));
        }
        ids.push(first);
        let status = server.kill();
        assert_eq!(status.signal(), Some(9), "the kill came while the server lived");
        for submit in submitting {
            // One that was answered is accepted; the others may be recorded or not.
            ids.extend(submit.await.expect("no panic"));
        }
        accepted.extend(ids);
    }
    assert!(kills_while_running >= 5, "only {kills_while_running} kills came while a job ran");

    let server = Server::start(&folder, &[]);
    let client = server.client();
    for id in &accepted {
        let job = wait_for_end(&client, id).await;
        let is_told = job.failure.as_ref().is_some_and(|failure| failure.code == "server_stopped");
        assert!(job.status == JobStatus::Completed || is_told, "{job:#?}");
    }
    assert!(all_ended(&client).await, "nothing is stuck");
    assert_targets_are_whole(&folder);
    assert!(runners(&folder, Some(server.pid())).is_empty(), "no runner is left behind");
}

async fn all_ended(client: &Client) -> bool {
    let mut query = JobQuery { limit: Some(500), ..JobQuery::default() };
    loop {
        let page = client.jobs(&query).await.expect("the server answers");
        for job in &page.jobs {
            wait_for_end(client, &job.job_id).await;
        }
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => return true,
        }
    }
}

fn assert_targets_are_whole(folder: &Folder) {
    let mut targets = 0;
    for entry in std::fs::read_dir(folder.path("out")).expect("there are targets").flatten() {
        let name = entry.file_name().into_string().expect("a name");
        if name.ends_with(".csv") && !name.starts_with('.') {
            let rows = folder.read(&format!("out/{name}")).lines().count() - 1;
            assert_eq!(rows, ROWS, "{name} is whole");
            targets += 1;
        }
    }
    assert!(targets > 0, "some jobs completed");
}

#[tokio::test]
async fn a_server_that_is_told_to_end_does_so_and_the_next_one_goes_on() {
    let folder = Folder::with_orders(orders(3_000_000, 0));
    let server = Server::start(&folder, &[]);
    let client = server.client();
    let id = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
    wait_for(&client, &id, is_running).await;
    let status = server.terminate();
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(runners(&folder, None).is_empty(), "its runner is gone with it");

    let server = Server::start(&folder, &[]);
    let job = wait_for_end(&server.client(), &id).await;
    assert_eq!((job.status, job.attempt), (JobStatus::Completed, 2));
}

/// A log on a full disk, or one whose reader is gone.
#[tokio::test]
async fn a_server_whose_own_log_cannot_be_written_goes_on_and_ends_well() {
    let folder = Folder::with_orders(orders(100, 0));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("this is Linux");
    let server = Server::start_logging_to(&folder, &[], full);
    let client = server.client();
    for _ in 0..3 {
        let id = client.submit(&job_of(&folder, "orders.yaml")).await.expect("it is accepted").job_id;
        assert_eq!(wait_for_end(&client, &id).await.status, JobStatus::Completed);
    }
    assert_eq!(server.terminate().code(), Some(0));
}
