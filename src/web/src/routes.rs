//! Every route, as data. The router, the OpenAPI document and the test of who may do what are made from this one list,
//! so none of them can know a route that the others do not.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware;
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};
use townkeeper_contract::api::{CancelAnswer, ChatBody, Ready, Scorecard, TicketList};

use crate::guard::{self, Gate};
use crate::{Web, chat, openapi, ops, page, socket};

/// Who may use a route. Checked by `guard::admit` and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Public,
    /// Whoever holds the id of the conversation or turn: the id is the capability, and an unknown one leads to nothing.
    Visitor,
    /// Whoever holds the token of the data folder.
    Operator,
}

/// What a body is.
#[derive(Clone, Copy)]
pub enum Content {
    Json(SchemaOf),
    Form(SchemaOf),
    Html,
    Text,
    /// A file of the page; its type goes by its name.
    Asset,
    /// Server-sent events, an `Envelope` each.
    Events,
    /// Any JSON.
    Document,
}

/// Adds a type's schema to a document, and refers to it.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One method at one path.
pub struct Endpoint {
    pub method: Method,
    /// With `{name}` for each part that varies.
    pub path: &'static str,
    pub access: Access,
    /// One line.
    pub summary: &'static str,
    /// What the request's body is, if it has one.
    pub takes: Option<Content>,
    /// A request header that is obeyed, and what it says.
    pub header: Option<(&'static str, &'static str)>,
    /// The answers that are no refusal, each with its meaning and what its body is.
    pub gives: Vec<(StatusCode, &'static str, Option<Content>)>,
    handler: MethodRouter<Arc<Web>>,
}

impl Endpoint {
    /// Whether it changes anything.
    pub fn mutates(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD)
    }

    /// Whether it becomes a WebSocket.
    pub fn is_socket(&self) -> bool {
        self.gives.iter().any(|(status, ..)| *status == StatusCode::SWITCHING_PROTOCOLS)
    }

    fn takes(self, content: Content) -> Self {
        Self { takes: Some(content), ..self }
    }

    fn header(self, name: &'static str, says: &'static str) -> Self {
        Self { header: Some((name, says)), ..self }
    }

    fn gives(self, content: Content) -> Self {
        self.or(StatusCode::OK, "As asked.", Some(content))
    }

    fn or(mut self, status: StatusCode, means: &'static str, content: Option<Content>) -> Self {
        self.gives.push((status, means, content));
        self
    }
}

/// Every route there is.
pub fn endpoints() -> Vec<Endpoint> {
    use Access::{Operator, Public, Visitor};
    let last_event_id = "Where to go on reading: `turn.attempt:seq`, as the events' ids gave it.";
    vec![
        get("/", Public, "The chat page.", page::show).gives(Content::Html),
        post("/", Public, "Says something from a page without scripts, and shows the page.", page::say)
            .takes(form::<page::Said>())
            .gives(Content::Html),
        get("/assets/{name}", Public, "The page's own files.", page::asset).gives(Content::Asset),
        post("/v1/chat", Public, "Says something, or presses a button; the answer is the turn's events.", chat::say)
            .takes(json::<ChatBody>())
            .gives(Content::Events),
        get("/v1/turns/{turn}/events", Visitor, "Reads a turn, from its beginning or from where one was.", chat::resume)
            .header("last-event-id", last_event_id)
            .gives(Content::Events)
            .or(StatusCode::NO_CONTENT, "The reader has everything; there is no reason to ask again.", None),
        post("/v1/turns/{turn}/cancel", Visitor, "Asks a turn to stop.", chat::cancel).gives(json::<CancelAnswer>()),
        get("/v1/ws", Public, "Several turns over one WebSocket, in the events of the streams.", socket::open).or(
            StatusCode::SWITCHING_PROTOCOLS,
            "A WebSocket: the client sends a `SocketRequest` a text message; the daemon sends `Envelope` and `SocketAnswer`.",
            None,
        ),
        get("/v1/tickets", Operator, "The newest tickets.", ops::tickets).gives(json::<TicketList>()),
        get("/v1/scorecard", Operator, "How this installation does.", ops::scorecard).gives(json::<Scorecard>()),
        get("/.well-known/security.txt", Public, "Whom to tell of a weakness (RFC 9116).", ops::security_txt)
            .gives(Content::Text),
        get("/v1/openapi.json", Public, "This document.", openapi::show).gives(Content::Document),
        get("/healthz", Public, "Whether the process answers.", ops::healthz).gives(Content::Text),
        get("/readyz", Public, "Whether the store answers and every account receives.", ops::readyz)
            .gives(json::<Ready>())
            .or(StatusCode::SERVICE_UNAVAILABLE, "It is not ready; the body says why.", Some(json::<Ready>())),
        get("/metrics", Public, "Prometheus text.", ops::metrics).gives(Content::Text),
    ]
}

/// The router of all endpoints, each behind its gate.
pub(crate) fn router(web: &Arc<Web>) -> Router<Arc<Web>> {
    endpoints().into_iter().fold(Router::new(), |router, endpoint| {
        let gate = Gate::of(&endpoint, web);
        router.route(endpoint.path, endpoint.handler.route_layer(middleware::from_fn_with_state(gate, guard::admit)))
    })
}

fn get<T: 'static>(
    path: &'static str,
    access: Access,
    summary: &'static str,
    handler: impl Handler<T, Arc<Web>>,
) -> Endpoint {
    endpoint(Method::GET, path, access, summary, on(MethodFilter::GET, handler))
}

fn post<T: 'static>(
    path: &'static str,
    access: Access,
    summary: &'static str,
    handler: impl Handler<T, Arc<Web>>,
) -> Endpoint {
    endpoint(Method::POST, path, access, summary, on(MethodFilter::POST, handler))
}

fn endpoint(
    method: Method,
    path: &'static str,
    access: Access,
    summary: &'static str,
    handler: MethodRouter<Arc<Web>>,
) -> Endpoint {
    Endpoint { method, path, access, summary, takes: None, header: None, gives: Vec::new(), handler }
}

fn json<T: JsonSchema>() -> Content {
    Content::Json(SchemaGenerator::subschema_for::<T>)
}

fn form<T: JsonSchema>() -> Content {
    Content::Form(SchemaGenerator::subschema_for::<T>)
}
