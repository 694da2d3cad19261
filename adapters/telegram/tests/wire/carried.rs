//! What a message holds besides its words: links behind words, what is quoted, pictures; and what its author is called.

use serde_json::{Value, json};
use townkeeper_contract::inbound::{Body, Carried, Inbound, Picture, PictureRef};
use townkeeper_telegram::receive::{Me, normalise};

fn read(kind: &str, fields: &Value) -> Option<Inbound> {
    let me = Me { account: "telegram:main".into(), id: 700, username: "lumen_keeper_bot".into() };
    let mut message = json!({
        "message_id": 41, "date": 1_767_225_600, "chat": { "id": -1_001_234, "title": "Lumen", "type": kind },
        "from": { "id": 11, "is_bot": false, "first_name": "Ada", "username": "ada_l" },
    });
    for (field, value) in fields.as_object().expect("an object") {
        message[field] = value.clone();
    }
    normalise(&json!({ "update_id": 1, "message": message }), &me).expect("readable").into_iter().next()
}

#[test]
fn a_link_behind_words_and_a_quote_are_seen() {
    let entities = json!([{ "type": "text_link", "offset": 0, "length": 4, "url": "https://claim.example.net/" }]);
    let said = json!({ "text": "look", "entities": entities, "quote": { "text": "their words", "position": 0 } });
    let inbound = read("supergroup", &said).expect("a message");
    let links = vec!["https://claim.example.net/".to_owned()];
    assert_eq!(inbound.carried, Carried { links, quoted: "their words".to_owned(), ..Carried::default() });
    assert_eq!(inbound.person.handle.as_deref(), Some("ada_l"));
}

#[test]
fn a_picture_without_a_word_is_seen_in_a_group_and_asks_nothing() {
    let picture = json!({ "photo": [{ "file_id": "x", "file_unique_id": "y", "width": 1, "height": 1 }] });
    let inbound = read("supergroup", &picture).expect("a message");
    assert_eq!((inbound.body, inbound.addressed), (Body::Message { text: String::new() }, false));
    assert_eq!(inbound.carried.media, 1);
    assert!(read("private", &picture).is_none());
    assert!(read("supergroup", &json!({ "new_chat_title": "Lumen" })).is_none());
}

#[test]
fn the_largest_size_of_a_photograph_and_a_file_that_is_a_picture_are_named() {
    let size = |id: &str, side: u64| json!({ "file_id": id, "file_unique_id": id, "width": side, "height": side });
    let photo = json!({ "photo": [size("small", 90), size("large", 1280), size("middle", 320)] });
    let named = |fields: &Value| read("supergroup", fields).expect("a message").carried.pictures;
    let picture = |at: &str, media_type: &str, bytes| Picture {
        at: PictureRef(at.to_owned()),
        media_type: media_type.to_owned(),
        bytes,
    };
    assert_eq!(named(&photo), [picture("large", "image/jpeg", None)]);
    let mut file =
        json!({ "document": { "file_id": "f", "file_unique_id": "u", "mime_type": "image/png", "file_size": 7 } });
    assert_eq!(named(&file), [picture("f", "image/png", Some(7))]);
    file["document"]["mime_type"] = json!("application/pdf");
    assert_eq!(named(&file), []);
}

#[test]
fn a_command_brings_the_words_that_it_replies_to_and_a_message_does_not() {
    let about =
        json!({ "message_id": 30, "from": { "id": 66, "is_bot": false, "first_name": "Bob" }, "text": "claim now" });
    let command = json!([{ "type": "bot_command", "offset": 0, "length": 7 }]);
    let report = json!({ "text": "/report", "entities": command, "reply_to_message": about });
    let inbound = read("supergroup", &report).expect("a command");
    assert_eq!(inbound.body, Body::Command { name: "report".into(), args: String::new() });
    assert_eq!(inbound.carried.quoted, "claim now");
    let mut picture = report.clone();
    picture["reply_to_message"] = json!({ "message_id": 30, "caption": "claim here" });
    assert_eq!(read("supergroup", &picture).expect("a command").carried.quoted, "claim here");
    let talk = json!({ "text": "is that so?", "reply_to_message": about });
    assert_eq!(read("supergroup", &talk).expect("words").carried, Carried::default());
    // Edited, it is no command any more.
    let me = Me { account: "telegram:main".into(), id: 700, username: "lumen_keeper_bot".into() };
    let mut edited = json!({ "message_id": 41, "date": 1, "edit_date": 2, "chat": { "id": -1, "type": "supergroup" },
        "from": { "id": 11, "first_name": "Ada" } });
    for (field, value) in report.as_object().expect("an object") {
        edited[field] = value.clone();
    }
    let edited = normalise(&json!({ "update_id": 1, "edited_message": edited }), &me).expect("readable");
    assert!(matches!(edited.as_slice(), [one] if one.carried.is_nothing()), "{edited:?}");
}
