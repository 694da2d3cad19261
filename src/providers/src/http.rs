//! What every vendor shares below its own words: the HTTP client, and how a refusal becomes a [`StreamError`] that
//! names its class, when to come back, and never the key.

use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use townkeeper_contract::stream::{ErrorClass, StreamError};

/// How much of a refusal's body is read, and for how long.
const BODY_CAP: usize = 64 * 1024;
const BODY_TIME: Duration = Duration::from_secs(10);

/// The longest wait we repeat from a `Retry-After`; a vendor that asks for more is asked again after this.
const RETRY_AFTER_CAP_MS: u64 = 24 * 60 * 60 * 1000;

/// A client that goes where it is told and nowhere else: no redirects (they would carry the key along), no proxy
/// taken from the environment. `tls`: whether it is to speak https. Errors: no TLS provider is installed, or the system's
/// certificates cannot be read (a bare machine has none, and a model next door needs none).
pub(crate) fn client(connect: Duration, tls: bool) -> Result<Client, String> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        return Err("no TLS provider is installed in this process".to_owned());
    }
    let builder = Client::builder().connect_timeout(connect).tcp_nodelay(true).no_proxy();
    let builder = if tls { builder } else { builder.tls_certs_only(Vec::new()) };
    let builder =
        builder.redirect(redirect::Policy::none()).user_agent(concat!("townkeeper/", env!("CARGO_PKG_VERSION")));
    builder.build().map_err(|error| explain(&error))
}

/// The headers of every request: what we send and take, the vendor's own in place of those (`extra`; names in lower
/// case), and the key behind its `prefix`. `None` where the key cannot stand in a header.
pub(crate) fn headers(
    extra: &'static [(&'static str, &'static str)],
    (name, prefix): (&'static str, &str),
    key: Option<&SecretString>,
) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    // Compressing single tokens costs more than it saves, and makes proxies hold them back.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for (name, value) in extra {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Some(key) = key {
        let mut value = HeaderValue::try_from(format!("{prefix}{}", key.expose_secret())).ok()?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Some(headers)
}

/// Provider and host, as a log line names them. Nothing else of the address: a path or a query may hold a secret.
pub(crate) fn peer(vendor: &str, url: &Url) -> String {
    let host = url.host_str().unwrap_or("no host");
    match url.port() {
        Some(port) => format!("{vendor} at {host}:{port}"),
        None => format!("{vendor} at {host}"),
    }
}

/// Makes errors; takes the key out of whatever a vendor says before it is cut to length.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scrub {
    key: Option<SecretString>,
}

impl Scrub {
    pub(crate) fn new(key: Option<SecretString>) -> Self {
        Self { key: key.filter(|key| !key.expose_secret().is_empty()) }
    }

    pub(crate) fn text(&self, text: &str) -> String {
        match &self.key {
            Some(key) => text.replace(key.expose_secret(), "[key]"),
            None => text.to_owned(),
        }
    }

    /// An error of this class; `retriable` says whether the class is worth another try at all.
    pub(crate) fn error(&self, class: ErrorClass, message: &str) -> StreamError {
        StreamError::new(class, worth_retrying(class), &self.text(message))
    }
}

fn worth_retrying(class: ErrorClass) -> bool {
    use ErrorClass::{Overloaded, RateLimited, Stalled, Transient, Truncated};
    matches!(class, RateLimited | Overloaded | Transient | Truncated | Stalled)
}

/// The error of an answer that is not a success.
pub(crate) async fn refusal(response: Response, scrub: &Scrub) -> StreamError {
    let status = response.status().as_u16();
    let wait = retry_after_ms(response.headers(), now());
    let request = request_id(response.headers()).map(|id| format!(" (request {id})")).unwrap_or_default();
    let body = body(response).await;
    let said = Said::parse(&body);
    let class = said.as_ref().and_then(Said::special).unwrap_or_else(|| of_status(status));
    let words = said.map_or(body, |said| said.message);
    let message = format!("HTTP {status}{request}: {}", words.trim());
    let mut error = scrub.error(class, message.trim_end_matches(": "));
    (error.status, error.retry_after_ms) = (Some(status), wait);
    error
}

/// The error of a 200 that is not a stream: a captive portal's page, or an error sent with the wrong status.
pub(crate) async fn not_a_stream(response: Response, content_type: &str, scrub: &Scrub) -> StreamError {
    let status = response.status().as_u16();
    let body = if content_type == "text/html" { String::new() } else { body(response).await };
    let said = Said::parse(&body);
    let class = said.as_ref().and_then(Said::class).unwrap_or(ErrorClass::Protocol);
    let words = said.map_or(body, |said| said.message);
    let message = format!("the answer is {content_type}, not an event stream (is base_url right?) {words}");
    let mut error = scrub.error(class, message.trim());
    error.status = Some(status);
    error
}

