//! People, their roles and linked accounts, and tokens.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use townkeeper_contract::access::{
    CreatedToken, EraseBody, Erased, LinkCode, LoginLink, Me, Member, MemberList, NewMember, NewToken, Permission,
    Role, TokenInfo, TokenList,
};
use townkeeper_core::{access, secret};
use townkeeper_engine::ids;

use crate::Web;
use crate::auth::Principal;
use crate::refusal::Refusal;

/// How long a link code and a login link are good.
const MINUTES_10: i64 = 10 * 60 * 1000;

const DAY: i64 = 24 * 60 * 60 * 1000;

/// The longest name, in bytes.
const NAME: usize = 80;

/// `GET /v1/me`.
pub(crate) async fn me(who: Principal) -> Json<Me> {
    Json(Me { actor: who.actor, permissions: who.permissions })
}

/// `GET /v1/people`.
pub(crate) async fn list(State(web): State<Arc<Web>>) -> Result<Json<MemberList>, Refusal> {
    Ok(Json(MemberList { people: web.engine.store().people(web.engine.workspace()).await? }))
}

/// `POST /v1/people`.
pub(crate) async fn add(
    State(web): State<Arc<Web>>,
    who: Principal,
    body: Result<Json<NewMember>, JsonRejection>,
) -> Result<(StatusCode, Json<Member>), Refusal> {
    no_freeze(&web, &who)?;
    let Json(new) = body?;
    let name = named(&new.name)?;
    new.roles.iter().try_for_each(|role| may_give(&who, *role))?;
    let by = who.by(&web);
    let id = ids::ulid(by.now_ms);
    Ok((StatusCode::CREATED, Json(web.engine.store().add_person(by, &id, name, &new.roles).await?)))
}

