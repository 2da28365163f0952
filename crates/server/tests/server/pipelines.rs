//! Pipelines over REST.

use serde_json::json;

use crate::support::Server;

const PIPELINE: &str = "name: orders\ndescription: All orders\ntags: [nightly]\nparameters:\n  day: {type: date}\n\
                        source: {csv: {path: in.csv}}\nschema:\n  id: int64\ntarget: {csv: {path: out.csv}}\n";

#[tokio::test]
async fn a_pipeline_is_put_listed_and_run_by_name() {
    let server = Server::start().await;
    let body = json!({"definition": PIPELINE, "folder": "/data"}).to_string();
    let put = server.put("/api/pipelines/orders", &body).await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!((&put.json()["version"], &put.json()["description"]), (&json!(1), &json!("All orders")));
    let list = server.get("/api/pipelines").await.json();
    assert_eq!((&list["pipelines"][0]["tags"], list["pipelines"][0].get("definition")), (&json!(["nightly"]), None));
    assert_eq!(server.get("/api/pipelines/orders").await.json()["definition"], PIPELINE);
    let submit = json!({"pipeline": "orders", "parameters": {"day": "2026-01-31"}}).to_string();
    let job = server.post("/api/jobs", &submit).await.json();
    assert_eq!((&job["pipeline"], &job["tags"]), (&json!("orders"), &json!(["nightly"])));
}

#[tokio::test]
async fn a_pipeline_with_mistakes_is_not_kept() {
    let server = Server::start().await;
    let wrong = PIPELINE.replace("int64", "int").replace("path: out", "paht: out");
    let body = json!({"definition": wrong, "folder": "/data"}).to_string();
    let problem = server.put("/api/pipelines/orders", &body).await.problem(422, "pipeline_invalid");
    let errors = problem["errors"].as_array().unwrap();
    assert!(errors.len() >= 2, "{problem}");
    assert_eq!(
        (&errors[0]["line"], &errors[0]["column"], &errors[0]["key"]),
        (&json!(8), &json!(7), &json!("schema.id"))
    );
    let body = json!({"definition": PIPELINE, "folder": "/data"}).to_string();
    let problem = server.put("/api/pipelines/other", &body).await.problem(422, "bad_body");
    assert!(problem["remedy"].as_str().unwrap().contains("/api/pipelines/orders"), "{problem}");
    let large = json!({"definition": " ".repeat(2 << 20), "folder": "/data"}).to_string();
    server.put("/api/pipelines/orders", &large).await.problem(422, "pipeline_invalid");
    server.put("/api/pipelines/orders", "{}").await.problem(422, "bad_body");
    assert_eq!(server.get("/api/pipelines").await.json(), json!({"pipelines": []}));
}

#[tokio::test]
async fn what_can_be_known_of_a_pipeline_is_said_without_a_runner() {
    let server = Server::start().await;
    let validate = async |definition: &str| {
        let body = json!({"definition": definition, "folder": "/data"}).to_string();
        server.post("/api/pipelines/validate", &body).await.json()
    };
    let found = validate("name: orders\n").await;
    assert_eq!(found["valid"], false);
    assert!(found["mistakes"][0]["line"].is_u64() && found["mistakes"][0]["remedy"].is_string(), "{found}");
    let missing = validate(PIPELINE).await;
    assert_eq!((&missing["valid"], &missing["missingParameters"]), (&json!(false), &json!(["day"])));
    let body = json!({"definition": PIPELINE, "folder": "/data", "rows": 0}).to_string();
    let problem = server.post("/api/pipelines/preview", &body).await.problem(422, "bad_body");
    assert_eq!(problem["errors"][0]["key"], "rows");
}
