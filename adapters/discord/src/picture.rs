//! An attachment: what a message says of where it is, is believed only of Discord's own hosts.

use reqwest::Url;
use townkeeper_contract::inbound::PictureRef;
use townkeeper_contract::outbound::LimitScope;
use townkeeper_contract::platform::DeliverError;

use crate::api::{Api, ApiError};
use crate::deliver::class;

/// Where Discord keeps what people attach.
const HOSTS: [&str; 2] = ["cdn.discordapp.com", "media.discordapp.net"];

/// How long to wait where these hosts say "too many requests" and not for how long, in milliseconds.
const WAIT_MS: u64 = 5_000;

pub(crate) async fn fetch(
    api: &Api,
    base: Option<&str>,
    at: &PictureRef,
    most: usize,
) -> Result<Vec<u8>, DeliverError> {
    let url = address(&at.0, base)
        .ok_or_else(|| DeliverError::Refused("the attachment is not on Discord's own hosts".to_owned()))?;
    match api.file(url, most).await {
        Ok(file) => file.ok_or_else(|| DeliverError::Refused(format!("the file has more than {most} bytes"))),
        // These hosts are no part of the API: its own limits stand as they are.
        Err(ApiError::Said { status: 429, .. }) => {
            Err(DeliverError::Throttled { retry_after_ms: WAIT_MS, scope: LimitScope::Place })
        }
        Err(error) => Err(class(error)),
    }
}

/// The address that is fetched. `base` takes the place of the host, not of what is asked of it.
fn address(at: &str, base: Option<&str>) -> Option<Url> {
    let url = Url::parse(at).ok()?;
    let bare = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    let theirs = url.scheme() == "https" && bare && url.host_str().is_some_and(|host| HOSTS.contains(&host));
    let Some(base) = base.filter(|_| theirs) else { return theirs.then_some(url) };
    let mut there = Url::parse(base).ok()?;
    there.set_path(url.path());
    there.set_query(url.query());
    Some(there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_fetched_but_from_the_platforms_own_hosts() {
        let there = "https://cdn.discordapp.com/attachments/1/2/a.png?ex=1&is=2&hm=3&";
        assert_eq!(address(there, None).unwrap().as_str(), there);
        for at in [
            "http://cdn.discordapp.com/attachments/1/2/a.png",
            "https://cdn.discordapp.com.example.net/a.png",
            "https://example.net/cdn.discordapp.com/a.png",
            "https://cdn.discordapp.com@example.net/a.png",
            "https://me:it@cdn.discordapp.com/a.png",
            "https://cdn.discordapp.com:8443/a.png",
            "https://127.0.0.1/a.png",
            "file:///etc/passwd",
            "",
        ] {
            assert_eq!(address(at, None), None, "{at}");
            assert_eq!(address(at, Some("http://127.0.0.1:1")), None, "{at}");
        }
        let fake = address(there, Some("http://127.0.0.1:1")).unwrap();
        assert_eq!(fake.as_str(), "http://127.0.0.1:1/attachments/1/2/a.png?ex=1&is=2&hm=3&");
    }
}
