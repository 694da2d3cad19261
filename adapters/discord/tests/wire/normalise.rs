//! Single dispatches in our words: what is addressed, what is nothing to us, who is a machine.

use serde_json::value::RawValue;
use serde_json::{Value, json};
use townkeeper_contract::inbound::{Body, Carried, Inbound, PlaceKind};
use townkeeper_discord::Id;
use townkeeper_discord::receive::{Me, World, normalise};

use crate::{ADA, APPLICATION, BOT, CHANNEL, GUILD};

fn read(kind: &str, data: &Value) -> Option<Inbound> {
    let me = Me { account: "discord:main".into(), user: Id(BOT), application: Id(APPLICATION) };
    let raw = RawValue::from_string(data.to_string()).expect("JSON");
    normalise(kind, &raw, &me, &World::default(), &crate::host::commands())
}

/// A message in the guild, with these fields besides.
fn message(fields: &Value) -> Value {
    let mut message = json!({ "id": "9007199254749999", "channel_id": CHANNEL.to_string(), "type": 0,
        "guild_id": GUILD.to_string(), "author": { "id": ADA.to_string(), "username": "ada" }, "content": "hello" });
    for (field, value) in fields.as_object().expect("fields") {
        message[field] = value.clone();
    }
    message
}

#[test]
fn who_is_addressed() {
    let us = json!({ "id": BOT.to_string(), "username": "lumen_keeper", "bot": true });
    let reply = |kind: u64| json!({ "type": kind, "message_id": "5", "channel_id": CHANNEL.to_string() });
    let cases = [
        (json!({}), false),
        (json!({ "mentions": [us] }), true),
        (json!({ "mentions": [{ "id": "8", "username": "another" }] }), false),
        (json!({ "type": 19, "message_reference": reply(0), "referenced_message": { "author": us } }), true),
        (
            json!({ "type": 19, "message_reference": reply(0), "referenced_message": { "author": { "id": "8" } } }),
            false,
        ),
        (json!({ "type": 19, "message_reference": reply(0), "referenced_message": null }), false),
        // A forward names what it forwards, and asks us nothing.
        (json!({ "message_reference": reply(1), "referenced_message": { "author": us } }), false),
        (json!({ "guild_id": null }), true),
    ];
    for (fields, addressed) in cases {
        let inbound = read("MESSAGE_CREATE", &message(&fields)).expect("words");
        assert_eq!(inbound.addressed, addressed, "{fields}");
    }
}

#[test]
fn mentions_of_us_are_taken_out_of_the_words() {
    for (content, words) in [
        (format!("<@{BOT}> when?"), "when?"),
        (format!("<@!{BOT}>, when?"), "when?"),
        (format!("hey <@{BOT}>: when?"), "hey when?"),
        (format!("when, <@{BOT}>?"), "when, ?"),
        (format!("<@{BOT}> <@!{BOT}>"), ""),
        (format!("ask <@{ADA}> <@{BOT}0>"), &*format!("ask <@{ADA}> <@{BOT}0>")),
    ] {
        let mentions = json!([{ "id": BOT.to_string() }]);
        let inbound = read("MESSAGE_CREATE", &message(&json!({ "content": content, "mentions": mentions })));
        assert_eq!(inbound.expect("addressed").body, Body::Message { text: words.into() });
    }
}

#[test]
fn what_is_nothing_to_us() {
    let cases = [
        ("our own", json!({ "author": { "id": BOT.to_string(), "username": "us", "bot": true } })),
        ("our own webhook", json!({ "webhook_id": "7", "application_id": APPLICATION.to_string() })),
        ("somebody joined", json!({ "type": 7 })),
        ("a pin", json!({ "type": 6 })),
        ("a picture without words", json!({ "content": "" })),
        ("nobody's", json!({ "author": null })),
    ];
    for (what, fields) in cases {
        assert_eq!(read("MESSAGE_CREATE", &message(&fields)), None, "{what}");
    }
    assert_eq!(read("MESSAGE_UPDATE", &message(&json!({ "edited_timestamp": null }))), None, "a preview");
    for kind in ["MESSAGE_DELETE", "TYPING_START", "SOMETHING_OF_NEXT_YEAR"] {
        assert_eq!(read(kind, &json!({ "id": "1" })), None, "{kind}");
    }
}

#[test]
fn machines_are_known_as_such_and_people_by_what_others_see() {
    let bot = |fields: Value| read("MESSAGE_CREATE", &message(&fields)).expect("words").person;
    assert!(bot(json!({ "author": { "id": "8", "username": "x", "bot": true } })).bot);
    assert!(bot(json!({ "webhook_id": "7" })).bot, "a webhook writes in anybody's name");
    let person = bot(json!({ "author": { "id": "8", "username": "x", "global_name": "Grace" } }));
    assert_eq!((person.name.as_str(), person.bot), ("Grace", false));
    let named = bot(json!({ "member": { "nick": "Lumen Support" } }));
    assert_eq!((named.name.as_str(), named.id.as_str()), ("Lumen Support", &*ADA.to_string()));
}

