//! An entry changes: whoever got the older wording has it put right, once, and a dry run says beforehand who they are.

use std::path::PathBuf;

use serde_json::Value;
use townkeeper_contract::access::Role;
use townkeeper_contract::id::PlaceId;
use townkeeper_contract::learning::{CorrectionWay, Corrections};
use townkeeper_fakes::telegram::{BOT_USERNAME, Fault, TelegramServer};

use crate::daemon::{Daemon, Home, PATIENCE, http, question, say};
use crate::people::with_role;
use crate::publish::publish;

const TOKEN: &str = "123456:abcDEF";
const ADA: i64 = 42;
const BOB: i64 = 43;
const GROUP: i64 = -1_001_234;

pub(crate) const ASKED: &str = "where is the swap portal?";
pub(crate) const OLD: &str = "The portal is [here]({link.old}), and it ends on {date.old}.";
pub(crate) const NEW: &str = "The portal is [here]({link.new}), and it ends on {date.new}.";

/// What either of them shows.
const FACTS: &str = "[link.old]\nurl = \"https://old.example.org/swap\"\n[link.new]\nurl = \"https://new.example.org/swap\"\n\
    [date.old]\nday = 2027-03-01\n[date.new]\nday = 2027-04-01\n";

/// The entry that changes, in these words.
fn portal(words: &str) -> String {
    format!(
        "---\nid: portal\ntitle: Where is the swap portal?\nclass: safety\nowner: team\nreviewed_by: team\n\
         reviewed_at: 2026-11-12\nreview_by: 2029-12-31\nstatus: published\ncanonical_url: https://docs.example.org/portal\n\
         variants:\n  - what is the address of the portal\n  - portal link please\n  - where can i swap\n---\n\n{words}\n"
    )
}

/// Another one, so that there is more than one.
const OTHER: &str = "---\nid: fees\ntitle: What does it cost?\nclass: routine\nowner: team\nreviewed_by: team\n\
    reviewed_at: 2026-11-12\nreview_by: 2029-12-31\nstatus: published\ncanonical_url: https://docs.example.org/fees\n\
    variants:\n  - fee\n  - is it free\n  - what do you charge\n---\n\nNothing.\n";

fn folder(home: &Home) -> PathBuf {
    home.folder().join("knowledge")
}

/// A home whose base holds the entry in its old words.
pub(crate) fn with_old_words(home: Home) -> Home {
    let folder = folder(&home);
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("portal.md"), portal(OLD)).unwrap();
    std::fs::write(folder.join("fees.md"), OTHER).unwrap();
    std::fs::write(folder.join("facts.toml"), FACTS).unwrap();
    home.with(&format!("[knowledge]\ncooling_minutes = 0\nfolder = \"{}\"\n", folder.display()))
}

/// Publishes these words. Afterwards the daemon is stopped: the next one knows what to say all the same.
pub(crate) async fn bring_live(home: &Home, mut daemon: Daemon, words: &str) {
    publish(home, &daemon, "portal.md", portal(words)).await;
    daemon.signal("TERM").await;
    assert!(daemon.gone().await.success());
}

pub(crate) async fn correct(home: &Home, more: &[&str]) -> Corrections {
    let done = home.run(&[&["knowledge", "correct", "portal", "--json"], more].concat()).await;
    let (said, trouble) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}{trouble}"))
}

/// How many answers are put right in this way, by account and place.
pub(crate) fn of(found: &Corrections, way: CorrectionWay) -> Vec<(&str, Option<&str>, u64)> {
    let groups = found.groups.iter().filter(|group| group.way == way);
    groups.map(|group| (group.account.as_str(), group.place.as_ref().map(PlaceId::as_str), group.answers)).collect()
}

/// Two people in private and one in a group have the old words.
async fn told() -> (TelegramServer, Home, Daemon) {
    let telegram = TelegramServer::start(TOKEN).await;
    let home = with_old_words(Home::new().with_telegram(telegram.base_url(), TOKEN));
    let daemon = Daemon::start(&home).await;
    telegram.push_message(ADA, ADA, ASKED);
    telegram.push_message(BOB, BOB, ASKED);
    telegram.push_message(GROUP, ADA, &format!("@{BOT_USERNAME} {ASKED}"));
    // Of another entry: none of its business.
    telegram.push_message(BOB, BOB, "what does it cost?");
    let sent = tokio::time::timeout(PATIENCE, telegram.wait_sent(4)).await.expect("the answers do not come");
    assert_eq!(sent.iter().filter(|message| message.text.contains("1 March 2027")).count(), 3);
    (telegram, home, daemon)
}

