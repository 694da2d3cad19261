//! The safety page as a message that stands in a place: posted and pinned once, edited when the base changes, put up anew
//! where somebody took it away, and gone when it is not wanted any more.

use townkeeper_contract::access::Role;
use townkeeper_contract::place::PlaceSetting;
use townkeeper_fakes::postgres::Cluster;
use townkeeper_fakes::telegram::{Fault, SentMessage, TelegramServer};

use crate::daemon::{Daemon, Home, PATIENCE, http};
use crate::nodes::on;
use crate::people::with_role;
use crate::publish::publish;

const TOKEN: &str = "123456:abcDEF";
const GROUP: i64 = -1_001_234;
const ADMIN: i64 = 42;
const RIGHTS: [&str; 3] = ["can_delete_messages", "can_restrict_members", "can_pin_messages"];

/// An address of nobody: the example in the definition of its checksum.
pub(crate) const CONTRACT: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
pub(crate) const OLD: &str = "https://old.example.org/swap";
pub(crate) const NEW: &str = "https://new.example.org/swap";

/// The facts, with this link.
pub(crate) fn facts(portal: &str) -> String {
    format!("[link.portal]\nurl = \"{portal}\"\n\n[address.lumen-token]\nchain = \"evm\"\nvalue = \"{CONTRACT}\"\n")
}

fn entry(id: &str, class: &str, words: &str) -> String {
    format!(
        "---\nid: {id}\ntitle: What about the {id}?\nclass: {class}\nowner: team\nreviewed_by: team\n\
         reviewed_at: 2026-11-12\nreview_by: 2029-12-31\nstatus: published\n\
         canonical_url: https://docs.example.org/{id}\nvariants:\n  - {id} please\n  - the {id}\n  - tell me of the {id}\n\
         ---\n\n{words}\n"
    )
}

/// A home whose base says what is ours; nothing has to cool.
pub(crate) fn with_ours(home: Home) -> Home {
    let folder = home.folder().join("knowledge");
    std::fs::create_dir(&folder).unwrap();
    for (file, text) in [
        ("facts.toml", facts(OLD)),
        ("portal.md", entry("portal", "safety", "The only portal is {link.portal}.")),
        ("contract.md", entry("contract", "safety", "The token is `{address.lumen-token}`.")),
        ("fees.md", entry("fees", "routine", "Nothing.")),
    ] {
        std::fs::write(folder.join(file), text).unwrap();
    }
    home.with(&format!("[knowledge]\ncooling_minutes = 0\nfolder = \"{}\"\n", folder.display()))
}

/// A group that nobody has linked yet, in which we may pin.
async fn stage() -> (TelegramServer, Home) {
    let telegram = TelegramServer::start(TOKEN).await;
    for who in [0, ADMIN] {
        telegram.promote(GROUP, who, &RIGHTS);
    }
    let home = with_ours(Home::new().with_telegram(telegram.base_url(), TOKEN));
    (telegram, home.replacing("groups = \"any\"\n", ""))
}

