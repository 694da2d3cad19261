//! Places: from the Telegram fake through the daemon and back. Ignored until a moderator links them; set up from the
//! chat; volunteered to where the base is sure; and all of it there again after a restart.

use serde_json::{Value, json};
use townkeeper_contract::access::Role;
use townkeeper_contract::place::{PlaceInfo, PlaceMode, PlaceSetting, SettingOrigin};
use townkeeper_fakes::telegram::{BOT_USERNAME, SentMessage, TelegramServer};
use townkeeper_store::Store;

use crate::daemon::{Daemon, Home, PATIENCE, WORKSPACE};

const TOKEN: &str = "123456:abcDEF";
const GROUP: i64 = -1_001_234;
const OTHER: i64 = -1_005_678;
const ADMIN: i64 = 42;
const STRANGER: i64 = 43;

/// Answered by the base, in these words.
const ASKED: (&str, &str) = ("When does the migration end?", "1 February 2027");

/// Answered by nobody.
const STRANGE: &str = "will LUM be listed on the moon next year?";

async fn stage() -> (TelegramServer, Home) {
    let telegram = TelegramServer::start(TOKEN).await;
    telegram.promote(GROUP, ADMIN, &["can_delete_messages", "can_restrict_members", "can_pin_messages"]);
    let home = Home::new().with_telegram(telegram.base_url(), TOKEN).replacing("groups = \"any\"\n", "");
    (telegram, home)
}

/// Waits for that many messages in all, and returns the last.
async fn said(telegram: &TelegramServer, n: usize) -> SentMessage {
    let all = tokio::time::timeout(PATIENCE, telegram.wait_sent(n)).await.expect("the messages do not come");
    assert_eq!(all.len(), n, "more was said than asked for: {:?}", all.iter().map(|m| &m.text).collect::<Vec<_>>());
    all.last().unwrap().clone()
}

/// Says something in a group that nobody is to answer, and waits until the daemon has taken it.
async fn unheard(telegram: &TelegramServer, from: i64, text: &str) {
    let update = telegram.push_message(GROUP, from, text);
    tokio::time::timeout(PATIENCE, telegram.wait_confirmed(update)).await.expect("it is not taken");
}

fn mention(text: &str) -> String {
    format!("@{BOT_USERNAME} {text}")
}