/// Waits until everybody has the new words; what is said then.
async fn put_right(telegram: &TelegramServer, home: &Home, edits: usize) -> Vec<String> {
    tokio::time::timeout(PATIENCE, telegram.wait_calls("editMessageText", edits)).await.expect("it is not put right");
    // Recorded as well: nothing is left on its way.
    let settled = async { while !idle(home).await {} };
    tokio::time::timeout(PATIENCE, settled).await.expect("the outbox does not come to rest");
    telegram.sent().into_iter().map(|message| message.text).collect()
}

async fn idle(home: &Home) -> bool {
    for state in ["ready", "sending"] {
        let listed = home.run(&["outbox", "list", "--state", state, "--json"]).await;
        let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
        if listed["deliveries"].as_array().is_none_or(|rows| !rows.is_empty()) {
            return false;
        }
    }
    true
}

#[tokio::test]
async fn whoever_got_the_old_words_has_them_put_right_once() {
    let (telegram, home, daemon) = told().await;
    let asked = say(&daemon.client(), &question(ASKED)).await;
    let old = asked.reply().citation.as_ref().unwrap().revision.clone();
    bring_live(&home, daemon, NEW).await;
    let _daemon = Daemon::start(&home).await;

    let dry = correct(&home, &[]).await;
    let group = GROUP.to_string();
    let edits = vec![("telegram:main", None, 2), ("telegram:main", Some(group.as_str()), 1)];
    assert_eq!((of(&dry, CorrectionWay::Edit), of(&dry, CorrectionWay::OnPage)), (edits, vec![("web", None, 1)]));
    assert!(dry.groups.iter().all(|group| group.revision == old) && dry.revision != old, "{dry:?}");
    assert!(dry.says.contains("Correction") && dry.says.contains("1 April 2027"), "{}", dry.says);
    assert_eq!((dry.sent, telegram.call_count("editMessageText")), (0, 0), "a dry run sends nothing");

    assert_eq!(correct(&home, &["--send"]).await.sent, 3);
    let said = put_right(&telegram, &home, 3).await;
    assert_eq!(said.iter().filter(|text| text.contains("1 April 2027") && !text.contains("March")).count(), 3);
    assert!(said[3].contains("Nothing."), "the other entry's answer is left alone: {said:?}");

    assert_eq!(correct(&home, &["--send"]).await.sent, 0);
    let words = home.run(&["knowledge", "correct", "portal"]).await;
    let words = String::from_utf8(words.stdout).unwrap();
    assert!(words.contains("There is nothing to send"), "{words}");
    assert_eq!((telegram.call_count("editMessageText"), telegram.call_count("sendMessage")), (3, 4));
    let log = home.run(&["audit", "list", "--json"]).await;
    let log = String::from_utf8(log.stdout).unwrap();
    assert_eq!(log.matches("knowledge.correct").count(), 1, "{log}");
}

/// And who got the correction gets the next one, in the same message.
#[tokio::test]
async fn a_second_change_edits_the_same_message_and_the_way_back_too() {
    let (telegram, home, daemon) = told().await;
    let mut daemon = daemon;
    for (round, words) in [NEW, OLD, NEW].into_iter().enumerate() {
        bring_live(&home, daemon, words).await;
        daemon = Daemon::start(&home).await;
        assert_eq!(correct(&home, &["--send"]).await.sent, 3, "round {round}");
        let said = put_right(&telegram, &home, 3 * (round + 1)).await;
        let day = if words == OLD { "1 March 2027" } else { "1 April 2027" };
        assert_eq!(said.iter().filter(|text| text.contains(day)).count(), 3, "{said:?}");
    }
    assert_eq!(telegram.call_count("sendMessage"), 4);
}

/// Nobody is bothered for a new date of review or another variant.
#[tokio::test]
async fn a_new_revision_in_the_same_words_is_no_correction() {
    let (telegram, home, daemon) = told().await;
    let text = portal(OLD).replace("where can i swap", "where do people swap");
    publish(&home, &daemon, "portal.md", text).await;
    let found = correct(&home, &["--send"]).await;
    assert_eq!(
        (found.sent, of(&found, CorrectionWay::SameWords).iter().map(|group| group.2).sum()),
        (0, 3),
        "{found:?}"
    );
    assert_eq!(telegram.call_count("editMessageText"), 0);
}

