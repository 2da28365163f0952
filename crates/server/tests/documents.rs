//! The OpenAPI and AsyncAPI documents: right by the official schemas, true to the fixtures, and as they are kept in `docs`.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use etlplus_server::{asyncapi_document, openapi_document};
use jsonschema::Validator;
use serde_json::{Value, json};

const OPENAPI_SCHEMA: &str = include_str!("data/openapi-3.1.schema.json");
const ASYNCAPI_SCHEMA: &str = include_str!("data/asyncapi-3.0.0.schema.json");
/// Set it to have the documents in `docs` written anew.
const BLESS: &str = "ETLPLUS_BLESS";

fn folder(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(of)
}

/// Names and values of all fixtures.
fn fixtures() -> Vec<(String, Value)> {
    let read = |path: &Path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
    };
    fs::read_dir(folder("crates/api/fixtures")).unwrap().map(|entry| read(&entry.unwrap().path())).collect()
}

fn ensure_valid(validator: &Validator, value: &Value, what: &str) {
    let errors: Vec<_> =
        validator.iter_errors(value).map(|error| format!("{}: {error:.300}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
}

/// A validator for what is at `place` of a document; it resolves every reference below it.
fn validator_at(document: &Value, place: &str, draft: jsonschema::Draft) -> Validator {
    let schema = json!({"$ref": format!("#/{place}"), "components": document["components"]});
    let options = jsonschema::options().with_draft(draft).should_validate_formats(true);
    options.build(&schema).unwrap_or_else(|error| panic!("{place}: {error}"))
}

/// Every reference of a document leads somewhere.
fn ensure_resolved(document: &Value, part: &Value) {
    match part {
        Value::Object(keys) => {
            if let Some(reference) = keys.get("$ref").and_then(Value::as_str) {
                let found = document.pointer(reference.strip_prefix('#').expect("references are local"));
                assert!(found.is_some(), "{reference} leads nowhere");
            }
            keys.values().for_each(|value| ensure_resolved(document, value));
        }
        Value::Array(items) => items.iter().for_each(|item| ensure_resolved(document, item)),
        _ => {}
    }
}

/// Compares a document with the one that is kept, or keeps it.
fn ensure_kept(name: &str, document: &Value) {
    let path = folder("docs").join(name);
    if std::env::var_os(BLESS).is_some() {
        fs::write(&path, serde_json::to_string_pretty(document).unwrap() + "\n").unwrap();
    }
    let kept: Value = serde_json::from_slice(&fs::read(&path).expect(name)).expect(name);
    let remedy = format!("run `{BLESS}=1 cargo nextest run -p etlplus-server --test documents` and commit docs/{name}");
    assert!(kept == *document, "docs/{name} is not what the server serves: {remedy}");
}

/// The operations of an OpenAPI document, as "GET /path".
fn operations(document: &Value) -> BTreeMap<String, Value> {
    let paths = document["paths"].as_object().unwrap().iter();
    let of_path = |(path, methods): (&String, &Value)| {
        let mut methods = methods.as_object().unwrap().clone();
        for response in methods.values_mut().flat_map(|one| one["responses"].as_object_mut().unwrap().values_mut()) {
            if let Some(reference) = response["$ref"].as_str() {
                *response = document.pointer(&reference[1..]).unwrap().clone();
            }
        }
        let methods = methods.into_iter();
        let path = path.clone();
        methods.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    };
    paths.flat_map(of_path).collect()
}

/// The codes of problems that a response of an operation names.
fn codes(response: &Value) -> Vec<&str> {
    if response["content"]["application/problem+json"].is_null() {
        return Vec::new();
    }
    response["description"].as_str().unwrap().split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_openapi_document_is_right_and_kept() {
    let document = openapi_document();
    let schema = serde_json::from_str(OPENAPI_SCHEMA).unwrap();
    ensure_valid(&jsonschema::validator_for(&schema).unwrap(), &document, "openapi");
    ensure_resolved(&document, &document);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{name} is no JSON schema");
        validator_at(&document, &format!("components/schemas/{name}"), jsonschema::Draft::Draft202012);
    }
    ensure_kept("openapi.json", &document);
}

#[test]
fn every_operation_says_what_it_needs() {
    let document = openapi_document();
    let tags: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let operations = operations(&document);
    let ids: BTreeSet<&str> = operations.values().map(|one| one["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), operations.len(), "each has an id of its own");
    for (name, operation) in &operations {
        assert!(tags.contains(operation["tags"][0].as_str().unwrap()), "{name}: {}", operation["tags"]);
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{name}");
        let needs_token = !operation["security"].as_array().unwrap().is_empty();
        assert_eq!(needs_token, operation["x-required-role"].is_string(), "{name}");
        assert!(!needs_token || operation["responses"]["401"].is_object(), "{name}");
        let takes_body = operation["requestBody"].is_object();
        assert!(!takes_body || operation["responses"]["415"].is_object(), "{name}");
        for status in ["429", "503"] {
            assert!(operation["responses"][status]["headers"]["Retry-After"].is_object(), "{name}: {status}");
        }
    }
    assert_eq!(operations["POST /api/jobs"]["x-required-role"], "operator");
    assert_eq!(operations["PUT /api/pipelines/{name}"]["x-required-role"], "admin");
    assert_eq!(operations["GET /livez"]["security"], json!([]));
}

#[test]
fn every_fixture_of_rest_fits_its_schema() {
    let document = openapi_document();
    let mut unused: BTreeSet<&str> =
        document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
    for (name, value) in fixtures() {
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        let camel = |words: &str| words.split('_').map(capital).collect::<String>();
        let schema = match name.split('.').collect::<Vec<_>>()[..] {
            ["problem", _] => "Problem".to_owned(),
            ["rest", "job", ..] => "JobMonitoringData".to_owned(),
            ["rest", "config"] => "ConfigView".to_owned(),
            ["rest", words, ..] => camel(words),
            _ => continue,
        };
        unused.remove(schema.as_str());
        let validator =
            validator_at(&document, &format!("components/schemas/{schema}"), jsonschema::Draft::Draft202012);
        ensure_valid(&validator, &value, &name);
    }
    // What an operation names by itself is the body of something, and has a fixture.
    for (name, operation) in operations(&document) {
        let text = operation.to_string();
        let named: Vec<_> = unused.iter().filter(|one| text.contains(&format!("schemas/{one}\""))).collect();
        assert!(named.is_empty(), "{name} names {named:?}, which has no fixture");
    }
}

#[test]
fn every_problem_of_the_document_has_a_fixture_and_every_fixture_an_operation() {
    let document = openapi_document();
    let operations = operations(&document);
    let mut named: BTreeSet<(u64, String)> = BTreeSet::new();
    for operation in operations.values() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            named.extend(codes(response).into_iter().map(|code| (status.parse().unwrap(), code.to_owned())));
        }
    }
    // No operation of the document is at such an address, or by such a method.
    let elsewhere = ["not_found", "method_not_allowed"];
    let all = fixtures();
    let problems = all.iter().filter_map(|(name, value)| Some((name.strip_prefix("problem.")?, value)));
    let problems = problems.filter(|(code, _)| !elsewhere.contains(code));
    let problems: BTreeSet<(u64, String)> =
        problems.map(|(code, value)| (value["status"].as_u64().unwrap(), code.to_owned())).collect();
    let missing: Vec<_> = named.difference(&problems).collect();
    assert!(missing.is_empty(), "these have no fixture: {missing:?}");
    let unnamed: Vec<_> = problems.difference(&named).collect();
    assert!(unnamed.is_empty(), "no operation names these: {unnamed:?}");
}

#[test]
fn the_asyncapi_document_is_right_and_kept() {
    let document = asyncapi_document();
    let schema = serde_json::from_str(ASYNCAPI_SCHEMA).unwrap();
    ensure_valid(&jsonschema::validator_for(&schema).unwrap(), &document, "asyncapi");
    ensure_resolved(&document, &document);
    ensure_kept("asyncapi.json", &document);
}

#[test]
fn every_message_fits_its_schema() {
    let document = asyncapi_document();
    let mut unused: BTreeSet<&str> =
        document["components"]["messages"].as_object().unwrap().keys().map(String::as_str).collect();
    for (name, value) in fixtures() {
        if name.starts_with("rest.") || name.starts_with("problem.") {
            continue;
        }
        let kind = value["type"].as_str().unwrap();
        unused.remove(kind);
        let place = format!("components/messages/{kind}/payload");
        let validator = validator_at(&document, &place, jsonschema::Draft::Draft7);
        ensure_valid(&validator, &value, &name);
        let mut wrong = value.clone();
        wrong["type"] = json!("other");
        assert!(!validator.is_valid(&wrong), "{name}: the schema takes anything");
    }
    assert!(unused.is_empty(), "these messages have no fixture: {unused:?}");
}
