//! A job is submitted once, however often it has to be sent.

mod support;

use etlplus_api::SubmitJob;
use serde_json::{Value, json};
use support::{Request, Server, job, problem};

fn key(request: &Request) -> String {
    assert_eq!(request.line, "POST /api/jobs");
    request.headers["idempotency-key"].clone()
}

fn orders() -> SubmitJob {
    SubmitJob { pipeline: Some("orders".to_owned()), ..SubmitJob::default() }
}

#[tokio::test]
async fn a_submit_whose_answer_is_lost_is_sent_again_as_the_same_job() {
    let server = Server::bind().await;
    let (client, orders) = (server.client(), orders());
    let lose_twice = async {
        // The whole request was read, so that a server may have accepted it.
        let first = server.request().await;
        let (sent, first_key) = (first.body.clone(), key(&first));
        first.cut();
        let second = server.request().await;
        let second_key = key(&second);
        second.refuse("503 Service Unavailable", &problem(503, "shutting_down")).await;
        let third = server.request().await;
        assert_eq!(third.body, sent);
        assert_eq!([&second_key, &key(&third)], [&first_key; 2]);
        third.answer("202 Accepted", "application/json", &job("j1", "PENDING").to_string()).await;
        first_key
    };
    let (accepted, first_key) = tokio::join!(client.submit(&orders), lose_twice);
    assert_eq!(accepted.expect("accepted in the end").job_id, "j1");

    let another = async {
        let request = server.request().await;
        let key = key(&request);
        request.answer("202 Accepted", "application/json", &job("j2", "PENDING").to_string()).await;
        key
    };
    let (accepted, second_key) = tokio::join!(client.submit(&orders), another);
    assert_eq!(accepted.expect("accepted").job_id, "j2");
    assert_ne!(first_key, second_key, "another submit is another job");
}

#[tokio::test]
async fn a_submit_that_is_never_answered_ends() {
    let server = Server::bind().await;
    let (client, orders) = (server.client(), orders());
    let refuse = async {
        let mut keys = Vec::new();
        for _ in 0..5 {
            let request = server.request().await;
            keys.push(key(&request));
            request.refuse("503 Service Unavailable", &problem(503, "queue_full")).await;
        }
        keys
    };
    let (answer, mut keys) = tokio::join!(client.submit(&orders), refuse);
    assert_eq!(answer.expect_err("it is never accepted").code(), "queue_full");
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
}

#[tokio::test]
async fn a_submit_that_is_refused_is_not_sent_again() {
    let server = Server::bind().await;
    let client = server.client();
    let refuse = async {
        let request = server.request().await;
        assert_eq!(key(&request), "nightly 7");
        let sent: Value = request.body.parse().expect("JSON");
        assert_eq!(sent["priority"], json!(5));
        request.refuse("422 Unprocessable Content", &problem(422, "key_reused")).await;
    };
    let orders = SubmitJob { priority: Some(5), ..orders() };
    let (answer, ()) = tokio::join!(client.submit_with_key(&orders, "nightly 7"), refuse);
    assert_eq!(answer.expect_err("it is refused").code(), "key_reused");
    assert!(!server.is_called_within(std::time::Duration::from_millis(200)).await);
}
