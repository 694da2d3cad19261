//! Routes of the shield: its cases, and what it goes by.

use axum::http::StatusCode;
use townkeeper_contract::access::Permission;
use townkeeper_contract::case::{Case, CaseDecided, CaseList, NewCaseWord};
use townkeeper_contract::lists::{PublicList, PublicLists};
use townkeeper_contract::pattern::{NewPattern, PatternList, ScamPattern};
use townkeeper_contract::policy::ShieldPolicy;

use super::{Access, Endpoint, delete, get, json, post, put};
use crate::{cases, lists, patterns, policy};

pub(super) fn endpoints() -> Vec<Endpoint> {
    use Access::Needs;
    vec![
        get("/v1/cases", Needs(Permission::Moderate), "What the shield found, newest first.", cases::list)
            .gives(json::<CaseList>()),
        get("/v1/cases/{number}", Needs(Permission::Moderate), "One case.", cases::one).gives(json::<Case>()),
        post(
            "/v1/cases/{number}",
            Needs(Permission::Moderate),
            "Says what a case is, or takes that back.",
            cases::decide,
        )
        .takes(json::<NewCaseWord>())
        .gives(json::<CaseDecided>()),
        get(
            "/v1/shield/policy",
            Needs(Permission::Moderate),
            "What is done about what, where and to whom.",
            policy::show,
        )
        .gives(json::<ShieldPolicy>()),
        get("/v1/shield/patterns", Needs(Permission::Moderate), "What moderators look for.", patterns::list)
            .gives(json::<PatternList>()),
        put("/v1/shield/patterns/{item}", Needs(Permission::Moderate), "Writes a pattern.", patterns::set)
            .takes(json::<NewPattern>())
            .gives(json::<ScamPattern>()),
        delete("/v1/shield/patterns/{item}", Needs(Permission::Moderate), "Removes a pattern.", patterns::remove).or(
            StatusCode::NO_CONTENT,
            "Gone.",
            None,
        ),
        get("/v1/shield/lists", Needs(Permission::Moderate), "The public lists that are gone by.", lists::list)
            .gives(json::<PublicLists>()),
        post(
            "/v1/shield/lists/{item}/fetch",
            Needs(Permission::Moderate),
            "Fetches a list now, unless its source says that it is as it was.",
            lists::fetch,
        )
        .gives(json::<PublicList>()),
    ]
}
