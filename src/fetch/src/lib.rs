//! Fetches pages that somebody else names: a documentation site to import, a list to load, a link to check. Whoever can
//! name an address could otherwise make us read what only this machine may reach.
//!
//! Three gates, for each of them can be got around alone: the URL is looked at before every request (scheme, host,
//! literal addresses, which no resolver ever sees); names are resolved by us, and what leads to a private network is
//! never connected to; redirects are followed by hand, each through the first two.

mod address;
mod resolve;
#[cfg(test)]
mod tests;

use std::error::Error as _;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode, header, redirect};
use thiserror::Error;
use townkeeper_contract::error::Kind;
use url::Host;
pub use url::Url;

use resolve::{Private, Resolver};

/// How often a page may send us on.
const REDIRECTS: usize = 5;
/// How long a page may take, redirects and all, unless the rules say otherwise.
pub const TOTAL: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);

/// What may be fetched.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Host names, in lower case and as they stand in a URL. Nothing else is asked, also not upon a redirect.
    pub hosts: Vec<String>,
    /// Media types without their parameters, like `text/html`. What says that it is something else is not read.
    pub types: &'static [&'static str],
    /// The largest body, in bytes, after decompression.
    pub bytes: usize,
    /// How long it may take, redirects and all; usually [`TOTAL`].
    pub within: Duration,
}

/// What a server said of a page when it was fetched, for asking whether it has changed since (RFC 9110, §13).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// What was fetched.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it was in the end.
    pub url: Url,
    /// The media type without its parameters; empty if it says none.
    pub media: String,
    pub body: Vec<u8>,
    pub validators: Validators,
}

/// Why nothing was fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    #[error("{0} is no https address; nothing is fetched in the clear")]
    Scheme(Url),
    #[error("{0} names a machine by its number; write the host's name")]
    Literal(Url),
    #[error("{0} holds a name or password; leave it out")]
    Credentials(Url),
    #[error("{host} is not among the allowed hosts; allow it by name if it is yours")]
    Host { host: String },
    #[error("{host} leads to {address}, which is not on the open internet; nothing was sent there")]
    Private { host: String, address: String },
    #[error("more than {REDIRECTS} redirects from {0}")]
    Redirects(Url),
    #[error("{url} answers with status {status}")]
    Status { url: Url, status: u16 },
    #[error("{url} is `{media}`, which is not read here")]
    Type { url: Url, media: String },
    #[error("{url} is larger than {limit} bytes")]
    Size { url: Url, limit: usize },
    #[error("{url} took longer than {} seconds", .within.as_secs())]
    Slow { url: Url, within: Duration },
    #[error("{url} cannot be reached: {why}")]
    Unreachable { url: Url, why: String },
    #[error("no TLS client can be made: {0}")]
    NoClient(String),
}

impl FetchError {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Slow { .. } | Self::Unreachable { .. } => Kind::RetryAfter { ms: 0 },
            Self::Status { status, .. } if *status == 429 || *status >= 500 => Kind::RetryAfter { ms: 0 },
            Self::Scheme(_) | Self::Literal(_) | Self::Credentials(_) | Self::Host { .. } | Self::Private { .. } => {
                Kind::Denied { reason: self.to_string() }
            }
            _ => Kind::Permanent,
        }
    }
}

/// What is checked. Outside tests, everything.
#[derive(Clone, Debug)]
struct Guards {
    https: bool,
    literals: bool,
    /// Names that may lead to a private network: none.
    private: Vec<String>,
}

const ALL: Guards = Guards { https: true, literals: true, private: Vec::new() };

/// Fetches by its rules.
#[derive(Clone, Debug)]
pub struct Fetcher {
    http: Client,
    rules: Rules,
    guards: Guards,
}

impl Fetcher {
    /// # Errors
    /// This machine has no certificate authorities to trust.
    pub fn new(rules: Rules) -> Result<Self, FetchError> {
        Self::guarded(rules, ALL, Resolver::system(), client())
    }

    /// Without https, and for names and addresses of this machine too: for tests alone, compiled into no release.
    ///
    /// # Errors
    /// The client cannot be made.
    #[cfg(feature = "faults")]
    pub fn near(rules: Rules) -> Result<Self, FetchError> {
        let guards = Guards { https: false, literals: false, private: rules.hosts.clone() };
        Self::guarded(rules, guards, Resolver::system(), client().tls_certs_only(Vec::new()))
    }

