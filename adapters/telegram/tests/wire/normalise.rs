//! Updates in our words: a table of what Telegram sends, with invented people.

use serde_json::{Value, json};
use townkeeper_contract::inbound::{Body, Inbound, PlaceKind};
use townkeeper_telegram::receive::{Me, normalise};

fn me() -> Me {
    Me { account: "telegram:main".into(), id: 700, username: "lumen_keeper_bot".into() }
}

fn read(update: &Value) -> Option<Inbound> {
    normalise(update, &me())
}

/// A message of Ada's in a supergroup; `extra` is laid over it.
fn in_group(extra: &Value) -> Value {
    let mut message = json!({
        "message_id": 41, "date": 1_767_225_600,
        "from": { "id": 11, "is_bot": false, "first_name": "Ada", "last_name": "Example", "language_code": "en" },
        "chat": { "id": -1_001_234, "title": "Lumen", "type": "supergroup", "is_forum": true },
    });
    for (field, value) in extra.as_object().expect("an object") {
        message[field] = value.clone();
    }
    json!({ "update_id": 900, "message": message })
}

fn in_private(extra: &Value) -> Value {
    let mut extra = extra.clone();
    extra["chat"] = json!({ "id": 11, "first_name": "Ada", "type": "private" });
    in_group(&extra)
}

fn entity(kind: &str, offset: usize, length: usize) -> Value {
    json!({ "type": kind, "offset": offset, "length": length })
}

/// Where an answer goes, whatever the order of its fields: that hangs on a feature another crate may ask for.
fn address(inbound: &Inbound) -> Value {
    serde_json::from_str(&inbound.reply_to.0).expect("the address is JSON")
}

fn says(text: &str) -> Body {
    Body::Message { text: text.into() }
}

fn command(name: &str, args: &str) -> Body {
    Body::Command { name: name.into(), args: args.into() }
}

