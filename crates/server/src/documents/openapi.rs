//! The OpenAPI 3.1 document, made from the table of routes.

use std::collections::BTreeMap;

use etlplus_api::Problem;
use etlplus_core::access::{Action, least_role};
use etlplus_core::settings;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::schemas::{Schemas, of_change};
use super::{info, problems};
use crate::access::COOKIE;
use crate::rest::{Operation, Parameter, Place, Route, routes};

const DESCRIPTION: &str = "Jobs, pipelines, alerts, settings and access of an ETL Plus server. On a server that others \
    can reach every request needs a token; on one that listens on its own machine alone none does. \
    docs/rest.md says it with examples.";

/// The tags, in the order of the table, and what they are about.
const TAGS: [(&str, &str); 9] = [
    ("jobs", "One job: submitted, watched, cancelled, paused, resumed, tried again"),
    ("monitor", "All jobs, the settings, and who watches"),
    ("pipelines", "Pipelines that are kept, checked or previewed, and their schedules"),
    ("alerts", "What people should know of, and how it reaches them"),
    ("access", "Tokens, and who one is"),
    ("live", "The live channel; asyncapi.json says what goes over it"),
    ("health", "How the server itself is"),
    ("documents", "These documents"),
    ("page", "The page that shows jobs live"),
];

/// The OpenAPI 3.1 document of REST.
pub fn openapi_document() -> Value {
    let mut schemas = Schemas::of_openapi();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes() {
        let operation = operation(&route, &mut schemas);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    schemas.sent(SchemaGenerator::subschema_for::<Problem>);
    let responses = share(&mut paths);
    let mut schemas = schemas.finish();
    // Only the settings know which keys there are.
    schemas.insert("ConfigChange".to_owned(), of_change(settings::json_schema()));
    let tags = TAGS.map(|(name, description)| json!({"name": name, "description": description}));
    json!({
        "openapi": "3.1.0",
        "info": info("ETL Plus", DESCRIPTION),
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{"url": "/"}],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of /api/tokens"},
                "cookie": {
                    "type": "apiKey", "in": "cookie", "name": COOKIE,
                    "description": "What /api/login sets, for the page",
                },
            },
        },
    })
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let Operation { summary, tag, parameters, body, .. } = &route.operation;
    let mut operation = json!({
        "operationId": id(route),
        "tags": [tag],
        "summary": summary,
        "responses": responses(route, schemas),
        "security": if route.action == Action::Greet { json!([]) } else { json!([{"token": []}, {"cookie": []}]) },
    });
    if let Some(role) = least_role(route.action) {
        operation["x-required-role"] = json!(role.as_str());
    }
    let parameters: Vec<Value> = in_path(route.path).chain(parameters.iter().map(parameter)).collect();
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    if let Some(body) = body {
        let schema = schemas.taken(*body);
        operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema}}});
    }
    operation
}

/// `getApiJobsIdStatus` for `GET /api/jobs/{id}/status`.
fn id(route: &Route) -> String {
    let words = route.path.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    let words: String = words.map(capital).collect();
    let words = if words.is_empty() { "Page".to_owned() } else { words };
    route.method.as_str().to_ascii_lowercase() + &words
}

/// The variable parts of an address.
fn in_path(path: &str) -> impl Iterator<Item = Value> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    names.map(|name| {
        let schema = match name {
            "id" => json!({"type": "string", "format": "uuid"}),
            _ => json!({"type": "string", "minLength": 1}),
        };
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    })
}

fn parameter(parameter: &Parameter) -> Value {
    let Parameter { place, name, says, schema } = parameter;
    let place = match place {
        Place::Query => "query",
        Place::Header => "header",
    };
    let mut shown = json!({"name": name, "in": place, "description": says, "schema": schema});
    if schema["type"] == "array" {
        // Values between commas.
        (shown["style"], shown["explode"]) = (json!("form"), json!(false));
    }
    shown
}

fn responses(route: &Route, schemas: &mut Schemas) -> Value {
    let mut responses: BTreeMap<String, Value> = BTreeMap::new();
    for answer in &route.operation.answers {
        let response = responses.entry(answer.status.to_string());
        let response = response.or_insert_with(|| json!({"description": problems::title(answer.status)}));
        if let Some(media_type) = answer.media_type {
            let schema = answer.schema.map_or_else(|| json!({}), |schema| json!({"schema": schemas.sent(schema)}));
            response["content"][media_type] = schema;
        }
        for (name, says) in &answer.headers {
            response["headers"][name] = header(says);
        }
    }
    let mut codes: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for (status, code) in problems::of(route) {
        codes.entry(status).or_default().push(code);
    }
    for (status, codes) in codes {
        let response = responses.entry(status.to_string()).or_insert_with(|| json!({}));
        let named: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
        response["description"] = json!(format!("{}: {}", problems::title(status), named.join(", ")));
        let schema = json!({"$ref": "#/components/schemas/Problem"});
        response["content"]["application/problem+json"] = json!({"schema": schema});
        for (name, says) in problems::headers(status) {
            response["headers"][name] = header(says);
        }
    }
    json!(responses)
}

/// Takes the responses that several operations have out of them, and gives each by its name.
fn share(paths: &mut Map<String, Value>) -> Map<String, Value> {
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    each_response(paths, |_, response| *uses.entry(response.to_string()).or_default() += 1);
    let mut shared = Map::new();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    each_response(paths, |status, response| {
        let text = response.to_string();
        if status < 400 || uses[&text] < 2 {
            return;
        }
        let name = names.entry(text).or_insert_with(|| {
            let title: String = problems::title(status).split(' ').collect();
            let of_title = shared.keys().filter(|name| name.trim_end_matches(char::is_numeric) == title).count();
            let name = if of_title == 0 { title } else { format!("{title}{}", of_title + 1) };
            shared.insert(name.clone(), response.take());
            name
        });
        *response = json!({"$ref": format!("#/components/responses/{name}")});
    });
    shared
}

fn each_response(paths: &mut Map<String, Value>, mut visit: impl FnMut(u16, &mut Value)) {
    let operations = paths.values_mut().filter_map(Value::as_object_mut).flat_map(|path| path.values_mut());
    for responses in operations.filter_map(|operation| operation["responses"].as_object_mut()) {
        for (status, response) in responses {
            visit(status.parse().unwrap_or_default(), response);
        }
    }
}

fn header(says: &str) -> Value {
    json!({"description": says, "schema": {"type": "string"}})
}
