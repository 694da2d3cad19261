//! Changing the canonical base.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, SecondsFormat};
use townkeeper_contract::access::Permission;
use townkeeper_contract::knowledge::{
    ApproveBody, ChangeDetail, ChangeInfo, ChangeList, ItemHistory, NewChange, RollbackBody,
};
use townkeeper_knowledge::bundle::{Content, seal};

use crate::Web;
use crate::auth::Principal;
use crate::refusal::Refusal;

/// `GET /v1/knowledge/bundle`: what is published, and nothing else, is signed.
pub(crate) async fn bundle(State(web): State<Arc<Web>>, who: Principal) -> Result<Response, Refusal> {
    who.needs(Permission::EditKnowledge)?;
    let documents = web.engine.documents().await?;
    let now = DateTime::from_timestamp_millis(web.engine.clock().now_ms()).unwrap_or_default();
    let files = documents.iter().map(|(name, text)| (name, text));
    let content = Content::new(files, web.engine.workspace(), &now.to_rfc3339_opts(SecondsFormat::Secs, true));
    let sealed = seal(&content, |bytes| web.keys.sign(bytes));
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], sealed).into_response())
}

/// `GET /v1/knowledge/changes`.
pub(crate) async fn changes(State(web): State<Arc<Web>>, who: Principal) -> Result<Json<ChangeList>, Refusal> {
    who.needs(Permission::EditKnowledge)?;
    Ok(Json(web.engine.changes().await?))
}

/// `POST /v1/knowledge/changes`.
pub(crate) async fn put(
    State(web): State<Arc<Web>>,
    who: Principal,
    body: Result<Json<NewChange>, JsonRejection>,
) -> Result<(StatusCode, Json<ChangeInfo>), Refusal> {
    who.needs(Permission::EditKnowledge)?;
    let Json(new) = body?;
    Ok((StatusCode::CREATED, Json(web.engine.put_change(who.by(&web), new).await?)))
}

/// `GET /v1/knowledge/changes/{number}`.
pub(crate) async fn change(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(number): Path<i64>,
) -> Result<Json<ChangeDetail>, Refusal> {
    who.needs(Permission::EditKnowledge)?;
    Ok(Json(web.engine.change(number).await?))
}

/// `POST /v1/knowledge/changes/{number}/approve`. Whose voice counts is the store's to say: a person's, and no machine's.
pub(crate) async fn approve(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(number): Path<i64>,
    body: Result<Json<ApproveBody>, JsonRejection>,
) -> Result<Json<ChangeInfo>, Refusal> {
    who.needs(Permission::ApproveKnowledge)?;
    let Json(body) = body?;
    Ok(Json(web.engine.approve_change(who.by(&web), number, &body.hash).await?))
}

/// `POST /v1/knowledge/changes/{number}/withdraw`.
pub(crate) async fn withdraw(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(number): Path<i64>,
) -> Result<Json<ChangeInfo>, Refusal> {
    who.needs(Permission::EditKnowledge)?;
    Ok(Json(web.engine.withdraw_change(who.by(&web), number).await?))
}

/// `POST /v1/knowledge/items/{item}/withdraw`.
pub(crate) async fn withdraw_item(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(item): Path<String>,
) -> Result<Json<ChangeInfo>, Refusal> {
    who.needs(Permission::EditKnowledge)?;
    Ok(Json(web.engine.withdraw_item(who.by(&web), &item).await?))
}

/// `POST /v1/knowledge/items/{item}/rollback`.
pub(crate) async fn roll_back(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(item): Path<String>,
    body: Result<Json<RollbackBody>, JsonRejection>,
) -> Result<(StatusCode, Json<ChangeInfo>), Refusal> {
    who.needs(Permission::EditKnowledge)?;
    let Json(body) = body?;
    Ok((StatusCode::CREATED, Json(web.engine.roll_back(who.by(&web), &item, body.to).await?)))
}

/// `GET /v1/knowledge/items/{item}/history`.
pub(crate) async fn history(
    State(web): State<Arc<Web>>,
    who: Principal,
    Path(item): Path<String>,
) -> Result<Json<ItemHistory>, Refusal> {
    who.needs(Permission::EditKnowledge)?;
    Ok(Json(web.engine.item_history(&item).await?))
}