/// What the vendor calls this request; its support asks for it.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get("request-id").or_else(|| headers.get("x-request-id"))?;
    value.to_str().ok().filter(|id| !id.is_empty() && id.len() <= 100)
}

/// The error of a connection to `peer` that could not be made or broke: who it was, what to try, and the causes.
pub(crate) fn broken(error: &reqwest::Error, peer: &str, scrub: &Scrub) -> StreamError {
    let class = if error.is_builder() { ErrorClass::Internal } else { ErrorClass::Transient };
    scrub.error(class, &format!("{peer}: {}", explain(error)))
}

/// An error and its causes, without the URL (its query may hold a key).
fn explain(error: &reqwest::Error) -> String {
    let mut words = String::from(if error.is_connect() {
        "cannot connect (is it running, and is `base_url` right?)"
    } else {
        "the connection broke"
    });
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    words
}

async fn body(mut response: Response) -> String {
    let mut bytes = Vec::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            bytes.extend_from_slice(&chunk);
            if bytes.len() >= BODY_CAP {
                break;
            }
        }
    };
    // Out of time: what came will do.
    tokio::time::timeout(BODY_TIME, read).await.ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The class of an HTTP status (or of an error object's numeric code, which some vendors send in its place).
pub(crate) fn of_status(status: u16) -> ErrorClass {
    match status {
        401 | 403 => ErrorClass::Auth,
        402 => ErrorClass::Quota,
        408 | 409 | 425 => ErrorClass::Transient,
        429 => ErrorClass::RateLimited,
        400..=499 => ErrorClass::InvalidRequest,
        503 | 529 => ErrorClass::Overloaded,
        500..=599 => ErrorClass::Transient,
        _ => ErrorClass::Protocol,
    }
}

/// An error object as vendors send them: `{"error": {..}}`, `{"error": ".."}`, `{"object": "error", ..}`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) message: String,
    /// `code`, `details.error_code` and `type`, in lower case.
    names: [String; 3],
}

impl Said {
    /// Reads a whole body or frame; `None` where it holds no error.
    pub(crate) fn parse(body: &str) -> Option<Self> {
        let mut body: Value = serde_json::from_str(body).ok()?;
        match body.get_mut("error").map(Value::take) {
            Some(error) if Self::is_error(&error) => Some(Self::of(&error)),
            _ if body.get("object").and_then(Value::as_str) == Some("error") => Some(Self::of(&body)),
            _ if body.get("type").and_then(Value::as_str) == Some("error") => Some(Self::of(&body)),
            _ => None,
        }
    }

    /// `null`, `""` and `{}` stand beside good content and mean that nothing is wrong.
    pub(crate) fn is_error(error: &Value) -> bool {
        match error {
            Value::String(text) => !text.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            _ => false,
        }
    }

