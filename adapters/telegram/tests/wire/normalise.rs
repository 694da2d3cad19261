//! Updates in our words: a table of what Telegram sends, with invented people.

use serde_json::{Value, json};
use townkeeper_contract::inbound::{Body, Inbound, Place, PlaceKind, PresenceChange, RosterChange};
use townkeeper_telegram::receive::{Me, Unread, normalise};

fn me() -> Me {
    Me { account: "telegram:main".into(), id: 700, username: "lumen_keeper_bot".into() }
}

fn read(update: &Value) -> Option<Inbound> {
    normalise(update, &me()).ok()?.into_iter().next()
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
    // Everyone who writes in a channel's name has the same stand-in; the channel tells them apart, and can be banned.
    let mask = json!({ "text": "gm", "sender_chat": { "id": -100_999, "type": "channel", "title": "News" } });
    let person = read(&in_group(&mask)).expect("a message").person;
    assert_eq!((person.id.as_str(), person.name.as_str()), ("-100999", "News"));
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
        ("our own words", in_group(&json!({ "text": "x", "from": { "id": 700, "is_bot": true, "first_name": "K" } }))),
        (
            "nobody's words",
            json!({ "update_id": 903, "message": { "message_id": 1, "date": 1, "text": "x",
            "chat": { "id": -1, "type": "group" } } }),
        ),
        ("a right of somebody's", membership("chat_member", "member", "administrator")),
        ("a right of ours", membership("my_chat_member", "administrator", "member")),
        ("ourselves among those who came", in_group(&json!({ "new_chat_members": [{ "id": 700, "is_bot": true }] }))),
        (
            "a button without data",
            json!({ "update_id": 904, "callback_query": { "id": "1",
            "from": { "id": 11, "first_name": "Ada" } } }),
        ),
    ];
    for (what, update) in table {
        assert_eq!(read(&update), None, "{what}");
    }
    let unread = |update: Value| normalise(&update, &me()).expect_err("nothing that we know");
    assert_eq!(unread(json!({ "update_id": 902, "chat_boost": {} })), Unread::Kind("chat_boost".into()));
    assert!(matches!(unread(json!({ "update_id": 902, "message": { "text": 1 } })), Unread::Shape(_)));
    assert!(matches!(unread(json!("hello")), Unread::Shape(_)));
}

/// Somebody's status in a group changes.
fn membership(kind: &str, from: &str, to: &str) -> Value {
    let user = if kind == "my_chat_member" { 700 } else { 12 };
    let member = |status: &str| json!({ "status": status, "user": { "id": user, "first_name": "Grace" } });
    json!({ "update_id": 905, kind: {
        "chat": { "id": -1_001_234, "type": "supergroup" }, "date": 1_767_225_600,
        "from": { "id": 11, "is_bot": false, "first_name": "Ada" },
        "old_chat_member": member(from), "new_chat_member": member(to),
    }})
}

#[test]
fn coming_and_going_is_told_of_the_one_who_does_it() {
    let joined = Body::Roster { change: RosterChange::Joined };
    let left = Body::Roster { change: RosterChange::Left };
    let came = in_group(&json!({ "new_chat_members": [{ "id": 12, "first_name": "Grace" }] }));
    let went = in_group(&json!({ "left_chat_member": { "id": 12, "first_name": "Grace" } }));
    let muted = {
        let mut update = membership("chat_member", "member", "restricted");
        update["chat_member"]["new_chat_member"]["is_member"] = json!(false);
        update
    };
    for (update, body) in [
        (came, &joined),
        (went, &left),
        (membership("chat_member", "left", "member"), &joined),
        (membership("chat_member", "member", "left"), &left),
        (membership("chat_member", "administrator", "kicked"), &left),
        (muted, &left),
    ] {
        let got = read(&update).expect("a change");
        assert_eq!((&got.body, got.person.id.as_str(), got.addressed), (body, "12", false), "{update}");
        assert_eq!((got.message, address_of(&got.place)), (None, json!({ "chat": -1_001_234 })));
    }
    let both = in_group(&json!({ "new_chat_members": [{ "id": 12 }, { "id": 700, "is_bot": true }, { "id": 13 }] }));
    assert_eq!(normalise(&both, &me()).expect("people").len(), 2, "we are not somebody");
}

