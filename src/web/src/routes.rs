//! Every route, as data. The router, the OpenAPI document and the test of who may do what are made from this one list,
//! so none of them can know a route that the others do not.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware;
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};
use townkeeper_contract::access::{
    AuditList, AuditVerdict, CreatedToken, EraseBody, Erased, FreezeBody, FreezeState, LinkCode, LoginLink, Me, Member,
    MemberList, NewMember, NewToken, Permission, PublicKey, TokenInfo, TokenList, WellKnown,
};
use townkeeper_contract::api::{CancelAnswer, ChatBody, FeedbackList, PublishedList, Ready, Scorecard, TicketList};
use townkeeper_contract::case::{CaseDecided, CaseList, NewCaseWord};
use townkeeper_contract::knowledge::{
    ApproveBody, ChangeDetail, ChangeInfo, ChangeList, ItemHistory, NewChange, RollbackBody,
};
use townkeeper_contract::learning::{CorrectionOrder, Corrections, GapList, TrendList};
use townkeeper_contract::lists::{PublicList, PublicLists};
use townkeeper_contract::moderation::{DeliveryList, ModerationList, ModerationNumber, NewModeration};
use townkeeper_contract::place::{PlaceChange, PlaceInfo, PlaceList};
use townkeeper_contract::policy::ShieldPolicy;

use crate::guard::{self, Gate};
use crate::{
    DOCUMENTS_LIMIT, Web, audit, cases, chat, faces, freeze, knowledge, learning, lists, moderation, openapi, ops,
    page, people, places, policy, report, session, socket,
};

/// Who may use a route. Checked by `guard::admit` and nowhere else, but for `Own`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Public,
    /// Whoever holds the id of the conversation or turn: the id is the capability, and an unknown one leads to nothing.
    Visitor,
    /// Whoever has a token or a session that is good: it concerns nobody but them.
    Someone,
    /// The same for what is one's own; for what is somebody else's, whoever may do this. Whose it is, the handler looks up.
    Own(Permission),
    /// Whoever may do this; the operator may everything.
    Needs(Permission),
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

    /// Takes whole documents.
    fn roomy(self) -> Self {
        Self { handler: self.handler.layer(DefaultBodyLimit::max(DOCUMENTS_LIMIT)), ..self }
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
    let mut all = talk();
    all.extend(published());
    all.extend(learnt());
    all.extend(people_and_sessions());
    all.extend(power());
    all.extend(keeping_the_peace());
    all.extend(going_by_lists());
    all.extend(keeping_the_base());
    all.extend(keeping_items());
    all
}

/// The canonical base as others see it.
fn published() -> Vec<Endpoint> {
    use Access::Public;
    vec![
        get("/faq", Public, "Every published answer, by its question.", faces::all).gives(Content::Html),
        get("/faq/{entry}", Public, "One published answer.", faces::one).gives(Content::Html),
        get("/checklist", Public, "What to do, step by step, to tick off.", faces::checklists).gives(Content::Html),
        get("/safety", Public, "Which addresses are ours, and the answers that keep people safe.", faces::safety)
            .gives(Content::Html),
        get("/report", Public, "How well questions are answered, in counts: nobody's words.", report::show)
            .gives(Content::Html),
        get("/v1/knowledge", Public, "Every published answer, for others to build on.", faces::list)
            .gives(json::<PublishedList>()),
    ]
}

/// What is learnt from answers that were given.
fn learnt() -> Vec<Endpoint> {
    use Access::Needs;
    vec![
        post(
            "/v1/knowledge/items/{name}/corrections",
            Needs(Permission::EditKnowledge),
            "Puts answers right that came from older wordings of an entry; without `send`, says which they are.",
            learning::correct,
        )
        .takes(json::<CorrectionOrder>())
        .gives(json::<Corrections>()),
        get(
            "/v1/knowledge/gaps",
            Needs(Permission::ReadTickets),
            "What was asked in vain, put together.",
            learning::gaps,
        )
        .gives(json::<GapList>()),
        get(
            "/v1/knowledge/trend",
            Needs(Permission::ReadTickets),
            "How often each topic is asked about, by week; one of them by `?entry=`.",
            learning::trend,
        )
        .gives(json::<TrendList>()),
    ]
}

