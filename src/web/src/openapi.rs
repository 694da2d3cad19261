//! The OpenAPI 3.1 document, from the list of routes and the contract's own schemas.
//!
//! Assembled here, because the crates that could do it want to be the list themselves: `aide` is a router of its own
//! and reads the handlers' extractors, `utoipa` needs a second derive on every type. OpenAPI 3.1 takes JSON Schema as
//! `schemars` writes it, so nothing has to be translated.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};
use townkeeper_contract::api::{ErrorBody, SocketAnswer, SocketRequest};
use townkeeper_contract::stream::Envelope;

use crate::auth;
use crate::routes::{Access, Content, Endpoint, endpoints};

/// The version of the API, not of the program.
const API_VERSION: &str = "1";

/// `GET /v1/openapi.json`.
pub(crate) async fn show() -> Response {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(format!("{:#}\n", document())));
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.clone()).into_response()
}

/// The document.
pub fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for endpoint in endpoints() {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.as_str().to_lowercase()] = operation(&endpoint, &mut generator);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Townkeeper",
            "version": API_VERSION,
            "description": "Answers from one canonical base. Fields and events may be added; readers ignore what they do not know.",
        },
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A scoped token (tk_…), or the operator's in the data folder (api.token).",
                },
                "session": { "type": "apiKey", "in": "cookie", "name": auth::COOKIE },
            },
        },
    })
}

fn operation(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for (status, means, content) in &endpoint.gives {
        let mut answer = json!({ "description": means });
        if let Some(content) = content {
            answer["content"] = body(*content, generator);
        }
        responses.insert(status.as_str().to_owned(), answer);
    }
    let refusal = json!({ "application/json": { "schema": generator.subschema_for::<ErrorBody>() } });
    responses.insert("default".to_owned(), json!({ "description": "Refused.", "content": refusal }));
    let mut operation = json!({
        "operationId": operation_id(endpoint),
        "summary": endpoint.summary,
        "parameters": parameters(endpoint),
        "responses": responses,
        "x-access": access(endpoint.access),
    });
    if let Some(content) = endpoint.takes {
        operation["requestBody"] = json!({ "required": true, "content": body(content, generator) });
    }
    if !matches!(endpoint.access, Access::Public | Access::Visitor) {
        operation["security"] = json!([{ "token": [] }, { "session": [] }]);
    }
    if endpoint.is_socket() {
        // OpenAPI has no words for messages on a socket.
        operation["x-client-message"] = json!(generator.subschema_for::<SocketRequest>());
        let sent = [generator.subschema_for::<Envelope>(), generator.subschema_for::<SocketAnswer>()];
        operation["x-server-message"] = json!({ "anyOf": sent });
    }
    operation
}

fn body(content: Content, generator: &mut SchemaGenerator) -> Value {
    match content {
        Content::Json(schema) => json!({ "application/json": { "schema": schema(generator) } }),
        Content::Form(schema) => json!({ "application/x-www-form-urlencoded": { "schema": schema(generator) } }),
        Content::Html => json!({ "text/html": { "schema": { "type": "string" } } }),
        Content::Text => json!({ "text/plain": { "schema": { "type": "string" } } }),
        Content::Asset => json!({ "*/*": {} }),
        Content::Document => json!({ "application/json": { "schema": { "type": "object" } } }),
        // 3.1 describes a stream as one text; `itemSchema` comes with 3.2.
        Content::Events => json!({ "text/event-stream": {
            "schema": { "type": "string", "description": "Events; `data` is one `Envelope`, `id` its resume point." },
            "x-event-data": generator.subschema_for::<Envelope>(),
        } }),
    }
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let text = json!({ "type": "string" });
    let names = endpoint.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let in_path = names.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": text }));
    let in_header = endpoint.header.iter().map(
        |(name, says)| json!({ "name": name, "in": "header", "required": false, "description": says, "schema": text }),
    );
    in_path.chain(in_header).collect()
}

/// `get_v1_turns_turn_events`; for `/`, `get_page`.
fn operation_id(endpoint: &Endpoint) -> String {
    let words = endpoint.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let id = words.fold(endpoint.method.as_str().to_lowercase(), |id, word| format!("{id}_{word}"));
    if endpoint.path == "/" { format!("{id}_page") } else { id }
}

fn access(access: Access) -> String {
    match access {
        Access::Public => "public".to_owned(),
        Access::Visitor => "visitor".to_owned(),
        Access::Someone => "someone".to_owned(),
        Access::Own(permission) => format!("own, or {permission}"),
        Access::Needs(permission) => permission.to_string(),
    }
}