async fn places(home: &Home) -> Vec<PlaceInfo> {
    let output = home.run(&["place", "list", "--json"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    serde_json::from_value(list["places"].clone()).unwrap()
}

fn setting(place: &PlaceInfo, setting: PlaceSetting) -> (String, SettingOrigin, Option<String>) {
    let shown = place.settings.iter().find(|shown| shown.setting == setting).expect("every setting is shown").clone();
    (shown.value, shown.origin, shown.by)
}

#[tokio::test]
async fn a_group_is_told_once_linked_by_a_moderator_and_then_answered() {
    let (telegram, home) = stage().await;
    let daemon = Daemon::start(&home).await;
    // Chatter, and a private chat, which always works.
    unheard(&telegram, STRANGER, ASKED.0).await;
    telegram.push_message(STRANGER, STRANGER, ASKED.0);
    assert!(said(&telegram, 1).await.text.contains(ASKED.1));

    telegram.push_message(GROUP, STRANGER, &mention(ASKED.0));
    let notice = said(&telegram, 2).await;
    assert!(notice.chat_id == GROUP && notice.text.contains("not switched on here"), "{}", notice.text);
    unheard(&telegram, STRANGER, &mention(ASKED.0)).await;
    unheard(&telegram, ADMIN, "/help").await;

    // Strangers to the place: no word of a refusal, and none to whoever was an administrator a moment ago.
    unheard(&telegram, STRANGER, "/keeper link").await;
    unheard(&telegram, STRANGER, "/keeper").await;
    assert!(places(&home).await.iter().all(|place| setting(place, PlaceSetting::Link).0 == "no"));
    // Not by a name either: whoever was an administrator a moment ago.
    telegram.set_member(GROUP, ADMIN, json!({ "status": "member" }));
    unheard(&telegram, ADMIN, "/keeper link").await;
    telegram.wait_calls("getChatMember", 3).await;
    telegram.promote(GROUP, ADMIN, &["can_delete_messages", "can_restrict_members", "can_pin_messages"]);
    telegram.push_message(GROUP, ADMIN, "/keeper link");
    assert!(said(&telegram, 3).await.text.contains("Linked"));
    assert_eq!(telegram.calls("getChatMember").len(), 4, "asked each time, at that moment");

    telegram.push_message(GROUP, STRANGER, &mention(ASKED.0));
    assert!(said(&telegram, 4).await.text.contains(ASKED.1));
    // It is one group's; another one has its own notice.
    telegram.push_message(OTHER, STRANGER, &mention(ASKED.0));
    assert!(said(&telegram, 5).await.text.contains("not switched on here"));

    let log = daemon.operator(&home).audit(10).await.unwrap().records;
    let acts: Vec<_> = log.iter().map(|r| (r.actor.as_str(), r.action.as_str(), r.subject.as_str())).collect();
    let link = ("moderator:telegram:42", "place.link", "telegram:main/-1001234");
    assert_eq!(acts, [link, ("host", "knowledge.bootstrap", "1")]);

    telegram.push_message(GROUP, ADMIN, "/keeper unlink");
    assert!(said(&telegram, 6).await.text.contains("Unlinked"));
    unheard(&telegram, STRANGER, &mention(ASKED.0)).await;
    telegram.push_message(STRANGER, STRANGER, ASKED.0);
    assert!(said(&telegram, 7).await.text.contains(ASKED.1), "and nothing was said in the group");
}

/// The red twin: what the standing check prevents. With the platform's word forged, a stranger links the place.
#[tokio::test]
async fn red_twin_where_the_platform_vouches_for_everybody_a_stranger_links_the_place() {
    let (telegram, home) = stage().await;
    telegram.promote(GROUP, STRANGER, &["can_delete_messages", "can_restrict_members", "can_pin_messages"]);
    let _daemon = Daemon::start(&home).await;
    telegram.push_message(GROUP, STRANGER, "/keeper link");
    assert!(said(&telegram, 1).await.text.contains("Linked"));
    telegram.push_message(GROUP, STRANGER, &mention(ASKED.0));
    assert!(said(&telegram, 2).await.text.contains(ASKED.1));
}

#[tokio::test]
async fn a_support_channel_volunteers_what_is_sure_and_is_silent_otherwise() {
    let (telegram, home) = stage().await;
    let mut daemon = Daemon::start(&home).await;
    telegram.push_message(GROUP, ADMIN, "/keeper mode support");
    assert!(said(&telegram, 1).await.text.contains("/keeper link"), "a mode alone links nothing");
    unheard(&telegram, STRANGER, ASKED.0).await;
    telegram.push_message(GROUP, ADMIN, "/keeper link");
    said(&telegram, 2).await;

    telegram.push_message(GROUP, STRANGER, ASKED.0);
    let volunteered = said(&telegram, 3).await;
    assert!(volunteered.text.contains(ASKED.1) && volunteered.reply_to.is_some(), "{}", volunteered.text);
    for silent in [STRANGE, "gm", "good morning everybody", "thank you so much", "@robin when does the migration end?"]
    {
        unheard(&telegram, STRANGER, silent).await;
    }
    // The twin: asked for, it says that it does not know.
    telegram.push_message(GROUP, STRANGER, &mention(STRANGE));
    let abstention = said(&telegram, 4).await;
    assert!(abstention.body["reply_markup"].is_object(), "{}", abstention.text);
    assert!(telegram.calls("sendChatAction").is_empty());
    daemon.signal("TERM").await;
    daemon.gone().await;
    assert_eq!(telegram.sent().len(), 4);
    // What was not answered was not even written down.
    let store = Store::open(&home.data()).await.unwrap();
    assert_eq!(store.inbox_counts(WORKSPACE).await.unwrap(), (4, 0));
}

#[tokio::test]
async fn settings_outlive_a_restart_and_name_where_they_come_from() {
    let (telegram, home) = stage().await;
    let home = home.replacing("request_timeout_s = 2\n", "request_timeout_s = 2\nmoderators = \"platform\"\n");
    let mut daemon = Daemon::start(&home).await;
    for (n, command) in ["link", "mode support", "notices here", "language de"].iter().enumerate() {
        telegram.push_message(GROUP, ADMIN, &format!("/keeper {command}"));
        said(&telegram, n + 1).await;
    }
    daemon.signal("TERM").await;
    daemon.gone().await;

    let daemon = Daemon::start(&home).await;
    telegram.push_message(GROUP, STRANGER, ASKED.0);
    assert!(said(&telegram, 5).await.text.contains(ASKED.1), "still a support channel");
    telegram.push_message(GROUP, ADMIN, "/keeper show");
    let shown = said(&telegram, 6).await.text;
    for line in [
        "link: yes (chat, moderator:telegram:42, 20",
        "mode: support (chat, moderator:telegram:42",
        "notices: here (chat,",
        "language: de (chat,",
        "who: platform (configuration file)",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }

    // The same over the command line; what it sets is the chat's at once.
    let args = ["place", "set", "telegram:main", "-1001234", "--mode", "answer", "--who", "roles"];
    let output = home.run(&args).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let place = places(&home).await.remove(0);
    let mode = (PlaceMode::Answer.to_string(), SettingOrigin::Api, Some("operator".to_owned()));
    assert_eq!(setting(&place, PlaceSetting::Mode), mode);
    unheard(&telegram, STRANGER, ASKED.0).await;
    telegram.push_message(GROUP, ADMIN, "/keeper mode support");
    assert!(said(&telegram, 7).await.text.contains("do not know this account"), "roles alone count now");

    // A linked person with a role may, by their number.
    let (person, _) = crate::people::with_role(&daemon, &home, "Ada", Role::Moderator).await;
    let code = daemon.operator(&home).link_code(&person.id).await.unwrap().code;
    telegram.push_message(ADMIN, ADMIN, &format!("/link {code}"));
    assert!(said(&telegram, 8).await.text.contains("Linked"));
    telegram.set_member(GROUP, ADMIN, json!({ "status": "member" }));
    telegram.push_message(GROUP, ADMIN, "/keeper mode support");
    said(&telegram, 9).await;
    let by = setting(&places(&home).await.remove(0), PlaceSetting::Mode).2;
    assert_eq!(by, Some(format!("person:{}", person.id)));
    telegram.push_message(GROUP, ADMIN, "/keeper health");
    let health = said(&telegram, 10).await.text;
    assert!(health.contains("This account receives") && health.contains("I may: write"), "{health}");

    let wrong = home.run(&["place", "set", "telegram:main", "-1001234", "--language", "german"]).await;
    assert!(!wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("language"));
    let nowhere = home.run(&["place", "set", "telegram:main", "-9", "--mode", "off"]).await;
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("no such place"));
}

#[tokio::test]
async fn a_moderator_freezes_from_the_place_and_a_stranger_does_not() {
    let (telegram, home) = stage().await;
    let mut daemon = Daemon::start(&home).await;
    telegram.push_message(GROUP, ADMIN, "/keeper link");
    said(&telegram, 1).await;
    telegram.push_message(GROUP, ADMIN, "/keeper freeze");
    assert!(said(&telegram, 2).await.text.contains("do not know this account"), "a platform's role is not enough");
    let (person, _) = crate::people::with_role(&daemon, &home, "Ada", Role::Moderator).await;
    let code = daemon.operator(&home).link_code(&person.id).await.unwrap().code;
    telegram.push_message(ADMIN, ADMIN, &format!("/link {code}"));
    said(&telegram, 3).await;
    telegram.push_message(GROUP, ADMIN, "/keeper freeze a strange link");
    assert!(said(&telegram, 4).await.text.contains("Frozen"));
    assert!(daemon.client().ready().await.unwrap().frozen);
    unheard(&telegram, ADMIN, "/keeper show").await;
    // Its turns end first.
    daemon.signal("TERM").await;
    daemon.gone().await;
    assert_eq!(telegram.sent().len(), 4);
    assert_eq!(telegram.calls("getChatMember").len(), 1, "not even a question leaves a frozen town");
}

#[tokio::test]
async fn a_link_to_a_ticket_shows_it_to_who_opened_it() {
    let (telegram, home) = stage().await;
    let _daemon = Daemon::start(&home).await;
    telegram.push_message(STRANGER, STRANGER, "/ticket where is my lantern");
    assert!(said(&telegram, 1).await.text.contains("#1"));
    telegram.push_message(STRANGER, STRANGER, "/start t_1");
    let text = said(&telegram, 2).await.text;
    assert!(text.contains("#1 is open since") && text.contains("where is my lantern"), "{text}");
    telegram.push_message(ADMIN, ADMIN, "/start t_1");
    let text = said(&telegram, 3).await.text;
    assert!(text.contains("no such ticket") && !text.contains("lantern"), "{text}");
}

#[tokio::test]
async fn doctor_examines_each_account_without_a_daemon() {
    let (telegram, home) = stage().await;
    let doctor = home.run(&["doctor", "--json"]).await;
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    let checks: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let of_account: Vec<_> = checks.as_array().unwrap().iter().filter(|check| check["what"] == "account").collect();
    assert!(of_account[0]["detail"].as_str().unwrap().contains(BOT_USERNAME), "{checks:#}");
    assert_eq!(of_account[0]["state"], "good");
    assert!(of_account[1]["detail"].as_str().unwrap().contains("/setprivacy"), "{checks:#}");

    let wrong = Home::new().with_telegram(telegram.base_url(), "123456:wrong");
    let doctor = wrong.run(&["doctor"]).await;
    let text = String::from_utf8_lossy(&doctor.stdout);
    assert!(!doctor.status.success() && text.contains("@BotFather") && !text.contains("123456:wrong"), "{text}");
    let offline = wrong.run(&["doctor", "--offline"]).await;
    assert!(offline.status.success(), "{}", String::from_utf8_lossy(&offline.stdout));
}
