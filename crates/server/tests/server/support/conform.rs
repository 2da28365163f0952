//! Every answer that a test gets is held to the OpenAPI document: its status, its media type and its body are in it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use etlplus_server::openapi_document;
use jsonschema::Validator;
use serde_json::{Value, json};

use super::http::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(openapi_document);
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
/// What the server answers by itself where a request is no HTTP, has too large a head, or comes too late.
const BEFORE_ROUTES: [u16; 3] = [400, 408, 431];

/// Panics where the answer is not one that the document tells of.
pub(super) fn check(request: &str, answer: &Answer) {
    let mut words = request.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return };
    let path = target.split('?').next().unwrap();
    if answer.body.is_empty() && BEFORE_ROUTES.contains(&answer.status) {
        return;
    }
    let Some(of_path) = find(path) else { return };
    let status = answer.status;
    let Some(operation) = of_path.get(method.to_ascii_lowercase()) else {
        let is_head = method == "HEAD" && of_path["get"].is_object();
        assert!(is_head || ![200, 404].contains(&status), "{method} {path} is in no document, and answers {status}");
        return;
    };
    let mut response = &operation["responses"][status.to_string()];
    if let Some(reference) = response["$ref"].as_str() {
        response = DOCUMENT.pointer(&reference[1..]).unwrap();
    }
    assert!(response.is_object(), "{method} {path} answers {status}, which is in no document: {}", answer.text());
    for name in response["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
        // The server's own turning away has no header but this.
        assert!(answer.header(name).is_some(), "{method} {path} answers {status} without {name}");
    }
    let Some(content) = response["content"].as_object() else {
        assert!(answer.body.is_empty() || status == 101, "{method} {path} answers {status} with a body");
        return;
    };
    let media_type = answer.header("content-type").unwrap_or_default();
    let main = |kind: &str| kind.split(';').next().unwrap().trim().to_owned();
    let known = content.iter().find(|(kind, _)| main(kind) == main(media_type));
    let (_, known) = known.unwrap_or_else(|| panic!("{method} {path} answers {status} as {media_type:?}"));
    if let Some(schema) = known.get("schema") {
        let errors: Vec<_> = validator(schema).iter_errors(&answer.json()).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{method} {path} answers {}: {errors:?}", answer.text());
    }
}

/// The operations of the path, which may be one with variable parts; the one with the fewest wins, as in the router.
fn find(path: &str) -> Option<&'static Value> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &&String| {
        let of_template: Vec<&str> = template.split('/').collect();
        let mut pairs = of_template.iter().zip(&parts);
        of_template.len() == parts.len() && pairs.all(|(known, given)| known.starts_with('{') || known == given)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let template = paths.keys().filter(fits).min_by_key(|template| template.matches('{').count())?;
    Some(&paths[template])
}

fn validator(schema: &Value) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().unwrap();
    let build = || {
        let schema = json!({"allOf": [schema], "components": DOCUMENT["components"]});
        Arc::new(jsonschema::options().should_validate_formats(true).build(&schema).unwrap())
    };
    validators.entry(schema.to_string()).or_insert_with(build).clone()
}
