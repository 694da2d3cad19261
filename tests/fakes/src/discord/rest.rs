//! The REST side: one call from its route to its answer, with limits and faults on the way.

use std::collections::VecDeque;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::limits::{Key, Taken};
use super::routes::{Route, find};
use super::state::Call;
use super::{DiscordFault, Shared, State, alter};

/// What is asked.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    /// By user id; 0 on routes that need no token.
    pub(super) bot: u64,
    /// What stands in the places of the route.
    pub(super) places: Vec<&'a str>,
    pub(super) query: &'a str,
    pub(super) body: &'a Value,
    pub(super) reason: Option<String>,
}

impl Ask<'_> {
    /// The snowflake in the place.
    pub(super) fn id(&self, place: usize) -> Result<u64, Refusal> {
        let text = self.places.get(place).copied().unwrap_or_default();
        text.parse()
            .map_err(|_| Refusal::form("_", "NUMBER_TYPE_COERCE", &format!("Value \"{text}\" is not snowflake.")))
    }

    /// A field of the query.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        self.query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, v)| v)
    }
}

/// A JSON answer with 200, or nothing with 204.
pub(super) type Reply = Result<Option<Value>, Refusal>;

/// An error answer.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    body: Value,
}

impl Refusal {
    pub(super) fn new(status: u16, code: u64, message: &str) -> Self {
        Self { status, body: json!({ "message": message, "code": code }) }
    }

    /// 50035 with the one field that is wrong.
    pub(super) fn form(field: &str, code: &str, message: &str) -> Self {
        let errors = json!({ field: { "_errors": [{ "code": code, "message": message }] } });
        Self { status: 400, body: json!({ "message": "Invalid Form Body", "code": 50035, "errors": errors }) }
    }
}

/// What goes back.
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
    /// What becomes of it instead: it is lost, or never sent.
    lost: Option<DiscordFault>,
}

