//! What people send besides words, and how a bot gets it: `getFile` says where it is, and there it is fetched.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::methods::entities_in;
use super::{Bot, Fault, Refusal, State, chat_json, now_s};

/// Bots get no larger files.
const MAX_FILE: usize = 20 * 1024 * 1024;

impl Bot {
    /// A person sends a photograph with these words, or with none. Returns the update's id.
    pub fn push_photo(&self, chat: i64, from: i64, photo: &[u8], caption: &str) -> i64 {
        self.change(|s| {
            let (small, large) = (s.put_file(&photo[..photo.len() / 2]), s.put_file(photo));
            let size = |id: String, side: u64, bytes: usize| {
                json!({ "file_id": id, "file_unique_id": format!("u{id}"), "width": side, "height": side,
                    "file_size": bytes })
            };
            let sizes = json!([size(small, 90, photo.len() / 2), size(large, 1280, photo.len())]);
            s.send_file(chat, from, "photo", sizes, caption)
        })
    }

    /// A person sends a file of this type. Returns the update's id.
    pub fn push_document(&self, chat: i64, from: i64, file: &[u8], mime_type: &str, caption: &str) -> i64 {
        self.change(|s| {
            let id = s.put_file(file);
            let document = json!({ "file_id": id, "file_unique_id": format!("u{id}"), "mime_type": mime_type,
                "file_name": "file", "file_size": file.len() });
            s.send_file(chat, from, "document", document, caption)
        })
    }

    /// What a download is answered with; it is called `file` among calls and faults.
    pub(super) fn download(&self, path: &str) -> Response {
        let body = json!({ "file_path": path });
        let fault = self.change(|s| s.called("file", &body));
        if let Some(Fault::Garbage { status, body }) = fault {
            return (StatusCode::from_u16(status).expect("a status code"), body).into_response();
        }
        let id = path.strip_prefix("files/").unwrap_or_default();
        match self.state.borrow().files.get(id) {
            Some(file) => file.clone().into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

impl State {
    fn put_file(&mut self, bytes: &[u8]) -> String {
        let id = format!("a-file-of-nobodys-{}", self.files.len());
        self.files.insert(id.clone(), bytes.to_vec());
        id
    }

    fn send_file(&mut self, chat: i64, from: i64, kind: &str, file: Value, caption: &str) -> i64 {
        let id = self.hear(chat);
        let mut message =
            json!({ "message_id": id, "date": now_s(), "chat": chat_json(chat), "from": self.person(from) });
        message[kind] = file;
        if !caption.is_empty() {
            message["caption"] = json!(caption);
            message["caption_entities"] = json!(entities_in(caption));
        }
        self.queue(json!({ "message": message }))
    }

    pub(super) fn get_file(&self, body: &Value) -> Result<Value, Refusal> {
        let id = body["file_id"].as_str().unwrap_or_default();
        let file = self.files.get(id).ok_or_else(|| Refusal::bad("invalid file_id"))?;
        if file.len() > MAX_FILE {
            return Err(Refusal::bad("file is too big"));
        }
        Ok(json!({ "file_id": id, "file_unique_id": format!("u{id}"), "file_size": file.len(),
            "file_path": format!("files/{id}") }))
    }
}
