//! Who is asking: the operator's token, a scoped token, or a browser's session. What they may follows from what we hold
//! about them, never from what the request says.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use townkeeper_contract::access::{Member, Permission};
use townkeeper_core::{access, secret};
use townkeeper_store::By;

use crate::Web;
use crate::guard::is_operator;
use crate::refusal::{Refusal, no_such_page};

/// The session's cookie.
pub(crate) const COOKIE: &str = "townkeeper_session";

/// How many wrong tokens one source may show in a minute. Then it waits, right ones or not: the operator's own token is
/// the exception.
const WRONG: u32 = 20;
const WINDOW_MS: i64 = 60_000;

/// How many sources are watched at a time.
const SOURCES: usize = 10_000;

/// Who is asking, and what they may.
#[derive(Clone, Debug)]
pub(crate) struct Principal {
    /// As the audit log writes it.
    pub(crate) actor: String,
    /// How they showed it.
    pub(crate) method: String,
    pub(crate) permissions: Vec<Permission>,
    /// Whose id it is, where it is a person.
    pub(crate) person: Option<String>,
    /// The hash of the session's secret, where it is one.
    pub(crate) session: Option<String>,
}

impl Principal {
    fn operator() -> Self {
        Self {
            actor: access::OPERATOR.to_owned(),
            method: "operator".to_owned(),
            permissions: Permission::ALL.to_vec(),
            person: None,
            session: None,
        }
    }

    pub(crate) fn is_operator(&self) -> bool {
        self.actor == access::OPERATOR
    }

    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// 403 for those who may not.
    pub(crate) fn needs(&self, permission: Permission) -> Result<(), Refusal> {
        if self.may(permission) {
            return Ok(());
        }
        let message = format!("This needs the permission `{permission}`.");
        Err(Refusal::new(StatusCode::FORBIDDEN, "not_allowed", message))
    }

    /// For the audit log.
    pub(crate) fn by(&self, web: &Web) -> By {
        By {
            workspace: web.engine.workspace().to_owned(),
            actor: self.actor.clone(),
            method: self.method.clone(),
            now_ms: web.engine.clock().now_ms(),
        }
    }

    /// Whether they may make what lets somebody pass for this person. Nobody can for another, or one could vote as two;
    /// only somebody new, whom nothing lets in yet, may be let in by who manages people, and not while the town is frozen.
    /// And nobody lets in somebody who may more: a session knows no scopes, so a token with few of them would become one
    /// with all. The operator holds the host.
    pub(crate) async fn may_let_in(&self, web: &Web, member: &Member) -> Result<(), Refusal> {
        if self.is_operator() {
            return Ok(());
        }
        access::all(&member.roles).into_iter().try_for_each(|permission| self.needs(permission))?;
        if self.person.as_ref() == Some(&member.id) {
            return Ok(());
        }
        let may = self.may(Permission::ManagePeople) && !web.engine.is_frozen();
        if may && web.engine.store().is_new(web.engine.workspace(), &member.id).await? {
            return Ok(());
        }
        let message = "Only this person, or the operator, may do that.";
        Err(Refusal::new(StatusCode::FORBIDDEN, "not_allowed", message))
    }
}

impl FromRequestParts<Arc<Web>> for Principal {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, Refusal> {
        // A gate before the handler may have asked already.
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let who = authenticate(web, parts).await?;
        parts.extensions.insert(who.clone());
        Ok(who)
    }
}

/// Where a request comes from: what the connection says, or a proxy on this machine or one that is trusted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source(Option<IpAddr>);

impl Source {
    fn of(parts: &Parts, proxies: &[IpAddr]) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|source| source.0.ip());
        Self(peer.map(|peer| network(behind_proxy(peer, proxies, &parts.headers).unwrap_or(peer))))
    }

    /// 429 where too much that is wrong has come from here.
    pub(crate) fn check(self, web: &Web) -> Result<(), Refusal> {
        if web.wrong.is_full(self.0, web.engine.clock().now_ms()) {
            count("too_many");
            return Err(Refusal::too_many(WINDOW_MS.unsigned_abs() / 1000));
        }
        Ok(())
    }

    /// Something wrong came from here.
    pub(crate) fn wrong(self, web: &Web) {
        count("wrong");
        web.wrong.count(self.0, web.engine.clock().now_ms());
    }
}

impl FromRequestParts<Arc<Web>> for Source {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, web: &Arc<Web>) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts, &web.proxies))
    }
}