/// Waits until this is so.
async fn when(fact: impl Fn() -> bool) {
    let waiting = async {
        while !fact() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it does not come to this");
}

/// Says something, and returns the answer.
async fn told(telegram: &TelegramServer, words: &str) -> String {
    let before: Vec<i64> = telegram.sent().iter().map(|m| m.message_id).collect();
    telegram.push_message(GROUP, ADMIN, words);
    let is_answer = |m: &SentMessage| !before.contains(&m.message_id) && !is_page(m);
    tokio::time::timeout(PATIENCE, telegram.wait_message(is_answer)).await.expect("no answer comes").text
}

fn is_page(message: &SentMessage) -> bool {
    message.text.starts_with("Staying safe")
}

/// What stands in the group.
fn pages(telegram: &TelegramServer) -> Vec<SentMessage> {
    telegram.sent().into_iter().filter(|m| is_page(m) && !m.deleted).collect()
}

/// Waits until one page stands that says this, and nothing but it is pinned.
async fn stands(telegram: &TelegramServer, words: &str) -> SentMessage {
    when(|| {
        let pages = pages(telegram);
        matches!(pages.as_slice(), [page] if page.text.contains(words))
            && telegram.pinned() == [(GROUP, pages[0].message_id)]
    })
    .await;
    pages(telegram).remove(0)
}

/// Linked, and put up.
async fn put_up() -> (TelegramServer, Home, Daemon) {
    let (telegram, home) = stage().await;
    let daemon = Daemon::start(&home).await;
    assert!(told(&telegram, "/keeper link").await.contains("Linked"));
    assert!(told(&telegram, "/keeper safety here").await.contains("stands here, pinned"));
    stands(&telegram, OLD).await;
    (telegram, home, daemon)
}

/// How often a page was sent as a new message.
fn posts(telegram: &TelegramServer) -> usize {
    telegram.calls("sendMessage").iter().filter(|call| call.body["text"].to_string().contains("Staying safe")).count()
}

/// Somebody takes a message away, and its pin with it.
async fn taken_away(telegram: &TelegramServer, message: &SentMessage) {
    for method in ["unpinChatMessage", "deleteMessage"] {
        let url = format!("{}/bot{TOKEN}/{method}", telegram.base_url());
        let body = serde_json::json!({ "chat_id": message.chat_id, "message_id": message.message_id });
        let done = http().post(url).header("content-type", "application/json").body(body.to_string()).send().await;
        assert!(done.unwrap().status().is_success(), "{method}");
    }
}

#[tokio::test]
async fn the_page_is_posted_pinned_and_edited_in_place_at_each_revision() {
    let (telegram, home) = stage().await;
    let daemon = Daemon::start(&home).await;
    assert!(told(&telegram, "/keeper safety on").await.contains("once I am linked"));
    assert!(pages(&telegram).is_empty(), "nobody has linked it");
    told(&telegram, "/keeper link").await;
    let page = stands(&telegram, OLD).await;
    for part in ["never message you first", "docs.example.org", &format!("lumen token (EVM): {CONTRACT}"), "rev 1"] {
        assert!(page.text.contains(part), "{part} in {}", page.text);
    }
    assert!(page.reply_to.is_none() && !page.text.contains("All of it"), "no public address is known");

    for (revision, portal) in [(2, NEW), (3, OLD)] {
        publish(&home, &daemon, "facts.toml", facts(portal)).await;
        let edited = stands(&telegram, &format!("rev {revision}")).await;
        assert!(edited.message_id == page.message_id && edited.text.contains(portal), "{}", edited.text);
        let calls = (telegram.call_count("editMessageText"), posts(&telegram), telegram.call_count("pinChatMessage"));
        assert_eq!(calls, (revision - 1, 1, 1), "each revision once, in the same message");
    }
    // What one person withdraws is gone from it too.
    with_role(&daemon, &home, "Eve", Role::Editor).await.1.withdraw_item("portal.md").await.unwrap();
    let withdrawn = stands(&telegram, "rev 4").await;
    assert!(!withdrawn.text.contains("old.example.org") && withdrawn.text.contains(CONTRACT), "{}", withdrawn.text);
    assert_eq!((telegram.call_count("editMessageText"), posts(&telegram)), (3, 1));
}

#[tokio::test]
async fn said_twice_it_stands_once_and_off_takes_it_down() {
    let (telegram, home, _daemon) = put_up().await;
    assert!(told(&telegram, "/keeper safety here").await.contains("stands here"));
    assert!(told(&telegram, "/keeper show").await.contains("safety: here (chat, moderator:telegram:42"));
    // It was looked after, and found well.
    tokio::time::timeout(PATIENCE, telegram.wait_calls("pinChatMessage", 2)).await.expect("nobody looks after it");
    stands(&telegram, OLD).await;
    assert_eq!(posts(&telegram), 1);

    assert!(told(&telegram, "/keeper safety off").await.contains("does not stand here any more"));
    when(|| pages(&telegram).is_empty() && telegram.pinned().is_empty()).await;
    // Over the command line, as the other settings.
    let set = ["place", "set", "telegram:main", &GROUP.to_string(), "--safety", "here"];
    let set = home.run(&set).await;
    let shown = String::from_utf8_lossy(&set.stdout).into_owned();
    assert!(set.status.success() && shown.contains(PlaceSetting::Safety.as_str()), "{shown}");
    stands(&telegram, OLD).await;
    assert_eq!(posts(&telegram), 2);
    // An unlinked place loses it.
    told(&telegram, "/keeper unlink").await;
    when(|| pages(&telegram).is_empty() && telegram.pinned().is_empty()).await;
    let log = home.run(&["audit", "list", "--json"]).await;
    assert_eq!(String::from_utf8(log.stdout).unwrap().matches("place.safety").count(), 3, "here, off, here");
}

#[tokio::test]
async fn what_somebody_took_away_stands_anew_once_and_pinned() {
    let (telegram, home, daemon) = put_up().await;
    let page = pages(&telegram).remove(0);
    taken_away(&telegram, &page).await;
    publish(&home, &daemon, "facts.toml", facts(NEW)).await;
    let anew = stands(&telegram, NEW).await;
    assert_ne!(anew.message_id, page.message_id);
    // Without a new revision somebody must say so.
    taken_away(&telegram, &anew).await;
    told(&telegram, "/keeper safety here").await;
    let again = stands(&telegram, NEW).await;
    assert_ne!(again.message_id, anew.message_id);
    // Where it cannot be edited any more it is said anew, and the old one is not pinned any more.
    let description = "Bad Request: message can't be edited".to_owned();
    telegram.fault("editMessageText", Fault::Refuse { code: 400, description });
    publish(&home, &daemon, "facts.toml", facts(OLD)).await;
    when(|| pages(&telegram).len() == 2 && telegram.pinned().len() == 1).await;
    let last = pages(&telegram).pop().unwrap();
    when(|| telegram.pinned() == [(GROUP, last.message_id)]).await;
    assert!(last.text.contains(OLD) && posts(&telegram) == 4, "{}", last.text);
}

#[tokio::test]
async fn where_we_may_not_pin_it_stands_and_the_moderator_is_told() {
    let (telegram, home) = stage().await;
    telegram.promote(GROUP, 0, &["can_delete_messages"]);
    let home = home.with("[web]\nurl = \"https://keeper.example.org\"\n");
    let _daemon = Daemon::start(&home).await;
    told(&telegram, "/keeper link").await;
    let said = told(&telegram, "/keeper safety here").await;
    assert!(said.contains("I lack the right to pin messages"), "{said}");
    tokio::time::timeout(PATIENCE, telegram.wait_calls("pinChatMessage", 1)).await.expect("it is not tried");
    assert!(pages(&telegram).len() == 1 && telegram.pinned().is_empty());
    telegram.promote(GROUP, 0, &RIGHTS);
    assert!(told(&telegram, "/keeper safety here").await.contains("stands here, pinned"));
    let page = stands(&telegram, OLD).await;
    assert!(page.text.contains("All of it: https://keeper.example.org/safety"), "{}", page.text);
    assert_eq!(posts(&telegram), 1);
}

/// A group that became a supergroup left its messages behind.
#[tokio::test]
async fn in_a_group_that_moved_it_stands_anew() {
    const SUPERGROUP: i64 = -1_007_777;
    let (telegram, _home, _daemon) = put_up().await;
    telegram.promote(SUPERGROUP, 0, &RIGHTS);
    telegram.migrate(GROUP, SUPERGROUP, ADMIN);
    let there = || pages(&telegram).into_iter().find(|page| page.chat_id == SUPERGROUP);
    when(|| there().is_some_and(|page| telegram.pinned().contains(&(SUPERGROUP, page.message_id)))).await;
    assert_eq!(pages(&telegram).iter().filter(|page| page.chat_id == SUPERGROUP).count(), 1);
}

/// Frozen, nothing is edited; after the thaw it is as it should be.
#[tokio::test]
async fn a_freeze_holds_the_page_and_after_the_thaw_it_catches_up() {
    let (telegram, home, daemon) = put_up().await;
    let (_, eve) = with_role(&daemon, &home, "Eve", Role::Owner).await;
    let (_, max) = with_role(&daemon, &home, "Max", Role::Owner).await;
    eve.freeze("").await.unwrap();
    publish(&home, &daemon, "facts.toml", facts(NEW)).await;
    publish(&home, &daemon, "facts.toml", facts(OLD)).await;
    publish(&home, &daemon, "facts.toml", facts(NEW)).await;
    assert!(eve.thaw().await.unwrap().frozen, "one is not enough");
    assert_eq!(telegram.call_count("editMessageText"), 0);
    assert!(!max.thaw().await.unwrap().frozen);
    stands(&telegram, NEW).await;
    assert_eq!((telegram.call_count("editMessageText"), posts(&telegram)), (1, 1));
}

/// Killed when a revision is published and nobody has heard of it: the next life edits, once.
#[cfg(feature = "faults")]
#[tokio::test]
async fn a_kill_between_publication_and_edit_leaves_no_old_page() {
    let (telegram, home, mut daemon) = put_up().await;
    daemon.signal("TERM").await;
    daemon.gone().await;
    let mut daemon = Daemon::start_with_fault(&home, "knowledge.swap:1").await.expect("it starts");
    let dies = crate::publish::try_publish(&home, &daemon, "facts.toml", facts(NEW)).await;
    assert!(dies.is_err(), "it did not die");
    daemon.gone().await;
    assert_eq!(telegram.call_count("editMessageText"), 0);
    let daemon = Daemon::start(&home).await;
    let page = stands(&telegram, NEW).await;
    publish(&home, &daemon, "facts.toml", facts(OLD)).await;
    assert_eq!(stands(&telegram, "rev 3").await.message_id, page.message_id);
    assert_eq!((telegram.call_count("editMessageText"), posts(&telegram)), (2, 1), "each revision once");
}

/// Of two nodes one edits.
#[tokio::test]
async fn of_two_nodes_one_edits_once() {
    let cluster = Cluster::start(false);
    let url = cluster.database("standing");
    let (telegram, one) = stage().await;
    let other = with_ours(Home::new().with_telegram(telegram.base_url(), TOKEN)).replacing("groups = \"any\"\n", "");
    let (one, other) = (on(one, &url, 10.0), on(other, &url, 10.0));
    let first = Daemon::start(&one).await;
    told(&telegram, "/keeper link").await;
    told(&telegram, "/keeper safety here").await;
    stands(&telegram, OLD).await;
    let second = Daemon::start(&other).await;
    for (revision, (home, daemon)) in [(2, (&one, &first)), (3, (&other, &second)), (4, (&one, &first))] {
        publish(home, daemon, "facts.toml", facts(if revision % 2 == 0 { NEW } else { OLD })).await;
        stands(&telegram, &format!("rev {revision}")).await;
        assert_eq!((telegram.call_count("editMessageText"), posts(&telegram)), (revision - 1, 1));
    }
}

/// Without its fence it is posted again and again.
#[cfg(feature = "faults")]
#[tokio::test]
async fn red_twin_without_its_fence_the_page_is_posted_again_and_again() {
    let (telegram, home) = stage().await;
    let mut command = home.command(&["serve"]);
    command.env("TOWNKEEPER_FAULT", "standing.once:off");
    let _daemon = Daemon::spawned(command).await;
    told(&telegram, "/keeper link").await;
    told(&telegram, "/keeper safety here").await;
    when(|| posts(&telegram) >= 3).await;
    assert!(pages(&telegram).len() >= 3);
}
