//! What people attach, and the hosts that it is fetched from: other hosts than the API's, whose addresses are signed and
//! expire.

use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::state::Download;
use super::{DiscordServer, Shared, State, alter};

/// How long an address is good for; the documentation names no number.
const VALID_MS: u64 = 24 * 60 * 60 * 1000;

impl DiscordServer {
    /// What stands in for `https://cdn.discordapp.com` and `https://media.discordapp.net`.
    pub fn media_base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes a file; the attachment object that a message carries.
    pub fn attach(&self, name: &str, content_type: &str, file: &[u8]) -> Value {
        self.change(|s| s.take_file(name, content_type, file))
    }
}

impl State {
    fn take_file(&mut self, name: &str, content_type: &str, file: &[u8]) -> Value {
        let id = self.next_id();
        let path = format!("/attachments/1/{id}/{name}");
        let now = self.now_ms();
        let signed = format!("ex={:x}&is={:x}&hm={id:064x}&", (now + VALID_MS) / 1000, now / 1000);
        self.attached.insert(path.clone(), file.to_vec());
        json!({ "id": id.to_string(), "filename": name, "content_type": content_type, "size": file.len(), "flags": 0,
            "url": format!("https://cdn.discordapp.com{path}?{signed}"),
            "proxy_url": format!("https://media.discordapp.net{path}?{signed}") })
    }

    /// The file, if the address is whole and good still.
    fn fetched(&self, uri: &Uri) -> Option<Vec<u8>> {
        let asked: Vec<(&str, &str)> =
            uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('=')).collect();
        let part = |name: &str| asked.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let expires = u64::from_str_radix(part("ex")?, 16).ok()?;
        let good = expires * 1000 > self.now_ms() && part("is").is_some() && part("hm").is_some();
        self.attached.get(uri.path()).filter(|_| good).cloned()
    }
}

pub(super) async fn download(Extract(shared): Extract<Shared>, uri: Uri, headers: HeaderMap) -> Response {
    alter(&shared, |s| {
        let file = s.fetched(&uri);
        let status = if file.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let authorised = headers.contains_key("authorization");
        s.data.downloads.push(Download { path: uri.path().to_owned(), authorised, status: status.as_u16() });
        match file {
            Some(file) => file.into_response(),
            None => (status, "This content is no longer available.").into_response(),
        }
    })
}
