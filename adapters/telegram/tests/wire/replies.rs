//! Whom a reply is about: what a moderator's "ban" would hit.

use serde_json::{Value, json};
use townkeeper_telegram::receive::{Me, normalise};

fn replied_to(extra: &Value, quoted: &Value) -> (Option<String>, Option<String>) {
    let me = Me { account: "telegram:main".into(), id: 700, username: "lumen_keeper_bot".into() };
    let chat = json!({ "id": -1_001_234, "title": "Lumen", "type": "supergroup", "is_forum": true });
    let mut message = json!({
        "message_id": 41, "date": 1_767_225_600, "chat": chat, "text": "/keeper ban",
        "entities": [{ "type": "bot_command", "offset": 0, "length": 7 }],
        "from": { "id": 11, "is_bot": false, "first_name": "Ada" }, "reply_to_message": quoted,
    });
    for (field, value) in extra.as_object().expect("an object") {
        message[field] = value.clone();
    }
    let read = normalise(&json!({ "update_id": 1, "message": message }), &me).expect("readable");
    let inbound = read.into_iter().next().expect("a message");
    (inbound.replies_to.map(|message| message.0), inbound.replies_to_person.map(|person| person.0))
}

#[test]
fn a_reply_names_its_author_by_number() {
    let quoted = json!({ "message_id": 30, "from": { "id": 66, "is_bot": false, "first_name": "Ada" } });
    let found = (Some("-1001234/30".to_owned()), Some("66".to_owned()));
    assert_eq!(replied_to(&json!({}), &quoted), found);
    let in_topic = json!({ "message_thread_id": 29, "is_topic_message": true });
    assert_eq!(replied_to(&in_topic, &quoted), found);
}

#[test]
fn a_mask_and_the_opener_of_a_topic_are_nobody() {
    let masked = json!({
        "message_id": 30, "from": { "id": 1_087_968_824, "is_bot": true, "first_name": "Group" },
        "sender_chat": { "id": -1_001_234, "type": "supergroup", "title": "Lumen" },
    });
    assert_eq!(replied_to(&json!({}), &masked), (Some("-1001234/30".to_owned()), None));
    // Every plain message of a topic "replies" to whoever opened it.
    let opener = json!({ "message_id": 29, "from": { "id": 66, "is_bot": false, "first_name": "Ada" } });
    let in_topic = json!({ "message_thread_id": 29, "is_topic_message": true });
    assert_eq!(replied_to(&in_topic, &opener), (None, None));
}
