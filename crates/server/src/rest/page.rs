//! The page, which is part of the program.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// `GET /`.
pub(super) async fn index() -> Response {
    asset("text/html; charset=utf-8", include_str!("../../assets/index.html"))
}

/// `GET /app.js`.
pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/app.js"))
}

/// `GET /style.css`.
pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../../assets/style.css"))
}

fn asset(media_type: &'static str, text: &'static str) -> Response {
    // Another version of the program has another page under the same names.
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text).into_response()
}