fn address_of(place: &Place) -> Value {
    serde_json::from_str(&place.address.clone().expect("an address").0).expect("the address is JSON")
}

#[test]
fn what_becomes_of_ourselves_is_told_of_the_one_who_did_it() {
    let presence = |from: &str, to: &str| read(&membership("my_chat_member", from, to)).expect("a change");
    let added = presence("left", "member");
    assert_eq!((added.body, added.person.id.as_str()), (Body::Presence { change: PresenceChange::Added }, "11"));
    assert_eq!(presence("administrator", "kicked").body, Body::Presence { change: PresenceChange::Removed });
}

/// A group that becomes a supergroup says so in its old place and in its new one: the same event.
#[test]
fn a_group_that_moves_takes_its_new_address_along() {
    let old = read(&in_group(&json!({ "migrate_to_chat_id": -100_77, "chat": { "id": -5, "type": "group" } })));
    let new = read(&in_group(
        &json!({ "migrate_from_chat_id": -5, "chat": { "id": -100_77, "type": "supergroup" }, "message_id": 1 }),
    ));
    let (old, new) = (old.expect("a move"), new.expect("a move"));
    assert_eq!(old.event, new.event);
    assert_eq!((old.place.id.as_str(), &old.place.id), ("-5", &new.place.id));
    let Body::Presence { change: PresenceChange::Moved { to, address } } = old.body else { panic!("{:?}", old.body) };
    assert_eq!((to.as_str(), address.0.as_str()), ("-10077", r#"{"chat":-10077}"#));
}

#[test]
fn an_edit_has_the_new_words_and_a_key_of_its_own() {
    let edit = |text: &str, number: i64| {
        let entities = if text.starts_with('/') { json!([entity("bot_command", 0, 4)]) } else { json!([]) };
        let extra = json!({ "text": text, "entities": entities, "edit_date": 1_767_225_660 });
        let message = in_private(&extra)["message"].take();
        read(&json!({ "update_id": number, "edited_message": message })).expect("an edit")
    };
    let got = edit("Does it end?", 7);
    assert_eq!(got.body, Body::Edited { text: "Does it end?".into() });
    assert_eq!((got.message, got.at_ms), (Some("11/41".into()), 1_767_225_660_000));
    assert!(got.addressed && got.event.as_str().starts_with("e11/41/1767225660/"), "{}", got.event);
    assert_ne!(got.event, edit("Does it end then?", 8).event, "a second one within the same second");
    assert_eq!(edit("/ask when?", 9).body, Body::Edited { text: "when?".into() }, "the words behind the command");
}

#[test]
fn the_stop_button_of_a_draft_is_the_command() {
    let update = json!({ "update_id": 906, "stopped_message_generation": { "draft_id": 3,
        "chat": { "id": 11, "type": "private", "first_name": "Ada" } } });
    let got = read(&update).expect("a stop");
    assert_eq!(got.body, command("stop", ""));
    assert!(got.is_control() && got.addressed);
    assert_eq!((got.place.kind, got.person.id.as_str(), got.person.name.as_str()), (PlaceKind::Private, "11", "Ada"));
    assert_eq!(address(&got), json!({ "chat": 11 }));
}

/// `https://t.me/…?start=t_7` sends this: how a ticket goes on in a private chat, where no bot may write first.
#[test]
fn a_start_link_brings_its_payload() {
    let at = |text: &str, length: usize| json!({ "text": text, "entities": [entity("bot_command", 0, length)] });
    let got = read(&in_private(&at("/start t_7Zq-9", 6))).expect("a command");
    assert_eq!((got.body, got.addressed), (command("start", "t_7Zq-9"), true));
    let got = read(&in_group(&at("/start@lumen_keeper_bot t_7", 23))).expect("a command");
    assert_eq!(got.body, command("start", "t_7"));
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
