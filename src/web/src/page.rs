//! The web chat page. With scripts it streams; without them the same page works by forms.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Deserialize;
use townkeeper_contract::api::ChatBody;
use townkeeper_contract::id::ConversationId;
use townkeeper_engine::Reading;

use crate::refusal::Refusal;
use crate::shown::{self, Shown};
use crate::{Web, chat};

/// How many earlier turns a page shows.
const HISTORY: u32 = 30;

/// How long a form waits for its answer before it shows what there is.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Template)]
#[template(path = "chat.html")]
struct Page<'a> {
    base: &'a str,
    name: &'a str,
    intro: &'a str,
    suggestions: &'a [String],
    conversation: Option<String>,
    exchange: Vec<Shown>,
    version: &'static str,
    entries: usize,
}

/// What the page's forms send.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "PageForm")]
pub(crate) struct Said {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    conversation: Option<String>,
}

/// `GET /`.
pub(crate) async fn show(State(web): State<Arc<Web>>) -> Result<Response, Refusal> {
    render(&web, None, Vec::new())
}

/// `POST /`: a question or a button, without scripts.
pub(crate) async fn say(
    State(web): State<Arc<Web>>,
    said: Result<Form<Said>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(said) = said.map_err(|error| Refusal::new(error.status(), "bad_request", error.body_text()))?;
    let given = said.conversation.filter(|id| !id.is_empty());
    let conversation = given.unwrap_or_else(townkeeper_engine::ids::secret);
    let body = ChatBody {
        action: said.action.filter(|action| !action.is_empty()).map(chat::action),
        text: said.text.filter(|text| !text.trim().is_empty()),
        conversation: Some(ConversationId::from(conversation.as_str())),
        key: None,
    };
    if body.action.is_none() && body.text.is_none() {
        return render(&web, None, Vec::new());
    }
    let (admitted, line) = chat::accept(&web, body).await?;
    if let Reading::Live(mut events) = web.engine.read(&admitted.turn, None).await? {
        let whole = async { while events.next().await.is_some() {} };
        tokio::time::timeout(PATIENCE, whole).await.ok();
    }
    let past = web.engine.past(line.as_str(), HISTORY).await?;
    render(&web, Some(conversation), shown::exchange(past))
}

fn render(web: &Web, conversation: Option<String>, exchange: Vec<Shown>) -> Result<Response, Refusal> {
    let page = Page {
        base: &web.base,
        name: &web.engine.agent().name,
        intro: &web.intro,
        suggestions: &web.suggestions,
        conversation,
        exchange,
        version: env!("CARGO_PKG_VERSION"),
        entries: web.engine.base().len(),
    };
    let html = page.render().map_err(|error| {
        tracing::error!(%error, "the page could not be rendered");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The page could not be shown.")
    })?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Html(html)).into_response())
}

/// `GET /assets/{name}`: the page's own files, compiled in.
pub(crate) async fn asset(Path(name): Path<String>) -> Result<Response, Refusal> {
    let (kind, bytes): (_, &'static [u8]) = match name.as_str() {
        "chat.css" => ("text/css; charset=utf-8", include_bytes!("../assets/chat.css")),
        "pages.css" => ("text/css; charset=utf-8", include_bytes!("../assets/pages.css")),
        "checklist.js" => ("text/javascript; charset=utf-8", include_bytes!("../assets/checklist.js")),
        "chat.js" => ("text/javascript; charset=utf-8", include_bytes!("../assets/chat.js")),
        "icon.svg" => ("image/svg+xml", include_bytes!("../assets/icon.svg")),
        _ => return Err(crate::refusal::no_such_page().await),
    };
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=300")], bytes).into_response())
}