#[tokio::test]
async fn what_cannot_be_edited_any_more_gets_one_reply() {
    let (telegram, home, daemon) = told().await;
    bring_live(&home, daemon, NEW).await;
    let _daemon = Daemon::start(&home).await;
    let description = "Bad Request: message can't be edited".to_owned();
    telegram.fault("editMessageText", Fault::Refuse { code: 400, description });
    assert_eq!(correct(&home, &["--send"]).await.sent, 3);
    let said = put_right(&telegram, &home, 3).await;
    assert_eq!((said.len(), said.iter().filter(|text| text.contains("1 April 2027")).count()), (5, 3), "{said:?}");
    assert!(said[4].starts_with("Correction"), "{said:?}");
    assert_eq!(correct(&home, &["--send"]).await.sent, 0);
}

/// Withdrawn without anything in its place: that is said too.
#[tokio::test]
async fn an_entry_that_is_gone_is_taken_back() {
    let (telegram, home, daemon) = told().await;
    with_role(&daemon, &home, "Ada", Role::Editor).await.1.withdraw_item("portal.md").await.unwrap();
    assert_eq!(correct(&home, &["--send"]).await.sent, 3);
    let said = put_right(&telegram, &home, 3).await;
    assert_eq!(said.iter().filter(|text| text.contains("no longer holds") && !text.contains("March")).count(), 3);
    let unknown = home.run(&["knowledge", "correct", "no-such-entry"]).await;
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("no such entry"));
}

/// Killed when the first edit has left: the next life does the rest, and nobody reads anything twice.
#[cfg(feature = "faults")]
#[tokio::test]
async fn a_kill_in_mid_correction_doubles_nothing_and_leaves_nobody_out() {
    for fault in ["outbox.claimed:1", "outbox.sent_before_record:1", "outbox.sent_before_record:2"] {
        let (telegram, home, daemon) = told().await;
        bring_live(&home, daemon, NEW).await;
        let mut daemon = Daemon::start_with_fault(&home, fault).await.expect("it dies later");
        home.run(&["knowledge", "correct", "portal", "--send"]).await;
        daemon.gone().await;
        let _daemon = Daemon::start(&home).await;
        let said = put_right(&telegram, &home, 3).await;
        assert_eq!(said.iter().filter(|text| text.contains("1 April 2027")).count(), 3, "{fault}: {said:?}");
        assert_eq!((said.len(), telegram.call_count("sendMessage")), (4, 4), "{fault}");
        assert_eq!(correct(&home, &["--send"]).await.sent, 0, "{fault}");
    }
}

/// Without its fence a second sending says everything again.
#[cfg(feature = "faults")]
#[tokio::test]
async fn red_twin_without_its_fence_a_correction_is_sent_again() {
    let (telegram, home, daemon) = told().await;
    bring_live(&home, daemon, NEW).await;
    let mut command = home.command(&["serve"]);
    command.env("TOWNKEEPER_FAULT", "correction.once:off");
    let _daemon = Daemon::spawned(command).await;
    let description = "Bad Request: message can't be edited".to_owned();
    telegram.break_down("editMessageText", Fault::Refuse { code: 400, description });
    for round in 1..=2 {
        assert_eq!(correct(&home, &["--send"]).await.sent, 3);
        let said = put_right(&telegram, &home, 3 * round).await;
        assert_eq!(said.iter().filter(|text| text.starts_with("Correction")).count(), 3 * round, "{said:?}");
    }
}

/// The page shows what was said as it is to be read now.
#[tokio::test]
async fn the_page_marks_an_answer_that_was_replaced() {
    let home = with_old_words(Home::new());
    let daemon = Daemon::start(&home).await;
    let conversation = "0123456789ABCDEFGHJKMNPQRS";
    let ask = async |daemon: &Daemon, text: &str| {
        let form = format!("text={}&conversation={conversation}", text.replace(' ', "+").replace('?', "%3F"));
        let said = http().post(&daemon.url).header("content-type", "application/x-www-form-urlencoded").body(form);
        said.send().await.unwrap().text().await.unwrap()
    };
    let html = ask(&daemon, ASKED).await;
    assert!(html.contains("1 March 2027") && !html.contains("Correction"), "{html}");
    bring_live(&home, daemon, NEW).await;
    let daemon = Daemon::start(&home).await;
    let html = ask(&daemon, "what does it cost?").await;
    assert!(html.contains("Correction") && html.contains("1 April 2027"), "{html}");
    let old = html.split_once("Before, I said:").expect("the old words are there").1;
    assert!(old.contains("1 March 2027") && !html.contains("href=\"https://old.example.org"), "{html}");
}