/// `DELETE /v1/people/{person}`.
pub(crate) async fn remove(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(person): Path<String>,
) -> Result<StatusCode, Refusal> {
    no_freeze(&web, &who)?;
    web.engine.store().remove_person(who.by(&web), &person).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/erase`.
pub(crate) async fn erase(
    State(web): State<Arc<Web>>,
    who: Principal,
    body: Result<Json<EraseBody>, JsonRejection>,
) -> Result<Json<Erased>, Refusal> {
    let Json(body) = body.map_err(|error| Refusal::new(error.status(), "bad_request", error.body_text()))?;
    let report = web.engine.erase_person(who.by(&web), &body.account, &body.person).await?;
    Ok(Json(Erased { tables: report.tables.into_iter().map(|table| (table.table.to_owned(), table.rows)).collect() }))
}

/// `PUT /v1/people/{person}/roles/{role}`.
pub(crate) async fn grant(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path((person, role)): Path<(String, String)>,
) -> Result<Json<Member>, Refusal> {
    no_freeze(&web, &who)?;
    let role = role_named(&role)?;
    may_give(&who, role)?;
    Ok(Json(web.engine.store().set_role(who.by(&web), &person, role, true).await?))
}

/// `DELETE /v1/people/{person}/roles/{role}`.
pub(crate) async fn take(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path((person, role)): Path<(String, String)>,
) -> Result<Json<Member>, Refusal> {
    no_freeze(&web, &who)?;
    Ok(Json(web.engine.store().set_role(who.by(&web), &person, role_named(&role)?, false).await?))
}

/// `DELETE /v1/people/{person}/identities/{platform}/{id}`.
pub(crate) async fn unlink(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path((person, platform, id)): Path<(String, String, String)>,
) -> Result<Json<Member>, Refusal> {
    if who.person.as_ref() != Some(&person) {
        who.needs(Permission::ManagePeople)?;
        no_freeze(&web, &who)?;
    }
    Ok(Json(web.engine.store().unlink(who.by(&web), &person, &platform, &id).await?))
}

/// `POST /v1/people/{person}/link`: a code to say in a chat.
pub(crate) async fn link(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(person): Path<String>,
) -> Result<Json<LinkCode>, Refusal> {
    let member = one(&web, &who, &person).await?;
    who.may_let_in(&web, &member).await?;
    let by = who.by(&web);
    let code = secret::code(&ids::bytes::<8>()?);
    let expires_ms = by.now_ms + MINUTES_10;
    web.engine.store().new_link(by, &person, secret::hash(&code), expires_ms).await?;
    Ok(Json(LinkCode { code, expires_ms }))
}

/// `POST /v1/people/{person}/login`: a link that opens a session.
pub(crate) async fn login(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(person): Path<String>,
) -> Result<Json<LoginLink>, Refusal> {
    let member = one(&web, &who, &person).await?;
    who.may_let_in(&web, &member).await?;
    let by = who.by(&web);
    let secret = secret::hex(&ids::bytes::<32>()?);
    let expires_ms = by.now_ms + MINUTES_10;
    web.engine.store().new_login(by, &person, secret::hash(&secret), expires_ms).await?;
    Ok(Json(LoginLink { url: format!("{}/login/{secret}", web.url), expires_ms }))
}

/// `DELETE /v1/people/{person}/sessions`.
pub(crate) async fn sign_out(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(person): Path<String>,
) -> Result<StatusCode, Refusal> {
    let member = one(&web, &who, &person).await?;
    web.engine.store().close_sessions(who.by(&web), &member.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/tokens`.
pub(crate) async fn tokens(State(web): State<Arc<Web>>) -> Result<Json<TokenList>, Refusal> {
    Ok(Json(TokenList { tokens: web.engine.store().tokens(web.engine.workspace()).await? }))
}

/// `POST /v1/tokens`. Nobody can give what they may not do themselves.
pub(crate) async fn create_token(
    State(web): State<Arc<Web>>,
    who: Principal,
    body: Result<Json<NewToken>, JsonRejection>,
) -> Result<(StatusCode, Json<CreatedToken>), Refusal> {
    let Json(new) = body?;
    let name = named(&new.name)?.to_owned();
    if new.scopes.is_empty() || !(1..=366).contains(&new.days) {
        return Err(Refusal::bad("A token needs at least one scope, and 1 to 366 days."));
    }
    new.scopes.iter().try_for_each(|scope| who.needs(*scope))?;
    // Somebody else's token would let its holder pass for them.
    let theirs = new.person.is_some() && new.person != who.person;
    if theirs && !who.is_operator() {
        let message = "A person's token is made by that person, or by the operator.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "not_allowed", message));
    }
    let by = who.by(&web);
    let token = secret::token(&ids::bytes::<32>()?);
    let mut scopes = new.scopes;
    scopes.sort_unstable();
    scopes.dedup();
    let info = TokenInfo {
        id: ids::ulid(by.now_ms),
        name,
        person: new.person,
        scopes,
        created_ms: by.now_ms,
        expires_ms: by.now_ms + i64::from(new.days) * DAY,
        last_used_ms: None,
        revoked_ms: None,
    };
    let info = web.engine.store().create_token(by, info, secret::hash(&token)).await?;
    Ok((StatusCode::CREATED, Json(CreatedToken { token, info })))
}

/// `DELETE /v1/tokens/{token}`. Whoever holds a token may always end it.
pub(crate) async fn revoke_token(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(token): Path<String>,
) -> Result<Json<TokenInfo>, Refusal> {
    if who.method != format!("token:{token}") {
        who.needs(Permission::ManageTokens)?;
    }
    Ok(Json(web.engine.store().revoke_token(who.by(&web), &token).await?))
}

/// The person of a path. Who may neither manage people nor is this person hears no more than that they may not.
async fn one(web: &Web, who: &Principal, person: &str) -> Result<Member, Refusal> {
    if who.person.as_deref() != Some(person) {
        who.needs(Permission::ManagePeople)?;
    }
    let found = web.engine.store().person(web.engine.workspace(), person).await?;
    found.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "not_found", "There is no such person here."))
}

/// While the town is frozen, who may vote stays who may vote: else one who is about to be outvoted removes the others. The
/// operator holds the host.
fn no_freeze(web: &Web, who: &Principal) -> Result<(), Refusal> {
    if who.is_operator() || !web.engine.is_frozen() {
        return Ok(());
    }
    let message = "While the town is frozen, only the operator changes people and roles.";
    Err(Refusal::new(StatusCode::FORBIDDEN, "not_allowed", message))
}

/// Nobody gives a role that allows more than they may themselves.
fn may_give(who: &Principal, role: Role) -> Result<(), Refusal> {
    access::permissions(role).iter().try_for_each(|permission| who.needs(*permission))
}

fn role_named(word: &str) -> Result<Role, Refusal> {
    let known = || Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
    Role::named(word).ok_or_else(|| Refusal::bad(format!("There is no such role; there are: {}.", known())))
}

fn named(name: &str) -> Result<&str, Refusal> {
    let name = name.trim();
    let good = (1..=NAME).contains(&name.len()) && !name.chars().any(char::is_control);
    if good { Ok(name) } else { Err(Refusal::bad("`name` takes 1 to 80 bytes, without control characters.")) }
}
