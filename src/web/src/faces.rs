//! The canonical base as pages that can be linked to, printed and read by machines: every question, one answer, the
//! checklists, the safety page; and the same as JSON.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use chrono::{DateTime, NaiveDate};
use serde_json::json;
use townkeeper_contract::api::{PublishedEntry, PublishedList};
use townkeeper_contract::id::EntryId;
use townkeeper_contract::text::Block;
use townkeeper_core::decide::may_answer;
use townkeeper_core::safety::{self, OurAddress};
use townkeeper_core::say;
use townkeeper_knowledge::{Class, Entry, Promise, Status};

use crate::Web;
use crate::refusal::{self, Refusal};
use crate::shown::{self, ShownBlock, ShownReply};

/// A page may be kept this long by whoever read it: what changed must be seen soon.
const KEPT: &str = "public, max-age=60";

/// What stands around every page.
pub(crate) struct Frame<'a> {
    pub(crate) base: &'a str,
    pub(crate) name: &'a str,
    pub(crate) version: &'static str,
}

impl<'a> Frame<'a> {
    pub(crate) fn of(web: &'a Web) -> Self {
        Self { base: &web.base, name: &web.engine.agent().name, version: env!("CARGO_PKG_VERSION") }
    }
}

/// An entry in a list.
struct Line<'a> {
    id: &'a str,
    title: &'a str,
}

#[derive(Template)]
#[template(path = "faq.html")]
struct Faq<'a> {
    frame: Frame<'a>,
    /// What the base promises of its answers, where it can.
    promise: Option<String>,
    safety: Vec<Line<'a>>,
    routine: Vec<Line<'a>>,
}

#[derive(Template)]
#[template(path = "entry.html")]
struct One<'a> {
    frame: Frame<'a>,
    entry: &'a Entry,
    reviewed: String,
    /// The title, for the page's description: what a search engine shows below it is the answer's beginning.
    beginning: String,
    linked: String,
    standing: Standing,
    reply: ShownReply,
}

/// Whether one may go by it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    InForce,
    /// Past its review, or not within its days.
    InReview,
    Superseded,
}

#[derive(Template)]
#[template(path = "checklist.html")]
struct Checklists<'a> {
    frame: Frame<'a>,
    lists: Vec<Checklist<'a>>,
}

struct Checklist<'a> {
    entry: &'a Entry,
    reviewed: String,
    /// In the order of the answer: a step is numbered, everything else is words between them.
    blocks: Vec<ShownBlock>,
}

#[derive(Template)]
#[template(path = "safety.html")]
struct Safety<'a> {
    frame: Frame<'a>,
    hosts: Vec<String>,
    addresses: Vec<Contract<'a>>,
    tricks: Option<Tricks<'a>>,
    entries: Vec<Line<'a>>,
}

/// Scams that are going round.
struct Tricks<'a> {
    entry: &'a str,
    reviewed: String,
    blocks: Vec<ShownBlock>,
}

impl<'a> Tricks<'a> {
    fn of((entry, items): (&'a Entry, Vec<&'a Block>)) -> Self {
        let blocks = items.into_iter().cloned().map(shown::block).collect();
        Self { entry: entry.id.as_str(), reviewed: day(entry.reviewed_at), blocks }
    }
}

/// A contract of ours.
struct Contract<'a> {
    name: String,
    chain: &'static str,
    address: &'a str,
}

impl<'a> Contract<'a> {
    fn of(ours: &OurAddress<'a>) -> Self {
        Self { name: safety::name(ours.id), chain: ours.chain.name(), address: ours.value }
    }
}

/// `GET /faq`.
pub(crate) async fn all(State(web): State<Arc<Web>>) -> Result<Response, Refusal> {
    let base = web.engine.base();
    let of = |class| published(base.entries(), class).map(line).collect();
    let certainty = &base.calibration().all;
    let promise = (certainty.promise == Promise::Kept).then(|| say::promise(certainty));
    page(&Faq { frame: Frame::of(&web), promise, safety: of(Class::Safety), routine: of(Class::Routine) })
}

/// `GET /faq/{entry}`.
pub(crate) async fn one(State(web): State<Arc<Web>>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let base = web.engine.base();
    let Some(entry) = base.get(&EntryId::from(id.as_str())) else { return Err(refusal::no_such_page().await) };
    page(&One {
        frame: Frame::of(&web),
        reviewed: day(entry.reviewed_at),
        beginning: entry.body.to_plain().split_whitespace().take(30).collect::<Vec<_>>().join(" "),
        linked: for_machines(entry),
        standing: standing(entry, today(&web)),
        reply: shown::reply(say::canonical(entry)),
        entry,
    })
}