    pub(crate) fn of(error: &Value) -> Self {
        let name = |field: Option<&Value>| match field {
            Some(Value::String(text)) => text.to_lowercase(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let message = match (error, error.get("message")) {
            (Value::String(text), _) | (_, Some(Value::String(text))) => text.clone(),
            _ => error.to_string(),
        };
        let detail = error.get("details").and_then(|details| details.get("error_code"));
        Self { message, names: [name(error.get("code")), name(detail), name(error.get("type"))] }
    }

    /// The class by number or by name; `None` where neither says anything.
    pub(crate) fn class(&self) -> Option<ErrorClass> {
        self.names.iter().find_map(|name| match name.parse() {
            Ok(status @ 400..=599) => Some(of_status(status)),
            _ => by_name(name),
        })
    }

    /// The classes a status cannot tell apart: an empty purse from a busy minute, a policy from a bad request.
    fn special(&self) -> Option<ErrorClass> {
        let class = self.names.iter().find_map(|name| by_name(name));
        class.filter(|class| matches!(class, ErrorClass::Quota | ErrorClass::ContentPolicy))
    }
}

/// Words in vendors' `code` and `type`, the telling ones first.
const NAMES: [(&str, ErrorClass); 21] = [
    ("rate_limit", ErrorClass::RateLimited),
    ("too_many_requests", ErrorClass::RateLimited),
    ("quota", ErrorClass::Quota),
    ("billing", ErrorClass::Quota),
    ("spend_limit", ErrorClass::Quota),
    ("payment", ErrorClass::Quota),
    ("credit", ErrorClass::Quota),
    ("overload", ErrorClass::Overloaded),
    ("unavailable", ErrorClass::Overloaded),
    ("api_key", ErrorClass::Auth),
    ("auth", ErrorClass::Auth),
    ("permission", ErrorClass::Auth),
    ("content_filter", ErrorClass::ContentPolicy),
    ("content_policy", ErrorClass::ContentPolicy),
    ("moderation", ErrorClass::ContentPolicy),
    ("timeout", ErrorClass::Transient),
    ("server_error", ErrorClass::Transient),
    ("context_length", ErrorClass::InvalidRequest),
    ("not_found", ErrorClass::InvalidRequest),
    ("too_large", ErrorClass::InvalidRequest),
    ("invalid", ErrorClass::InvalidRequest),
];

fn by_name(name: &str) -> Option<ErrorClass> {
    NAMES.iter().find(|(word, _)| name.contains(word)).map(|(_, class)| *class)
}

/// How long a vendor asks us to wait, in milliseconds: `retry-after-ms`, else `Retry-After` as seconds or as a date.
pub(crate) fn retry_after_ms(headers: &HeaderMap, now: SystemTime) -> Option<u64> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let wait = match (value("retry-after-ms").and_then(|ms| millis(ms, 1.0)), value("retry-after")) {
        (Some(wait), _) => wait,
        (None, Some(text)) => match millis(text, 1000.0) {
            Some(wait) => wait,
            None => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
        },
        (None, None) => return None,
    };
    Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).min(RETRY_AFTER_CAP_MS))
}

/// A count of units as a duration; vendors write fractions too. Negative or absurd numbers say nothing.
fn millis(text: &str, unit_ms: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse::<f64>().ok()? * unit_ms / 1000.0).ok()
}

#[expect(clippy::disallowed_methods, reason = "a Retry-After date is told against the wall clock; its one reader here")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(headers: &[(&'static str, &str)]) -> Option<u64> {
        let map = headers.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect();
        // Sun, 06 Nov 1994 08:49:37 GMT
        retry_after_ms(&map, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777))
    }

    #[test]
    fn retry_after_is_read_in_all_its_forms() {
        assert_eq!(wait(&[]), None);
        assert_eq!(wait(&[("retry-after", "7")]), Some(7000));
        assert_eq!(wait(&[("retry-after", "0.5")]), Some(500));
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:51:07 GMT")]), Some(90_000));
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), Some(0), "in the past");
        assert_eq!(wait(&[("retry-after-ms", "150"), ("retry-after", "7")]), Some(150));
        assert_eq!(wait(&[("retry-after-ms", "soon"), ("retry-after", "7")]), Some(7000));
        for nonsense in ["soon", "-1", "NaN", "inf"] {
            assert_eq!(wait(&[("retry-after", nonsense)]), None, "{nonsense}");
        }
        assert_eq!(wait(&[("retry-after", "99999999999")]), Some(RETRY_AFTER_CAP_MS));
    }

    #[test]
    fn a_key_that_straddles_the_cap_leaves_nothing_behind() {
        let key = "sk-example-0123456789";
        let said = format!("{}{key}", "x".repeat(StreamError::MESSAGE_CAP - 10));
        let scrub = Scrub::new(Some(key.into()));
        assert!(!scrub.error(ErrorClass::Auth, &said).message.contains("sk-"));
        // The twin: cut first, scrub after, and the head of the key stays.
        let cut = StreamError::new(ErrorClass::Auth, false, &said).message;
        assert!(scrub.text(&cut).contains("sk-example"));
    }

    #[test]
    fn a_peer_is_named_without_what_may_be_secret() {
        let peer = |url: &str| peer("ollama", &Url::parse(url).unwrap());
        assert_eq!(peer("http://me:secret@127.0.0.1:11434/secret?key=secret"), "ollama at 127.0.0.1:11434");
        assert_eq!(peer("https://api.example.org/v1"), "ollama at api.example.org");
        assert_eq!(peer("http://[::1]:9/"), "ollama at [::1]:9");
    }

    #[test]
    fn an_error_beside_good_content_is_none() {
        for good in [r#"{"error":null}"#, r#"{"error":""}"#, r#"{"error":{}}"#, r#"{"choices":[]}"#, "<html>"] {
            assert_eq!(Said::parse(good), None, "{good}");
        }
    }
}