/// Finds out who is asking. 401 where nobody is, 429 where a source has shown too many wrong tokens.
pub(crate) async fn authenticate(web: &Web, parts: &Parts) -> Result<Principal, Refusal> {
    if is_operator(&parts.headers, &web.token) {
        return Ok(Principal::operator());
    }
    let (source, now_ms) = (Source::of(parts, &web.proxies), web.engine.clock().now_ms());
    source.check(web)?;
    let found = match (bearer(&parts.headers), cookie(&parts.headers)) {
        (Some(token), _) => by_token(web, token, now_ms).await?,
        (None, Some(secret)) => by_session(web, parts, secret, now_ms).await?,
        (None, None) => return Err(unauthorized("This needs a token or a session.")),
    };
    found.ok_or_else(|| {
        source.wrong(web);
        unauthorized("This token or session is not known here, or not any more.")
    })
}

async fn by_token(web: &Web, token: &str, now_ms: i64) -> Result<Option<Principal>, Refusal> {
    // A typo needs no look into the store.
    if !secret::is_token(token) {
        return Ok(None);
    }
    let (store, workspace, hash) = (web.engine.store(), web.engine.workspace(), secret::hash(token));
    let held = store.use_token(workspace, &hash, now_ms).await?;
    if held.is_none() && store.is_foreign(workspace, &hash).await? {
        // Good somewhere else: of this workspace it is not even told that it is there.
        return Err(no_such_page().await);
    }
    Ok(held.map(|held| {
        let method = format!("token:{}", held.info.id);
        match held.info.person {
            Some(person) => Principal {
                actor: format!("person:{person}"),
                permissions: access::bound(&held.info.scopes, &held.roles),
                person: Some(person),
                method,
                session: None,
            },
            None => {
                Principal { actor: method.clone(), permissions: held.info.scopes, person: None, method, session: None }
            }
        }
    }))
}

async fn by_session(web: &Web, parts: &Parts, secret: &str, now_ms: i64) -> Result<Option<Principal>, Refusal> {
    if !is_own(&parts.method, &parts.headers) {
        let message = "This request does not come from a page of ours and was refused.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "cross_site", message));
    }
    let hash = secret::hash(secret);
    let member = web.engine.store().session(web.engine.workspace(), &hash, now_ms).await?;
    Ok(member.map(|member| Principal {
        actor: format!("person:{}", member.id),
        method: "session".to_owned(),
        permissions: access::all(&member.roles),
        person: Some(member.id),
        session: Some(hash),
    }))
}