pub(super) async fn handle(
    Extract(shared): Extract<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let parsed = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&body) };
    let answer = match parsed {
        Ok(body) => alter(&shared, |s| s.serve(&method, &uri, &headers, &body)),
        Err(_) => Answer::of(Err(Refusal::new(400, 50109, "The request body contains invalid JSON.")), &[]),
    };
    if let Some(how) = answer.lost {
        if let DiscordFault::Stall = how {
            shared.subscribe().wait_for(|s| s.stopped).await.map(drop).ok();
        }
        hang_up();
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match answer.body {
        Some(body) => (status, [("content-type", "application/json")], body).into_response(),
        None => status.into_response(),
    };
    for (name, value) in answer.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Ends the connection's task, and with it the connection, without an answer and without a panic message.
fn hang_up() -> ! {
    std::panic::resume_unwind(Box::new("the fake hangs up"))
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

impl State {
    fn serve(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Value) -> Answer {
        let path = uri.path().strip_prefix("/api/v10").unwrap_or(uri.path());
        let query = uri.query().unwrap_or_default();
        let token = text_of(headers, "authorization");
        let bot = token.and_then(|t| Some(self.data.by_token(t.strip_prefix("Bot ")?)?.user_id));
        let found = find(method.as_str(), path);
        let route = found.as_ref().map_or("unknown", |(route, _)| route.name);
        *self.data.counts.entry(route).or_default() += 1;
        let reason = text_of(headers, "x-audit-log-reason");
        let answer = match found {
            _ if self.stopped => Answer::lost(DiscordFault::DropRequest),
            Some((route, _)) if route.token && bot.is_none() => {
                Answer::of(Err(Refusal::new(401, 0, "401: Unauthorized")), &[])
            }
            Some((route, places)) => {
                let ask = Ask { bot: bot.unwrap_or(0), places, query, body, reason: reason.clone() };
                self.limited(route, &ask)
            }
            None => Answer::of(Err(Refusal::new(404, 0, "404: Not Found")), &[]),
        };
        let shared = answer.headers.iter().any(|(name, value)| *name == "x-ratelimit-scope" && value == "shared");
        self.data.invalid_requests += u64::from(matches!(answer.status, 401 | 403 | 429) && !shared);
        self.data.too_many += u64::from(answer.status == 429);
        if self.options.keep_calls > 0 {
            let status = if answer.lost.is_some() { 0 } else { answer.status };
            let user_agent = text_of(headers, "user-agent").unwrap_or_default();
            let (path, query, body) = (path.to_owned(), query.to_owned(), body.clone());
            let at = Instant::now();
            self.data.calls.push_back(Call { bot, route, path, query, body, reason, user_agent, status, at });
        }
        while self.data.calls.len() > self.options.keep_calls {
            self.data.calls.pop_front();
        }
        answer
    }

    /// The call, unless a limit or a fault is in its way.
    fn limited(&mut self, route: &Route, ask: &Ask<'_>) -> Answer {
        let now = self.now_ms();
        let key: Key = (ask.bot, route.name, route.major(&ask.places));
        if let Some((left, global)) = self.limits.too_early(&key, now) {
            self.data.too_early += 1;
            return too_many(left, global, if global { "global" } else { "user" }, &[]);
        }
        let fault = self.next_fault(route.name);
        if let Some(DiscordFault::DropRequest) = fault {
            return Answer::lost(DiscordFault::DropRequest);
        }
        let per_s = self.options.global_per_s.filter(|_| route.counts_globally());
        if let Some(left) = per_s.and_then(|per_s| self.limits.take_global(ask.bot, per_s, now)) {
            self.limits.refuse(&key, true, now + left);
            return too_many(left, true, "global", &[]);
        }
        let taken = self.limits.take(&key, self.options.route_limit, now);
        let headers = bucket_headers(route, &taken);
        if taken.over {
            self.limits.refuse(&key, false, taken.reset_ms);
            return too_many(taken.after_ms, false, "user", &headers);
        }
        match fault {
            Some(DiscordFault::TooMany { retry_after_s, global, scope }) => {
                let left = whole_ms(retry_after_s);
                self.limits.refuse(&key, global, now + left);
                too_many(left, global, scope, if global { &[] } else { &headers })
            }
            Some(DiscordFault::Refuse { status, code, message }) => {
                Answer::of(Err(Refusal::new(status, code, &message)), &headers)
            }
            Some(DiscordFault::Garbage { status, body }) => Answer { status, headers, body: Some(body), lost: None },
            fault => {
                let mut answer = Answer::of((route.serve)(self, ask), &headers);
                answer.lost = fault;
                answer
            }
        }
    }

    fn next_fault(&mut self, route: &str) -> Option<DiscordFault> {
        let mut once = |route: &str| self.faults.get_mut(route).and_then(VecDeque::pop_front);
        let once = once(route).or_else(|| once("*"));
        once.or_else(|| self.broken.get(route).or_else(|| self.broken.get("*")).cloned())
    }
}

impl Answer {
    fn of(reply: Reply, headers: &[(&'static str, String)]) -> Self {
        let (status, body) = match reply {
            Ok(Some(body)) => (200, Some(body.to_string())),
            Ok(None) => (204, None),
            Err(refusal) => (refusal.status, Some(refusal.body.to_string())),
        };
        Self { status, headers: headers.to_vec(), body, lost: None }
    }

    fn lost(how: DiscordFault) -> Self {
        Self { status: 0, headers: Vec::new(), body: None, lost: Some(how) }
    }
}

/// Milliseconds as Discord writes seconds.
fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast that saturates is what is meant")]
fn whole_ms(seconds: f64) -> u64 {
    (seconds * 1000.0).ceil() as u64
}

/// The headers of every answer. The bucket's name says nothing of the channel or guild in the path.
fn bucket_headers(route: &Route, taken: &Taken) -> Vec<(&'static str, String)> {
    vec![
        ("x-ratelimit-limit", taken.limit.to_string()),
        ("x-ratelimit-remaining", taken.remaining.to_string()),
        ("x-ratelimit-reset", seconds(taken.reset_ms)),
        ("x-ratelimit-reset-after", seconds(taken.after_ms)),
        ("x-ratelimit-bucket", route.bucket()),
    ]
}

fn too_many(left_ms: u64, global: bool, scope: &'static str, headers: &[(&'static str, String)]) -> Answer {
    let what = if scope == "shared" { "The resource is being rate limited." } else { "You are being rate limited." };
    let retry_after = seconds(left_ms);
    let body = format!(r#"{{"message":"{what}","retry_after":{retry_after},"global":{global},"code":0}}"#);
    let mut headers = headers.to_vec();
    for (name, value) in &mut headers {
        match *name {
            "x-ratelimit-remaining" if scope == "user" => "0".clone_into(value),
            "x-ratelimit-reset-after" => value.clone_from(&retry_after),
            _ => {}
        }
    }
    headers.push(("retry-after", left_ms.div_ceil(1000).to_string()));
    headers.push(("x-ratelimit-scope", scope.to_owned()));
    if global {
        headers.push(("x-ratelimit-global", "true".to_owned()));
    }
    Answer { status: 429, headers, body: Some(body), lost: None }
}