/// `GET /checklist`.
pub(crate) async fn checklists(State(web): State<Arc<Web>>) -> Result<Response, Refusal> {
    let (base, today) = (web.engine.base(), today(&web));
    let lists = base.checklists().filter(|entry| may_answer(entry, today)).map(|entry| Checklist {
        entry,
        reviewed: day(entry.reviewed_at),
        blocks: shown::reply(say::canonical(entry)).blocks,
    });
    page(&Checklists { frame: Frame::of(&web), lists: lists.collect() })
}

/// `GET /safety`.
pub(crate) async fn safety(State(web): State<Arc<Web>>) -> Result<Response, Refusal> {
    let (base, today) = (web.engine.base(), today(&web));
    let ours = safety::ours(&base, today);
    page(&Safety {
        frame: Frame::of(&web),
        addresses: ours.addresses.iter().map(Contract::of).collect(),
        tricks: ours.going_round().map(Tricks::of),
        hosts: ours.hosts,
        entries: ours.entries.into_iter().map(line).collect(),
    })
}

/// `GET /v1/knowledge`. Any page on the web may read it.
pub(crate) async fn list(State(web): State<Arc<Web>>) -> Response {
    let (base, today) = (web.engine.base(), today(&web));
    let mut entries: Vec<PublishedEntry> = base.entries().map(|entry| for_others(&web.base, entry, today)).collect();
    entries.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
    let headers = [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"), (header::CACHE_CONTROL, KEPT)];
    (headers, Json(PublishedList { entries })).into_response()
}

pub(crate) fn page(template: &impl Template) -> Result<Response, Refusal> {
    let html = template.render().map_err(|error| {
        tracing::error!(%error, "a page of the base could not be rendered");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The page could not be shown.")
    })?;
    let headers: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, KEPT)];
    Ok((headers, Html(html)).into_response())
}

fn published<'a>(entries: impl Iterator<Item = &'a Entry>, class: Class) -> impl Iterator<Item = &'a Entry> {
    entries.filter(move |entry| entry.status == Status::Published && entry.class == class)
}

fn line(entry: &Entry) -> Line<'_> {
    Line { id: entry.id.as_str(), title: &entry.title }
}

fn today(web: &Web) -> NaiveDate {
    DateTime::from_timestamp_millis(web.engine.clock().now_ms()).unwrap_or_default().date_naive()
}

fn day(date: NaiveDate) -> String {
    date.format("%-d %b %Y").to_string()
}

fn standing(entry: &Entry, today: NaiveDate) -> Standing {
    match entry.status {
        Status::Superseded => Standing::Superseded,
        _ if may_answer(entry, today) => Standing::InForce,
        _ => Standing::InReview,
    }
}

/// The question and its answer as search engines read them (schema.org `FAQPage`), fit to stand in a page.
fn for_machines(entry: &Entry) -> String {
    let answer = json!({ "@type": "Answer", "text": entry.body.to_plain(), "url": entry.canonical_url });
    let question = json!({
        "@type": "Question", "name": entry.title, "acceptedAnswer": answer,
        "dateModified": entry.reviewed_at.to_string(),
    });
    let page = json!({
        "@context": "https://schema.org", "@type": "FAQPage", "inLanguage": entry.lang, "mainEntity": [question],
    });
    // Nothing in it may end the element that it stands in.
    page.to_string().replace('<', "\\u003c")
}

fn for_others(below: &str, entry: &Entry, today: NaiveDate) -> PublishedEntry {
    PublishedEntry {
        id: entry.id.clone(),
        title: entry.title.clone(),
        class: match entry.class {
            Class::Safety => "safety".to_owned(),
            Class::Routine => "routine".to_owned(),
        },
        lang: entry.lang.clone(),
        canonical_url: entry.canonical_url.clone(),
        page: format!("{below}/faq/{}", entry.id),
        reviewed_at: entry.reviewed_at.to_string(),
        review_by: entry.review_by.to_string(),
        revision: entry.revision.clone(),
        in_force: may_answer(entry, today),
        text: entry.body.to_plain(),
        body: entry.body.clone(),
    }
}