    fn guarded(
        rules: Rules,
        guards: Guards,
        resolver: Resolver,
        client: reqwest::ClientBuilder,
    ) -> Result<Self, FetchError> {
        let client = client.dns_resolver(resolver.except(guards.private.clone()));
        let http = client.build().map_err(|error| FetchError::NoClient(deepest(&error)))?;
        Ok(Self { http, rules, guards })
    }

    /// Fetches a page.
    pub async fn get(&self, url: &Url) -> Result<Page, FetchError> {
        let page = self.get_if_changed(url, &Validators::default()).await?;
        // Nothing was asked about, so "not modified" is no answer.
        page.ok_or_else(|| FetchError::Status { url: url.clone(), status: StatusCode::NOT_MODIFIED.as_u16() })
    }

    /// Fetches a page unless it is as it was; `None`: it is.
    pub async fn get_if_changed(&self, url: &Url, since: &Validators) -> Result<Option<Page>, FetchError> {
        let within = self.rules.within;
        tokio::time::timeout(within, self.follow(url, since))
            .await
            .unwrap_or_else(|_| Err(FetchError::Slow { url: url.clone(), within }))
    }

    async fn follow(&self, url: &Url, since: &Validators) -> Result<Option<Page>, FetchError> {
        let mut at = url.clone();
        for _ in 0..=REDIRECTS {
            self.look(&at)?;
            let answer = self.ask(&at, since).send().await.map_err(|error| unreachable(&at, &error))?;
            if answer.status() == StatusCode::NOT_MODIFIED && *since != Validators::default() {
                return Ok(None);
            }
            match next(&at, &answer)? {
                Some(next) => at = next,
                None => return self.read(at, answer).await.map(Some),
            }
        }
        Err(FetchError::Redirects(url.clone()))
    }

    fn ask(&self, url: &Url, since: &Validators) -> RequestBuilder {
        let asked = [(header::IF_NONE_MATCH, &since.etag), (header::IF_MODIFIED_SINCE, &since.last_modified)];
        let asked = asked.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        asked.fold(self.http.get(url.clone()), |request, (name, value)| request.header(name, value))
    }

    /// The first gate: what a URL says by itself.
    fn look(&self, url: &Url) -> Result<(), FetchError> {
        if self.guards.https && url.scheme() != "https" {
            return Err(FetchError::Scheme(url.clone()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Credentials(url.clone()));
        }
        match url.host() {
            Some(Host::Domain(host)) if self.rules.hosts.iter().any(|allowed| allowed == host) => Ok(()),
            Some(Host::Domain(host)) => Err(FetchError::Host { host: host.to_owned() }),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) if !self.guards.literals => Ok(()),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => Err(FetchError::Literal(url.clone())),
        }
    }

    async fn read(&self, url: Url, mut answer: Response) -> Result<Page, FetchError> {
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status { status: answer.status().as_u16(), url });
        }
        let media =
            answer.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let said = |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let validators = Validators { etag: said(header::ETAG), last_modified: said(header::LAST_MODIFIED) };
        let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !self.rules.types.contains(&media.as_str()) {
            return Err(FetchError::Type { url, media });
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| unreachable(&url, &error))? {
            if body.len() + chunk.len() > self.rules.bytes {
                return Err(FetchError::Size { url, limit: self.rules.bytes });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Page { url, media, body, validators })
    }
}

fn client() -> reqwest::ClientBuilder {
    Client::builder()
        .connect_timeout(CONNECT)
        .no_proxy()
        .referer(false)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .user_agent(concat!("townkeeper/", env!("CARGO_PKG_VERSION")))
}

/// Where an answer sends us, if it does.
fn next(at: &Url, answer: &Response) -> Result<Option<Url>, FetchError> {
    if !answer.status().is_redirection() {
        return Ok(None);
    }
    let target = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let next = target.and_then(|target| at.join(target).ok());
    next.map(Some).ok_or_else(|| FetchError::Status { url: at.clone(), status: answer.status().as_u16() })
}

fn unreachable(url: &Url, error: &reqwest::Error) -> FetchError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(Private { host, address }) = inner.downcast_ref() {
            return FetchError::Private { host: host.clone(), address: address.to_string() };
        }
        cause = inner.source();
    }
    FetchError::Unreachable { url: url.clone(), why: deepest(error) }
}

/// The last of the causes says most.
fn deepest(error: &reqwest::Error) -> String {
    let mut why = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        why = inner.to_string();
        cause = inner.source();
    }
    why
}