/// Whom a proxy on this machine (or one of those that are trusted) speaks for, or one stranger behind it would use up everybody's wrong tokens. The last entry
/// is the one that it wrote itself. From elsewhere the header is anybody's words.
fn behind_proxy(peer: IpAddr, proxies: &[IpAddr], headers: &HeaderMap) -> Option<IpAddr> {
    let peer = peer.to_canonical();
    let trusted = peer.is_loopback() || proxies.iter().any(|proxy| proxy.to_canonical() == peer);
    let named = headers.get_all("x-forwarded-for").iter().next_back().filter(|_| trusted)?;
    named.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

/// What one household has: of IPv6 a /64, in which there is a fresh address for every guess.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(v6) => IpAddr::from((v6.to_bits() >> 64 << 64).to_be_bytes()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// A cookie comes along whoever makes the browser send it. So what changes something must say where it comes from, and
/// nothing may say that it comes from elsewhere. (`guard::same_site` has compared `Origin` with `Host` already.)
fn is_own(method: &Method, headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(axum::http::HeaderValue::as_bytes);
    match site {
        Some(site) => site == b"same-origin" || site == b"none" && *method == Method::GET,
        None => matches!(*method, Method::GET | Method::HEAD) || headers.contains_key(header::ORIGIN),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs =
        headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

fn unauthorized(message: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

fn count(why: &'static str) {
    metrics::counter!("townkeeper_auth_refused_total", "why" => why).increment(1);
}

/// Wrong tokens by source, within a minute.
#[derive(Debug, Default)]
pub struct WrongTokens {
    sources: Mutex<HashMap<Option<IpAddr>, Shown>>,
}

#[derive(Debug)]
struct Shown {
    since_ms: i64,
    wrong: u32,
}

impl WrongTokens {
    fn is_full(&self, source: Option<IpAddr>, now_ms: i64) -> bool {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.get(&source).is_some_and(|shown| shown.wrong >= WRONG && now_ms - shown.since_ms < WINDOW_MS)
    }

    fn count(&self, source: Option<IpAddr>, now_ms: i64) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if sources.len() >= SOURCES && !sources.contains_key(&source) {
            sources.retain(|_, shown| now_ms - shown.since_ms < WINDOW_MS);
            // A flood from everywhere: better forget than grow.
            if sources.len() >= SOURCES {
                sources.clear();
            }
        }
        let shown = sources.entry(source).or_insert(Shown { since_ms: now_ms, wrong: 0 });
        if now_ms - shown.since_ms >= WINDOW_MS {
            *shown = Shown { since_ms: now_ms, wrong: 0 };
        }
        shown.wrong += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_tokens_are_counted_by_source_and_minute() {
        let wrong = WrongTokens::default();
        let (one, other) = (Some(IpAddr::from([127, 0, 0, 1])), Some(IpAddr::from([127, 0, 0, 2])));
        for _ in 0..WRONG {
            assert!(!wrong.is_full(one, 5));
            wrong.count(one, 5);
        }
        assert!(wrong.is_full(one, 5) && !wrong.is_full(other, 5) && !wrong.is_full(None, 5));
        assert!(!wrong.is_full(one, 5 + WINDOW_MS));
        wrong.count(one, 5 + WINDOW_MS);
        assert!(!wrong.is_full(one, 5 + WINDOW_MS), "the count begins anew");
    }

    #[test]
    fn wrong_tokens_are_counted_by_who_stands_behind_a_proxy_of_this_machine() {
        let source = |peer: &str, forwarded: &[&'static str]| {
            let mut request = axum::http::Request::new(());
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().expect("a peer"), 1)));
            for value in forwarded {
                request.headers_mut().append("x-forwarded-for", header::HeaderValue::from_static(value));
            }
            Source::of(&request.into_parts().0, &[IpAddr::from([198, 51, 100, 5])]).0.expect("a source").to_string()
        };
        assert_eq!(source("127.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        // What a client wrote itself stands before what the proxy added.
        assert_eq!(source("::1", &["127.0.0.1", "203.0.113.9, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(source("127.0.0.1", &["nonsense"]), "127.0.0.1");
        // Whoever comes from elsewhere may say what they like.
        assert_eq!(source("198.51.100.4", &["192.0.2.7"]), "198.51.100.4");
        // But for a proxy that was named, however the connection spells its address.
        assert_eq!(source("198.51.100.5", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(source("::ffff:198.51.100.5", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(source("2001:db8:1:2:3:4:5:6", &[]), source("2001:db8:1:2::9", &[]));
        assert_ne!(source("2001:db8:1:2::9", &[]), source("2001:db8:1:3::9", &[]));
        assert_eq!(source("::ffff:192.0.2.7", &[]), "192.0.2.7");
    }

    #[test]
    fn a_flood_from_everywhere_does_not_grow() {
        let wrong = WrongTokens::default();
        for n in 0..u32::try_from(SOURCES).unwrap_or(u32::MAX) + 10 {
            wrong.count(Some(IpAddr::from(n.to_be_bytes())), 5);
        }
        assert!(wrong.sources.lock().is_ok_and(|sources| sources.len() <= SOURCES));
    }

    #[test]
    fn a_cookie_counts_only_from_our_own_pages() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
        };
        let post = |pairs| is_own(&Method::POST, &headers(pairs));
        assert!(post(&[("sec-fetch-site", "same-origin")]) && post(&[("origin", "http://here")]));
        assert!(!post(&[]), "neither header");
        for site in ["cross-site", "same-site", "none"] {
            let refused = !is_own(
                &Method::POST,
                &HeaderMap::from_iter([(
                    header::HeaderName::from_static("sec-fetch-site"),
                    header::HeaderValue::from_static(site),
                )]),
            );
            assert!(refused, "{site}");
        }
        assert!(is_own(&Method::GET, &headers(&[])) && is_own(&Method::GET, &headers(&[("sec-fetch-site", "none")])));
        assert!(!is_own(&Method::GET, &headers(&[("sec-fetch-site", "cross-site")])));
        assert_eq!(cookie(&headers(&[("cookie", "a=b; townkeeper_session=xyz; c=d")])), Some("xyz"));
        assert_eq!(cookie(&headers(&[("cookie", "not_townkeeper_session=xyz")])), None);
    }
}