/// The page, chat, health.
fn talk() -> Vec<Endpoint> {
    use Access::{Needs, Public, Visitor};
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
        get("/v1/tickets", Needs(Permission::ReadTickets), "The newest tickets.", ops::tickets).gives(json::<TicketList>()),
        get("/v1/feedback", Needs(Permission::ReadTickets), "What people thought of the answers, by entry.", ops::feedback)
            .gives(json::<FeedbackList>()),
        get("/v1/scorecard", Needs(Permission::Operate), "How this installation does.", ops::scorecard).gives(json::<Scorecard>()),
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

/// People, signing in, who is asking.
fn people_and_sessions() -> Vec<Endpoint> {
    use Access::{Needs, Own, Public, Someone};
    vec![
        get("/.well-known/townkeeper.json", Public, "The keys that sign for this workspace.", session::well_known)
            .gives(json::<WellKnown>()),
        get("/login/{secret}", Public, "A page that signs in; opening it uses nothing up.", session::page)
            .gives(Content::Html),
        post("/login/{secret}", Public, "Uses a login link up and opens a session.", session::open).or(
            StatusCode::SEE_OTHER,
            "Signed in; the cookie is set.",
            None,
        ),
        post("/v1/logout", Someone, "Ends the session that asks.", session::close).or(
            StatusCode::NO_CONTENT,
            "Signed out.",
            None,
        ),
        get("/v1/me", Someone, "Who is asking, and what they may.", people::me).gives(json::<Me>()),
        get("/v1/people", Needs(Permission::ManagePeople), "Everyone.", people::list).gives(json::<MemberList>()),
        post("/v1/people", Needs(Permission::ManagePeople), "Adds a person.", people::add)
            .takes(json::<NewMember>())
            .or(StatusCode::CREATED, "Added.", Some(json::<Member>())),
        delete("/v1/people/{person}", Needs(Permission::ManagePeople), "Takes a person away.", people::remove).or(
            StatusCode::NO_CONTENT,
            "Gone.",
            None,
        ),
        put("/v1/people/{person}/roles/{role}", Needs(Permission::ManagePeople), "Gives a role.", people::grant)
            .gives(json::<Member>()),
        delete("/v1/people/{person}/roles/{role}", Needs(Permission::ManagePeople), "Takes a role.", people::take)
            .gives(json::<Member>()),
        delete(
            "/v1/people/{person}/identities/{platform}/{id}",
            Own(Permission::ManagePeople),
            "Unlinks an account (one's own, or with manage_people).",
            people::unlink,
        )
        .gives(json::<Member>()),
        post("/v1/people/{person}/link", Own(Permission::ManagePeople), "A code that proves an account.", people::link)
            .gives(json::<LinkCode>()),
        delete(
            "/v1/people/{person}/sessions",
            Own(Permission::ManagePeople),
            "Ends every session of a person.",
            people::sign_out,
        )
        .or(StatusCode::NO_CONTENT, "Signed out everywhere.", None),
        post("/v1/people/{person}/login", Own(Permission::ManagePeople), "A link that opens a session.", people::login)
            .gives(json::<LoginLink>()),
    ]
}

/// Tokens, the log, the freeze, the key.
fn power() -> Vec<Endpoint> {
    use Access::{Needs, Own, Someone};
    vec![
        post("/v1/erase", Needs(Permission::Operate), "Erases somebody who wants to be forgotten.", people::erase)
            .takes(json::<EraseBody>())
            .gives(json::<Erased>()),
        get("/v1/tokens", Needs(Permission::ManageTokens), "Every token, without its secret.", people::tokens)
            .gives(json::<TokenList>()),
        post("/v1/tokens", Needs(Permission::ManageTokens), "Makes a token; it is shown once.", people::create_token)
            .takes(json::<NewToken>())
            .or(StatusCode::CREATED, "Made.", Some(json::<CreatedToken>())),
        delete(
            "/v1/tokens/{token}",
            Own(Permission::ManageTokens),
            "Ends a token (the one that asks, or with manage_tokens).",
            people::revoke_token,
        )
        .gives(json::<TokenInfo>()),
        get("/v1/audit", Needs(Permission::ReadAudit), "The newest acts.", audit::list).gives(json::<AuditList>()),
        get("/v1/audit/verify", Needs(Permission::ReadAudit), "Checks the whole log.", audit::verify)
            .gives(json::<AuditVerdict>()),
        get("/v1/places", Needs(Permission::Moderate), "Every place that is known, with its settings.", places::list)
            .gives(json::<PlaceList>()),
        put("/v1/places/{account}/{place}", Needs(Permission::Moderate), "Sets something for a place.", places::set)
            .takes(json::<PlaceChange>())
            .gives(json::<PlaceInfo>()),
        get("/v1/freeze", Someone, "Whether the town is frozen.", freeze::state).gives(json::<FreezeState>()),
        post("/v1/freeze", Needs(Permission::Freeze), "Stops everything that leaves.", freeze::freeze)
            .takes(json::<FreezeBody>())
            .gives(json::<FreezeState>()),
        post("/v1/thaw", Needs(Permission::Thaw), "Agrees to go on; it takes two.", freeze::thaw)
            .gives(json::<FreezeState>()),
        post("/v1/key/rotate", Needs(Permission::Operate), "Signs with a new key from now on.", session::rotate)
            .gives(json::<Vec<PublicKey>>()),
    ]
}

/// Moderation, and what became of what was sent.
fn keeping_the_peace() -> Vec<Endpoint> {
    use Access::Needs;
    vec![
        get("/v1/moderation", Needs(Permission::Moderate), "What moderators had done.", moderation::list)
            .gives(json::<ModerationList>()),
        post("/v1/moderation", Needs(Permission::Moderate), "Removes, restricts, bans, pins, says.", moderation::order)
            .takes(json::<NewModeration>())
            .gives(json::<ModerationNumber>()),
        post(
            "/v1/moderation/{number}/undo",
            Needs(Permission::Moderate),
            "Takes a restriction, a ban or a pinned message back.",
            moderation::undo,
        )
        .gives(json::<ModerationNumber>()),
        get("/v1/cases", Needs(Permission::Moderate), "What the shield found, newest first.", cases::list)
            .gives(json::<CaseList>()),
        post(
            "/v1/cases/{number}",
            Needs(Permission::Moderate),
            "Says what a case is, or takes that back.",
            cases::decide,
        )
        .takes(json::<NewCaseWord>())
        .gives(json::<CaseDecided>()),
        get(
            "/v1/outbox",
            Needs(Permission::ReadAudit),
            "What is in one state; by `?state=`, else what may or may not have arrived.",
            moderation::outbox,
        )
        .gives(json::<DeliveryList>()),
    ]
}

/// What the shield goes by.
fn going_by_lists() -> Vec<Endpoint> {
    use Access::Needs;
    use Permission::Moderate;
    vec![
        get("/v1/shield/policy", Needs(Moderate), "What is done about what, where and to whom.", policy::show)
            .gives(json::<ShieldPolicy>()),
        get("/v1/shield/lists", Needs(Moderate), "The public lists that are gone by.", lists::list)
            .gives(json::<PublicLists>()),
        post("/v1/shield/lists/{item}/fetch", Needs(Moderate), "Fetches a list now, if it has changed.", lists::fetch)
            .gives(json::<PublicList>()),
    ]
}

/// Changing the canonical base.
fn keeping_the_base() -> Vec<Endpoint> {
    use Access::Needs;
    use Permission::{ApproveKnowledge, EditKnowledge};
    vec![
        get(
            "/v1/knowledge/changes",
            Needs(EditKnowledge),
            "Open changes, and the newest ended ones.",
            knowledge::changes,
        )
        .gives(json::<ChangeList>()),
        post("/v1/knowledge/changes", Needs(EditKnowledge), "Puts a change, or an open one anew.", knowledge::put)
            .roomy()
            .takes(json::<NewChange>())
            .or(StatusCode::CREATED, "It waits for approval.", Some(json::<ChangeInfo>())),
        get(
            "/v1/knowledge/changes/{number}",
            Needs(EditKnowledge),
            "A change, its diff, and what the base would be with it.",
            knowledge::change,
        )
        .gives(json::<ChangeDetail>()),
        post(
            "/v1/knowledge/changes/{number}/approve",
            Needs(ApproveKnowledge),
            "Approves what was looked at; with the last voice it is tried and published.",
            knowledge::approve,
        )
        .takes(json::<ApproveBody>())
        .gives(json::<ChangeInfo>()),
        post(
            "/v1/knowledge/changes/{number}/withdraw",
            Needs(EditKnowledge),
            "Takes an open change back.",
            knowledge::withdraw,
        )
        .gives(json::<ChangeInfo>()),
    ]
}

/// What is published, item by item.
fn keeping_items() -> Vec<Endpoint> {
    use Access::Needs;
    use Permission::EditKnowledge;
    vec![
        get(
            "/v1/knowledge/bundle",
            Needs(EditKnowledge),
            "Everything that is published, drafts too, as one signed file.",
            knowledge::bundle,
        )
        .gives(Content::Text),
        post(
            "/v1/knowledge/items/{item}/withdraw",
            Needs(EditKnowledge),
            "Takes an item out of the base, at once; one is enough.",
            knowledge::withdraw_item,
        )
        .gives(json::<ChangeInfo>()),
        post(
            "/v1/knowledge/items/{item}/rollback",
            Needs(EditKnowledge),
            "Puts an earlier revision of an item as a change.",
            knowledge::roll_back,
        )
        .takes(json::<RollbackBody>())
        .or(StatusCode::CREATED, "It waits for approval.", Some(json::<ChangeInfo>())),
        get(
            "/v1/knowledge/items/{item}/history",
            Needs(EditKnowledge),
            "What an item said, newest first.",
            knowledge::history,
        )
        .gives(json::<ItemHistory>()),
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

fn put<T: 'static>(
    path: &'static str,
    access: Access,
    summary: &'static str,
    handler: impl Handler<T, Arc<Web>>,
) -> Endpoint {
    endpoint(Method::PUT, path, access, summary, on(MethodFilter::PUT, handler))
}

fn delete<T: 'static>(
    path: &'static str,
    access: Access,
    summary: &'static str,
    handler: impl Handler<T, Arc<Web>>,
) -> Endpoint {
    endpoint(Method::DELETE, path, access, summary, on(MethodFilter::DELETE, handler))
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