#[test]
fn an_edit_is_an_event_of_its_own() {
    let edited = |at: &str| read("MESSAGE_UPDATE", &message(&json!({ "edited_timestamp": at }))).expect("an edit");
    let (one, two) = (edited("2026-11-22T10:00:00.123456+00:00"), edited("2026-11-22T10:00:00.123457+00:00"));
    assert_ne!(one.event, two.event, "each edit is one");
    assert_eq!(one.event, edited("2026-11-22T10:00:00.123456Z").event, "the same twice is the same");
    assert_eq!((one.at_ms, one.message), (1_795_341_600_123, two.message));
    let written = read("MESSAGE_CREATE", &message(&json!({}))).expect("words");
    assert_ne!(written.event, one.event);
    assert_eq!(written.at_ms, 1_420_070_400_000 + (9_007_199_254_749_999_i64 >> 22), "by the message's own number");
}

#[test]
fn an_interaction_from_a_direct_conversation_is_private_by_itself() {
    let asked = json!({ "id": "99", "application_id": APPLICATION.to_string(), "type": 2, "token": "t", "version": 1,
        "channel_id": "55", "user": { "id": ADA.to_string(), "username": "ada" }, "data": { "name": "memory" } });
    let inbound = read("INTERACTION_CREATE", &asked).expect("a command");
    assert_eq!(inbound.place.kind, PlaceKind::Private);
    assert_eq!(inbound.body, Body::Command { name: "memory".into(), args: String::new() });
    assert!(!inbound.reply_to.0.contains("\"private\":true"), "{}", inbound.reply_to.0);
    assert!(!inbound.place.address.expect("an address").0.contains("token"), "nothing is announced by a token");
}

#[test]
fn what_a_forward_and_a_picture_bring_is_seen() {
    let snapshot = json!([{ "message": { "content": "their words", "attachments": [{ "id": "1" }] } }]);
    let brought = json!({ "content": "", "message_snapshots": snapshot, "attachments": [{ "id": "2" }] });
    let inbound = read("MESSAGE_CREATE", &message(&brought)).expect("a forward");
    assert_eq!(inbound.carried, Carried { quoted: "their words".to_owned(), media: 2, ..Carried::default() });
    assert_eq!((inbound.addressed, inbound.person.handle.as_deref()), (false, Some("ada")));
    assert!(read("MESSAGE_CREATE", &message(&json!({ "content": "" }))).is_none(), "nothing at all");
}

#[test]
fn attachments_that_are_pictures_are_named() {
    let file = |name: &str, kind: &str| {
        json!({ "id": "1", "filename": name, "content_type": kind, "size": 9,
        "url": format!("https://cdn.discordapp.com/attachments/1/2/{name}") })
    };
    let snapshot = json!([{ "message": { "content": "", "attachments": [file("b.jpg", "image/jpeg")] } }]);
    let attached = json!([file("a.png", "image/png; x=1"), file("c.pdf", "application/pdf")]);
    let brought = json!({ "content": "", "message_snapshots": snapshot, "attachments": attached });
    let carried = read("MESSAGE_CREATE", &message(&brought)).expect("a message").carried;
    let named: Vec<_> = carried.pictures.iter().map(|p| (p.at.0.as_str(), p.media_type.as_str(), p.bytes)).collect();
    let at = ["https://cdn.discordapp.com/attachments/1/2/a.png", "https://cdn.discordapp.com/attachments/1/2/b.jpg"];
    assert_eq!(named, [(at[0], "image/png", Some(9)), (at[1], "image/jpeg", Some(9))]);
    assert_eq!(carried.media, 3);
}

/// A reply to somebody's words.
fn reply(content: &str) -> Value {
    let about = json!({ "author": { "id": "66", "username": "bob" }, "content": "claim at claim.example.net" });
    let reference = json!({ "type": 0, "message_id": "5", "channel_id": CHANNEL.to_string() });
    message(&json!({ "type": 19, "content": content, "message_reference": reference, "referenced_message": about }))
}

#[test]
fn a_report_brings_the_words_it_is_about_by_a_reply_or_from_the_menu() {
    let replied = read("MESSAGE_CREATE", &reply(&format!("<@{BOT}> report"))).expect("a command");
    let asked = json!({ "id": "99", "application_id": APPLICATION.to_string(), "type": 2, "token": "t", "version": 1,
        "channel_id": CHANNEL.to_string(), "guild_id": GUILD.to_string(),
        "member": { "user": { "id": ADA.to_string(), "username": "ada" } },
        "data": { "name": "Report it", "type": 3, "target_id": "5", "resolved": { "messages": { "5":
            { "id": "5", "author": { "id": "66", "username": "bob" }, "content": "claim at claim.example.net" } } } } });
    let chosen = read("INTERACTION_CREATE", &asked).expect("a command");
    assert!(chosen.reply_to.0.contains("\"private\":true"), "who reports need not be seen: {}", chosen.reply_to.0);
    for inbound in [replied, chosen] {
        assert_eq!(inbound.body, Body::Command { name: "report".into(), args: String::new() });
        assert_eq!(inbound.replies_to.expect("a message").0, format!("{CHANNEL}/5"));
        assert_eq!(inbound.replies_to_person.expect("its author").0, "66");
        assert_eq!(inbound.carried.quoted, "claim at claim.example.net");
    }
    let mut unknown = asked;
    unknown["data"]["name"] = json!("Another's");
    assert_eq!(read("INTERACTION_CREATE", &unknown), None);
    // The twin: other words have their own matter.
    let talk = read("MESSAGE_CREATE", &reply(&format!("<@{BOT}> is this real?"))).expect("words");
    assert_eq!((talk.body, talk.carried.quoted), (Body::Message { text: "is this real?".into() }, String::new()));
}
