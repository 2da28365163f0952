//! What a route is: the address, what one must be allowed to do, who answers, and what the documents say of it. The
//! router, the check of each request's rights and the OpenAPI document are made from the same values.

use std::sync::Arc;

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use etlplus_core::access::Action;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use crate::app::App;

/// One method at one address.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// The address, with the names of its variable parts in braces.
    pub(crate) path: &'static str,
    /// What one must be allowed to do, or gets 401 or 403.
    pub(crate) action: Action,
    pub(crate) operation: Operation,
    /// Whether it is on the port of the live channel as well.
    pub(crate) is_on_live_port: bool,
    /// Whether it is refused once the server is about to end.
    pub(crate) starts_work: bool,
    /// Whether it becomes a WebSocket, whose client may say by its first message who it is.
    pub(crate) is_socket: bool,
    handler: MethodRouter<Arc<App>>,
}

/// What the documents say of a route.
#[derive(Default)]
pub(crate) struct Operation {
    /// One sentence without a full stop.
    pub(crate) summary: &'static str,
    /// The resource that it belongs to.
    pub(crate) tag: &'static str,
    /// What it takes beside the variable parts of the address and the body.
    pub(crate) parameters: Vec<Parameter>,
    /// The JSON object that has to be sent.
    pub(crate) body: Option<SchemaOf>,
    /// What it answers where nothing is wrong.
    pub(crate) answers: Vec<Content>,
    /// The status and the code of each problem of its own; those that every route can answer are not among them.
    pub(crate) problems: Vec<(u16, &'static str)>,
}

/// The schema of a wire type, which is put among the generator's definitions.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Query,
    Header,
}

/// A parameter, which may be left out.
pub(crate) struct Parameter {
    pub(crate) place: Place,
    pub(crate) name: &'static str,
    pub(crate) says: &'static str,
    /// Its JSON schema.
    pub(crate) schema: Value,
}

/// One answer; a status has several where the client chooses among media types.
pub(crate) struct Content {
    pub(crate) status: u16,
    /// `None` where there is no body.
    pub(crate) media_type: Option<&'static str>,
    /// `None` where it is no JSON.
    pub(crate) schema: Option<SchemaOf>,
    /// Headers that come with it, and what they say.
    pub(crate) headers: Vec<(&'static str, &'static str)>,
}

impl Route {
    pub(super) fn get<T: 'static>(path: &'static str, action: Action, handler: impl Handler<T, Arc<App>>) -> Self {
        Self::new(Method::GET, path, action, on(MethodFilter::GET, handler))
    }

    pub(super) fn post<T: 'static>(path: &'static str, action: Action, handler: impl Handler<T, Arc<App>>) -> Self {
        Self::new(Method::POST, path, action, on(MethodFilter::POST, handler))
    }

    pub(super) fn put<T: 'static>(path: &'static str, action: Action, handler: impl Handler<T, Arc<App>>) -> Self {
        Self::new(Method::PUT, path, action, on(MethodFilter::PUT, handler))
    }

    pub(super) fn delete<T: 'static>(path: &'static str, action: Action, handler: impl Handler<T, Arc<App>>) -> Self {
        Self::new(Method::DELETE, path, action, on(MethodFilter::DELETE, handler))
    }

    fn new(method: Method, path: &'static str, action: Action, handler: MethodRouter<Arc<App>>) -> Self {
        let operation = Operation::default();
        Self { method, path, action, operation, is_on_live_port: false, starts_work: false, is_socket: false, handler }
    }

    /// What answers, taken out of the table.
    pub(super) fn into_handler(self) -> MethodRouter<Arc<App>> {
        self.handler
    }

    /// It is on the port of the live channel as well.
    pub(super) fn on_live_port(mut self) -> Self {
        self.is_on_live_port = true;
        self
    }

    /// It becomes a WebSocket, whose client may say by its first message who it is.
    pub(super) fn becomes_socket(mut self) -> Self {
        self.is_socket = true;
        self
    }

    /// It makes work that would outlast a server that is about to end.
    pub(super) fn starts_work(mut self) -> Self {
        self.starts_work = true;
        self
    }

    pub(super) fn says(mut self, tag: &'static str, summary: &'static str) -> Self {
        (self.operation.tag, self.operation.summary) = (tag, summary);
        self
    }

    /// It takes a parameter of the address's query.
    pub(super) fn query(self, name: &'static str, schema: Value, says: &'static str) -> Self {
        self.parameter(Place::Query, name, schema, says)
    }

    /// It takes a header.
    pub(super) fn header(self, name: &'static str, schema: Value, says: &'static str) -> Self {
        self.parameter(Place::Header, name, schema, says)
    }

    fn parameter(mut self, place: Place, name: &'static str, schema: Value, says: &'static str) -> Self {
        self.operation.parameters.push(Parameter { place, name, says, schema });
        self
    }

    /// It takes a `T` as JSON.
    pub(super) fn takes<T: JsonSchema>(mut self) -> Self {
        self.operation.body = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// It answers a `T` as JSON.
    pub(super) fn answers<T: JsonSchema>(mut self, status: u16) -> Self {
        let schema: SchemaOf = SchemaGenerator::subschema_for::<T>;
        let media_type = Some("application/json");
        self.operation.answers.push(Content { status, media_type, schema: Some(schema), headers: Vec::new() });
        self
    }

    /// It answers something else than JSON.
    pub(super) fn answers_as(mut self, status: u16, media_type: &'static str) -> Self {
        self.operation.answers.push(Content {
            status,
            media_type: Some(media_type),
            schema: None,
            headers: Vec::new(),
        });
        self
    }

    /// It answers a status alone.
    pub(super) fn answers_nothing(mut self, status: u16) -> Self {
        self.operation.answers.push(Content { status, media_type: None, schema: None, headers: Vec::new() });
        self
    }

    /// The last answer has a header.
    pub(super) fn with_header(mut self, name: &'static str, says: &'static str) -> Self {
        if let Some(answer) = self.operation.answers.last_mut() {
            answer.headers.push((name, says));
        }
        self
    }

    /// Problems of its own, each with its status.
    pub(super) fn problems(mut self, problems: &[(u16, &'static str)]) -> Self {
        self.operation.problems.extend_from_slice(problems);
        self
    }
}
