//! Lists of jobs.

use etlplus_core::job::{JobInput, JobStatus, JobType};
use etlplus_core::ports::{Change, History, JobQuery, Ledger};

use crate::examples::*;
use crate::fixture::Fixture;

const NONE: [usize; 0] = [];

fn any(most: usize) -> JobQuery {
    JobQuery {
        statuses: vec![],
        pipeline: None,
        job_type: None,
        tag: None,
        from: None,
        until: None,
        text: None,
        before: None,
        limit: limit(most),
    }
}

/// The numbers of the jobs below `count` that `query` gives, in its order.
async fn numbers(store: &impl History, query: JobQuery, count: usize) -> Vec<usize> {
    let jobs = store.jobs(query).await.expect("the store answers");
    let number = |id| (0..count).find(|number| job_id(*number) == id).expect("the job was submitted");
    jobs.iter().map(|job| number(job.header.id)).collect()
}

/// Four jobs that differ in everything: 0 is PENDING, 1 RUNNING, 2 FAILED, 3 CANCELLED.
async fn four_jobs<F: Fixture>(fixture: &F) -> F::Store {
    let store = fixture.store();
    let lives = [vec![], vec![start()], vec![start(), failed(lasting(), None)], vec![JobInput::Cancel]];
    for (number, inputs) in lives.into_iter().enumerate() {
        let (mut changes, _) = life(number, inputs);
        if let Change::Submit(new) = &mut changes[0] {
            let header = &mut new.header;
            header.pipeline = ["orders", "orders_eu", "Customers", "orders"][number].to_owned();
            header.job_type = if number == 0 { JobType::Load } else { JobType::FullEtl };
            header.tags = [vec![], vec!["daily"], vec!["daily", "50%"], vec!["a_b"]][number]
                .iter()
                .map(|tag| (*tag).to_owned())
                .collect();
            header.submitted_at = at(10 * number as i64);
        }
        store.record(changes).await.expect("the job is new");
    }
    store
}

pub(crate) async fn jobs_are_listed_from_the_latest_by_pages<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.store();
    // They are recorded in another order than that of their ids, which is the order in which they were made.
    let submits = [3, 0, 4, 1, 2].map(submit).to_vec();
    store.record(submits).await.expect("the jobs are new");
    let mut query = any(2);
    let mut listed = Vec::new();
    loop {
        let page = numbers(&store, query.clone(), 5).await;
        let Some(last) = page.last() else { break };
        query.before = Some(job_id(*last));
        assert!(page.len() <= 2);
        listed.extend(page);
    }
    assert_eq!(listed, [4, 3, 2, 1, 0]);
}

pub(crate) async fn each_filter_leaves_out_what_it_should<F: Fixture>() {
    let fixture = F::new().await;
    let store = four_jobs(&fixture).await;
    let found = async |change: fn(&mut JobQuery)| {
        let mut query = any(9);
        change(&mut query);
        numbers(&store, query, 4).await
    };
    assert_eq!(found(|_| {}).await, [3, 2, 1, 0]);
    assert_eq!(found(|query| query.statuses = vec![JobStatus::Running]).await, [1]);
    assert_eq!(found(|query| query.statuses = vec![JobStatus::Failed, JobStatus::Pending]).await, [2, 0]);
    assert_eq!(found(|query| query.statuses = vec![JobStatus::Paused]).await, NONE);
    assert_eq!(found(|query| query.pipeline = Some("orders".to_owned())).await, [3, 0]);
    assert_eq!(found(|query| query.job_type = Some(JobType::Load)).await, [0]);
    assert_eq!(found(|query| query.tag = Some("daily".to_owned())).await, [2, 1]);
    assert_eq!(found(|query| query.tag = Some("dail".to_owned())).await, NONE, "a tag is a whole word");
    assert_eq!(found(|query| query.from = Some(at(10))).await, [3, 2, 1], "the start is within");
    assert_eq!(found(|query| query.until = Some(at(10))).await, [0], "the end is not");
    assert_eq!(found(|query| query.before = Some(job_id(2))).await, [1, 0]);
    assert_eq!(found(|query| query.limit = limit(1)).await, [3]);
}

pub(crate) async fn filters_together_leave_out_what_each_does<F: Fixture>() {
    let fixture = F::new().await;
    let store = four_jobs(&fixture).await;
    let all = JobQuery {
        statuses: vec![JobStatus::Running, JobStatus::Failed],
        pipeline: Some("orders_eu".to_owned()),
        job_type: Some(JobType::FullEtl),
        tag: Some("daily".to_owned()),
        from: Some(at(10)),
        until: Some(at(11)),
        text: Some("EU".to_owned()),
        before: Some(job_id(2)),
        limit: limit(9),
    };
    assert_eq!(numbers(&store, all.clone(), 4).await, [1]);
    assert_eq!(numbers(&store, JobQuery { tag: Some("50%".to_owned()), ..all.clone() }, 4).await, NONE);
    assert_eq!(numbers(&store, JobQuery { from: Some(at(11)), ..all }, 4).await, NONE);
}

pub(crate) async fn text_is_found_in_any_case_and_has_no_wildcards<F: Fixture>() {
    let fixture = F::new().await;
    let store = four_jobs(&fixture).await;
    let found = async |text: &str| numbers(&store, JobQuery { text: Some(text.to_owned()), ..any(9) }, 4).await;
    assert_eq!(found("ORDERS.CSV is").await, [2], "in the failure");
    assert_eq!(found("cusTOM").await, [2], "in the pipeline's name");
    assert_eq!(found("DAIL").await, [2, 1], "in a tag");
    assert_eq!(found(&job_id(3).to_string().to_uppercase()).await, [3], "in the id");
    assert_eq!(found("%").await, [2], "a percent sign is itself");
    assert_eq!(found("_").await, [3, 1], "so is an underscore");
    assert_eq!(found("\\").await, NONE);
    assert_eq!(found("").await, [3, 2, 1, 0]);
    assert_eq!(found(&"x".repeat(100_000)).await, NONE);
}
