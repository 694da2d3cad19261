//! A picture that hangs on a message: Telegram is asked where the file is, then for the file.

use serde::Deserialize;
use serde_json::json;
use townkeeper_contract::inbound::PictureRef;
use townkeeper_contract::platform::DeliverError;

use crate::api::Api;
use crate::deliver::class;

/// `File`: where one may be fetched from, for an hour.
#[derive(Deserialize)]
struct File {
    file_size: Option<u64>,
    /// Missing where it is too large for bots.
    file_path: Option<String>,
}

pub(crate) async fn fetch(api: &Api, at: &PictureRef, most: usize) -> Result<Vec<u8>, DeliverError> {
    let file: File = api.call("getFile", &json!({ "file_id": at.0 })).await.map_err(class)?;
    let too_large = || DeliverError::Refused(format!("the file has more than {most} bytes"));
    if file.file_size.is_some_and(|bytes| bytes > most as u64) {
        return Err(too_large());
    }
    let path = file.file_path.filter(|path| is_plain(path));
    let path = path.ok_or_else(|| DeliverError::Refused("the file has no path that could be fetched".to_owned()))?;
    api.file(&path, most).await.map_err(class)?.ok_or_else(too_large)
}

/// Whether it names a file below ours: it is put behind the token, and must not lead elsewhere. (A server of one's own may
/// name a file of its machine instead; that is not read.)
fn is_plain(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    path.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_a_file_of_ours_or_nowhere() {
        assert!(is_plain("photos/file_42.jpg"));
        for path in [
            "",
            "/var/lib/telegram/file_42.jpg",
            "../getMe",
            "photos/../../getMe",
            "a?b",
            "a#b",
            "a%2e",
            "a//b",
            "a\\b",
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }
}
