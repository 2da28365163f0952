//! Pipelines of others are looked at by a process of their own.

use serde_json::{Value, json};

use crate::bad_input::post;
use crate::server::{Server, orders, runners};
use crate::support::{Folder, ORDERS};

fn ask(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let (status, body) = post(server, path, "application/json", &body.to_string());
    let answer = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
    (status, answer)
}

fn with_sql(sql: &str) -> String {
    format!("{ORDERS}transforms:\n  - name: step\n    sql: {sql}\n")
}

#[test]
fn a_check_names_what_only_the_files_and_the_sql_can_tell() {
    let folder = Folder::with_orders(orders(10, 1));
    let server = Server::start(&folder, &[]);
    let check = |definition: &str| {
        let body = json!({ "definition": definition, "folder": folder.path("") });
        ask(&server, "/api/pipelines/validate", &body)
    };
    let (status, found) = check(ORDERS);
    assert_eq!((status, &found["valid"]), (200, &json!(true)), "{found}");

    let (status, found) = check(&with_sql("SELECT * FROM nowhere"));
    assert_eq!((status, &found["valid"]), (200, &json!(false)), "{found}");
    let mistake = &found["mistakes"][0];
    assert!(mistake["message"].as_str().is_some_and(|message| message.contains("nowhere")), "{found}");
    assert_eq!(mistake["line"], 12, "{found}");

    let (_, found) = check(&ORDERS.replace("orders.csv }\nschema", "gone.csv }\nschema"));
    assert!(found["mistakes"].to_string().contains("gone.csv"), "{found}");
    let (_, found) = check("name: x\nsuorce: {}\n");
    assert!(found["mistakes"].as_array().is_some_and(|mistakes| mistakes.len() > 1), "{found}");
    assert!(runners(&folder, Some(server.pid())).is_empty(), "no process stays");
}

#[test]
fn a_preview_shows_the_first_rows_of_each_stage_and_writes_nothing() {
    let folder = Folder::with_orders(orders(10, 1));
    let server = Server::start(&folder, &[]);
    let definition = with_sql("SELECT count(*) AS n FROM input");
    let body = json!({ "definition": definition, "folder": folder.path(""), "rows": 3 });
    let (status, shown) = ask(&server, "/api/pipelines/preview", &body);
    assert_eq!(status, 200, "{shown}");
    let stages = shown["stages"].as_array().expect("stages");
    assert_eq!(stages.iter().map(|stage| &stage["stage"]).collect::<Vec<_>>(), ["input", "step"]);
    assert_eq!(stages[0]["rows"].as_array().map(Vec::len), Some(3));
    assert_eq!(stages[0]["rejects"][0]["errors"][0]["field"], "amount");
    assert_eq!(stages[1]["rows"], json!([["10"]]));
    assert!(!folder.path("out").exists(), "nothing is written");

    // What could exhaust a stack is refused, and the server lives.
    let deep = format!("SELECT {}1{} AS n", "(".repeat(5000), ")".repeat(5000));
    let body = json!({ "definition": with_sql(&deep), "folder": folder.path("") });
    let (status, answer) = ask(&server, "/api/pipelines/preview", &body);
    assert!((400..500).contains(&status) && answer["remedy"].is_string(), "{status} {answer}");
}