#[test]
fn every_field_of_a_private_message() {
    let got = read(&in_private(&json!({ "text": "Hello 🌞" }))).expect("a message");
    let expected = json!({
        "event": "m11/41", "account": "telegram:main", "place": { "id": "11", "kind": "private", "address": r#"{"chat":11}"# },
        "person": { "id": "11", "name": "Ada Example", "bot": false }, "at_ms": 1_767_225_600_000_i64,
        "addressed": true, "message": "11/41", "reply_to": r#"{"chat":11,"message_id":41}"#,
        "body": { "type": "message", "text": "Hello 🌞" },
    });
    assert_eq!(json!(got), expected);
}

#[test]
fn in_a_group_it_is_for_us_only_when_it_says_so() {
    let ours = json!({ "message_id": 30, "from": { "id": 700, "is_bot": true, "first_name": "Keeper" } });
    let hers = json!({ "message_id": 31, "from": { "id": 12, "is_bot": false, "first_name": "Grace" } });
    let at = |text: &str, entity: Value| json!({ "text": text, "entities": [entity] });
    let table = [
        ("chatter", json!({ "text": "gm" }), false, says("gm")),
        (
            "a name without its mark",
            json!({ "text": "lumen_keeper_bot is slow" }),
            false,
            says("lumen_keeper_bot is slow"),
        ),
        ("mention", at("@lumen_keeper_bot when?", entity("mention", 0, 17)), true, says("when?")),
        ("salutation", at("@lumen_keeper_bot, when?", entity("mention", 0, 17)), true, says("when?")),
        ("any case", at("@Lumen_Keeper_Bot when?", entity("mention", 0, 17)), true, says("when?")),
        ("behind emoji", at("🌞👩‍🚀 @lumen_keeper_bot when?", entity("mention", 8, 17)), true, says("🌞👩‍🚀 when?")),
        ("at the end", at("when? @lumen_keeper_bot", entity("mention", 6, 17)), true, says("when?")),
        ("nothing else", at("@lumen_keeper_bot", entity("mention", 0, 17)), true, says("")),
        ("another bot", at("@lumen_other_bot when?", entity("mention", 0, 16)), false, says("@lumen_other_bot when?")),
        ("a mark outside the text", at("gm", entity("mention", 1, 17)), false, says("gm")),
        ("half a character", at("🌞 gm", entity("mention", 1, 2)), false, says("🌞 gm")),
        (
            "by id",
            json!({ "text": "Keeper, when?", "entities": [
            { "type": "text_mention", "offset": 0, "length": 6, "user": { "id": 700, "first_name": "Keeper" } }] }),
            true,
            says("when?"),
        ),
        ("reply to us", json!({ "text": "thanks", "reply_to_message": ours }), true, says("thanks")),
        ("reply to her", json!({ "text": "thanks", "reply_to_message": hers }), false, says("thanks")),
        (
            "caption",
            json!({ "photo": [], "caption": "@lumen_keeper_bot is this real?",
            "caption_entities": [entity("mention", 0, 17)] }),
            true,
            says("is this real?"),
        ),
    ];
    for (what, extra, addressed, body) in table {
        let got = read(&in_group(&extra)).unwrap_or_else(|| panic!("{what}: nothing"));
        assert_eq!((got.addressed, got.body), (addressed, body), "{what}");
        assert_eq!(got.place.kind, PlaceKind::Group);
    }
}

#[test]
fn commands_are_by_their_mark() {
    let at = |text: &str, entities: Value| json!({ "text": text, "entities": entities });
    let cmd = |offset, length| json!([entity("bot_command", offset, length)]);
    let table = [
        ("plain", at("/help", cmd(0, 5)), true, command("help", "")),
        ("upper case", at("/HELP", cmd(0, 5)), true, command("help", "")),
        ("arguments", at("/ask  when does it end? ", cmd(0, 4)), true, command("ask", "when does it end?")),
        ("for us by name", at("/ask@Lumen_Keeper_Bot when?", cmd(0, 21)), true, command("ask", "when?")),
        ("for another bot", at("/ask@lumen_other_bot when?", cmd(0, 20)), false, says("/ask@lumen_other_bot when?")),
        (
            "behind a mention",
            at("@lumen_keeper_bot /help", json!([entity("mention", 0, 17), entity("bot_command", 18, 5)])),
            true,
            command("help", ""),
        ),
        ("inside a sentence", at("type /help please", cmd(5, 5)), false, says("type /help please")),
        ("no mark", at("/help", json!([])), false, says("/help")),
    ];
    for (what, extra, addressed, body) in table {
        let got = read(&in_group(&extra)).unwrap_or_else(|| panic!("{what}: nothing"));
        assert_eq!((got.addressed, got.body.clone()), (addressed, body), "{what}");
        let private = read(&in_private(&extra)).expect("the same words");
        assert_eq!((private.addressed, private.body), (true, got.body), "{what}, in private");
    }
}

#[test]
fn topics_are_threads() {
    let topic = |extra: Value| {
        let mut fields = json!({ "message_thread_id": 7, "is_topic_message": true, "text": "gm" });
        fields.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        read(&in_group(&fields)).expect("a message")
    };
    let got = topic(json!({}));
    assert_eq!(got.thread, Some("7".into()));
    assert_eq!(address(&got), json!({ "chat": -1_001_234, "message_id": 41, "thread": 7 }));
    // In a topic that we opened, every plain message quotes our opening; that is not a reply to us.
    let ours = |id: i64| json!({ "reply_to_message": { "message_id": id, "from": { "id": 700, "first_name": "K" } } });
    assert!(!topic(ours(7)).addressed);
    assert!(topic(ours(8)).addressed);
    // Outside topics the field numbers a chain of replies, which is no place of its own.
    let chain = read(&in_group(&json!({ "message_thread_id": 7, "text": "gm" }))).expect("a message");
    assert_eq!(chain.thread, None);
}

#[test]
fn machines_and_masks_are_told_from_people() {
    let bot = json!({ "id": 13, "is_bot": true, "first_name": "Other" });
    let table = [
        ("a person", json!({}), false),
        ("a bot", json!({ "from": bot }), true),
        ("through a bot", json!({ "via_bot": bot }), true),
        ("in a channel's name", json!({ "sender_chat": { "id": -100_999, "type": "channel", "title": "News" } }), true),
    ];
    for (what, mut extra, machine) in table {
        extra["text"] = json!("gm");
        assert_eq!(read(&in_group(&extra)).expect("a message").person.bot, machine, "{what}");
    }
}

#[test]
fn a_button_is_an_action() {
    let update = json!({ "update_id": 901, "callback_query": {
        "id": "4382", "chat_instance": "1", "data": "ticket:open",
        "from": { "id": 11, "is_bot": false, "first_name": "Ada" },
        "message": { "message_id": 42, "date": 1_767_225_600, "text": "Shall I?", "message_thread_id": 7,
            "is_topic_message": true, "chat": { "id": -1_001_234, "type": "supergroup" },
            "from": { "id": 700, "is_bot": true, "first_name": "Keeper" } },
    }});
    let got = read(&update).expect("an action");
    assert_eq!(got.body, Body::Action { action: "ticket:open".into() });
    assert_eq!((got.addressed, got.person.id.as_str(), got.person.bot), (true, "11", false));
    assert_eq!((got.event.as_str(), got.thread.clone()), ("c4382", Some("7".into())));
    assert_eq!(address(&got), json!({ "chat": -1_001_234, "message_id": 42, "thread": 7 }));
}

#[test]
fn what_says_nothing_is_nothing() {
    let table = [
        ("no update at all", json!("hello")),
        ("an unknown kind", json!({ "update_id": 902, "chat_boost": {} })),
        ("no number", json!({ "message": {} })),
        ("a sticker", in_group(&json!({ "sticker": {} }))),
        ("a join", in_group(&json!({ "new_chat_members": [] }))),
        ("our own words", in_group(&json!({ "text": "x", "from": { "id": 700, "is_bot": true, "first_name": "K" } }))),
        (
            "nobody's words",
            json!({ "update_id": 903, "message": { "message_id": 1, "date": 1, "text": "x",
            "chat": { "id": -1, "type": "group" } } }),
        ),
        (
            "a button without data",
            json!({ "update_id": 904, "callback_query": { "id": "1",
            "from": { "id": 11, "first_name": "Ada" } } }),
        ),
    ];
    for (what, update) in table {
        assert_eq!(read(&update), None, "{what}");
    }
}

/// Telegram begins its numbering anew after a quiet week: the number names nothing for good, the message does.
#[test]
fn an_event_is_named_by_what_it_is_and_not_by_its_number() {
    let event = |update: i64, message: i64, chat: i64| {
        let chat = json!({ "id": chat, "type": "supergroup" });
        let mut update_json = in_group(&json!({ "text": "gm", "message_id": message, "chat": chat }));
        update_json["update_id"] = json!(update);
        read(&update_json).expect("a message").event
    };
    assert_eq!(event(900, 41, -5), event(901, 41, -5), "the same message under another number is a repeat");
    assert_ne!(event(900, 41, -5), event(900, 42, -5), "another message under the same number is none");
    assert_ne!(event(900, 41, -5), event(900, 41, -6), "messages are numbered by chat");
}

#[test]
fn a_chat_of_an_unknown_kind_is_still_heard() {
    let update = in_group(&json!({ "text": "gm", "chat": { "id": -5, "type": "plaza" } }));
    let got = read(&update).expect("a message");
    assert_eq!((got.place.kind, got.addressed), (PlaceKind::Group, false));
}
