//! The interface in words for programs: OpenAPI for REST, AsyncAPI for the live channel. Both are made from what answers:
//! the table of routes and the schemas of the wire types.

mod asyncapi;
mod openapi;
mod problems;
mod schemas;

use std::sync::OnceLock;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

pub use asyncapi::asyncapi_document;
pub use openapi::openapi_document;

/// `GET /api/openapi.json`.
pub(crate) async fn openapi() -> Response {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    served(DOCUMENT.get_or_init(|| openapi_document().to_string()))
}

/// `GET /api/asyncapi.json`.
pub(crate) async fn asyncapi() -> Response {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    served(DOCUMENT.get_or_init(|| asyncapi_document().to_string()))
}

fn served(document: &'static str) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], document).into_response()
}

/// What both documents say of themselves.
fn info(title: &str, description: &str) -> Value {
    serde_json::json!({
        "title": title,
        "version": env!("CARGO_PKG_VERSION"),
        "description": description,
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    })
}
