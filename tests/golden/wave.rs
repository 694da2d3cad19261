//! Waves of scams under the ceilings that Telegram publishes, and what becomes of the shield's acts and of moderators'
//! words over deaths, waits and changes of mind: nothing is lost, nothing is done twice, nothing is done that is not wanted
//! any more.

use std::collections::BTreeSet;

use townkeeper_client::Client;
use townkeeper_contract::case::{Case, CaseWord};
use townkeeper_contract::moderation::{DeliveryState, ModerationAct, Verb};
use townkeeper_fakes::telegram::{Fault, SentMessage, TelegramServer};
#[cfg(feature = "faults")]
use {crate::nodes::on, townkeeper_fakes::postgres::Cluster};

use crate::daemon::{Daemon, Home, PATIENCE};

const TOKEN: &str = "123456:abcDEF";
const GROUP: i64 = -1_001_234;
const OFFICE: i64 = -1_009_999;
const MODERATOR: i64 = 50;
const SCAMMER: i64 = 66;
const RIGHTS: [&str; 3] = ["can_delete_messages", "can_restrict_members", "can_pin_messages"];

/// A host that carries our name and is not ours; long enough to be known again.
pub(crate) const LURE: &str = "Dear community, the LUM migration ends tonight and unmigrated tokens are lost. Connect your wallet and claim your \
     share at https://claim-lumen.example.net before the window closes.";

/// As the tests set them for a fake that is patient; without them Telegram's own hold.
const PATIENT: &str = "rate = { per_second = 1000, per_group_minute = 0, per_chat_ms = 0 }\n";

fn patient(telegram: &TelegramServer) -> Home {
    crate::cases::home().with_telegram(telegram.base_url(), TOKEN)
}

/// A home with Telegram's published ceilings.
fn published(telegram: &TelegramServer) -> Home {
    // Behind the account's other lines.
    let home = Home::new().with_telegram(telegram.base_url(), TOKEN).replacing(PATIENT, "");
    home.with("[shield]\nbrands = [\"lumen\"]\n")
}

async fn telegram() -> TelegramServer {
    let telegram = TelegramServer::start(TOKEN).await;
    for group in [GROUP, OFFICE] {
        telegram.promote(group, 0, &RIGHTS);
        telegram.promote(group, MODERATOR, &RIGHTS);
    }
    telegram
}

/// Moderators read in the office, and the shield is set to this in the group.
async fn keeps(telegram: &TelegramServer, mode: &str) {
    says(telegram, OFFICE, "/keeper notices here", "come here from now on").await;
    says(telegram, GROUP, &format!("/keeper shield {mode}"), if mode == "guard" { "take down" } else { "show" }).await;
}

async fn says(telegram: &TelegramServer, group: i64, words: &str, answer: &str) {
    telegram.push_message(group, MODERATOR, words);
    let asked = telegram.last_message();
    let answers = |message: &SentMessage| message.message_id > asked && message.chat_id == group;
    let answered = telegram.wait_message(|message| answers(message) && message.text.contains(answer));
    tokio::time::timeout(PATIENCE, answered).await.unwrap_or_else(|_| panic!("{words}: {:?}", telegram.sent()));
}

/// So many members write it, all at once; the numbers of their messages.
fn wave(telegram: &TelegramServer, members: i64) -> BTreeSet<i64> {
    let write = |member| {
        telegram.push_message(GROUP, SCAMMER + member, LURE);
        telegram.last_message()
    };
    (0..members).map(write).collect()
}

/// Asks until the answer is like this.
async fn until<T, F: Future<Output = T>>(ask: impl Fn() -> F, fact: impl Fn(&T) -> bool, what: &str) -> T {
    let asked = async {
        loop {
            let found = ask().await;
            if fact(&found) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("{what}"))
}

async fn cases(client: &Client, fact: impl Fn(&[Case]) -> bool) -> Vec<Case> {
    let ask = || async { client.cases().await.unwrap().cases };
    until(ask, |cases| fact(cases), "the cases do not come to this").await
}

async fn acts(client: &Client, fact: impl Fn(&[ModerationAct]) -> bool) -> Vec<ModerationAct> {
    let ask = || async { client.moderation().await.unwrap().acts };
    until(ask, |acts| fact(acts), "the acts do not come to this").await
}

fn is(act: &ModerationAct, verb: Verb, state: DeliveryState) -> bool {
    act.verb == verb && act.state == Some(state)
}

/// These are gone, each taken down once, and nothing else is.
async fn are_gone(telegram: &TelegramServer, messages: &BTreeSet<i64>) {
    let gone = telegram.wait_calls("deleteMessage", messages.len());
    tokio::time::timeout(PATIENCE, gone).await.unwrap_or_else(|_| panic!("{} are gone", deleted(telegram).len()));
    let deleted = deleted(telegram);
    assert_eq!(deleted.iter().copied().collect::<BTreeSet<_>>(), *messages);
    assert_eq!(deleted.len(), messages.len(), "each once");
}

fn deleted(telegram: &TelegramServer) -> Vec<i64> {
    telegram.calls("deleteMessage").iter().filter_map(|call| call.body["message_id"].as_i64()).collect()
}

#[tokio::test]
async fn a_wave_of_forty_is_gone_when_one_of_it_is_confirmed() {
    let telegram = telegram().await;
    let home = published(&telegram);
    let daemon = Daemon::start(&home).await;
    keeps(&telegram, "flag").await;
    let messages = wave(&telegram, 40);
    let client = daemon.operator(&home);
    let number = cases(&client, |cases| cases.len() == 40).await[0].number;
    let told = client.say_of_case(number, CaseWord::Content).await.unwrap();
    assert!(told.undone.is_empty(), "{:?}", told.undone);
    are_gone(&telegram, &messages).await;
}

/// As many as the shield may without a moderator.
#[tokio::test]
async fn a_wave_is_gone_by_itself_where_the_shield_guards() {
    let telegram = telegram().await;
    let home = published(&telegram);
    let _daemon = Daemon::start(&home).await;
    keeps(&telegram, "guard").await;
    let messages = wave(&telegram, 20);
    are_gone(&telegram, &messages).await;
}

/// The platform cannot be asked who the author is: it is taken down when it can, unless they moderate there.
#[tokio::test]
async fn an_act_that_could_not_be_looked_up_waits_and_is_looked_up() {
    let telegram = telegram().await;
    let home = patient(&telegram);
    let daemon = Daemon::start(&home).await;
    keeps(&telegram, "guard").await;
    let client = daemon.operator(&home);
    for (n, moderates) in [(1, true), (2, false)] {
        let questions = telegram.call_count("getChatMember");
        telegram.fault("getChatMember", Fault::TooMany { retry_after: 1 });
        let author = SCAMMER + n;
        telegram.push_message(GROUP, author, LURE);
        let asked = telegram.wait_calls("getChatMember", questions + 1);
        tokio::time::timeout(PATIENCE, asked).await.expect("nobody is asked");
        if moderates {
            telegram.promote(GROUP, author, &RIGHTS);
        }
        let state = if moderates { DeliveryState::Refused } else { DeliveryState::Sent };
        acts(&client, |acts| acts.iter().any(|act| is(act, Verb::Remove, state))).await;
        assert_eq!(deleted(&telegram).len(), usize::from(!moderates));
    }
}

#[tokio::test]
async fn what_waits_is_not_done_once_the_case_is_cleared() {
    let telegram = telegram().await;
    let home = patient(&telegram);
    let daemon = Daemon::start(&home).await;
    keeps(&telegram, "guard").await;
    let client = daemon.operator(&home);
    let told = cleared_while_it_waits(&telegram, &client).await;
    acts(&client, |acts| acts.iter().any(|act| is(act, Verb::Remove, DeliveryState::Refused))).await;
    assert_eq!(telegram.calls("deleteMessage").len(), 1, "the one that had to wait");
    assert!(told.is_empty(), "nothing is gone that could not be brought back: {told:?}");
}

/// The red twin.
#[cfg(feature = "faults")]
#[tokio::test]
async fn red_twin_what_waits_is_done_where_nothing_is_withdrawn() {
    let telegram = telegram().await;
    let home = patient(&telegram);
    let daemon = Daemon::start_with_fault(&home, "case.withdrawn:off").await.expect("it starts");
    keeps(&telegram, "guard").await;
    let client = daemon.operator(&home);
    cleared_while_it_waits(&telegram, &client).await;
    acts(&client, |acts| acts.iter().any(|act| is(act, Verb::Remove, DeliveryState::Sent))).await;
}

async fn cleared_while_it_waits(telegram: &TelegramServer, client: &Client) -> Vec<String> {
    telegram.fault("deleteMessage", Fault::TooMany { retry_after: 3 });
    wave(telegram, 1);
    acts(client, |acts| acts.iter().any(|act| is(act, Verb::Remove, DeliveryState::Ready) && act.detail.is_some()))
        .await;
    let number = cases(client, |cases| cases.len() == 1).await[0].number;
    client.say_of_case(number, CaseWord::Clear).await.unwrap().undone
}

/// Restarted, it has not forgotten; and whoever is called is called once.
#[tokio::test]
async fn a_tripped_breaker_stays_so_over_a_start_until_a_moderator_looked() {
    let telegram = telegram().await;
    // Each case has a card, however many there are.
    let home = patient(&telegram).with("[[shield.policy]]\nfact = [\"hold\", \"notify\"]\n");
    let daemon = Daemon::start(&home).await;
    keeps(&telegram, "guard").await;
    wave(&telegram, 21);
    let calls = |message: &SentMessage| message.chat_id == OFFICE && message.text.contains("only show what I find");
    tokio::time::timeout(PATIENCE, telegram.wait_message(calls)).await.expect("nobody is called");
    daemon.kill().await;
    let daemon = Daemon::start(&home).await;
    let client = daemon.operator(&home);
    cases(&client, |cases| cases.len() == 21).await;
    let shown = |message: &SentMessage| message.chat_id == OFFICE && message.text.contains("Case 22 ");
    let after = wave(&telegram, 1);
    tokio::time::timeout(PATIENCE, telegram.wait_message(shown)).await.expect("it is not shown");
    says(&telegram, GROUP, "/keeper shield guard", "take down").await;
    let last = wave(&telegram, 1);
    let acts_again = async {
        while !deleted(&telegram).iter().any(|message| last.contains(message)) {
            telegram.wait_calls("deleteMessage", deleted(&telegram).len() + 1).await;
        }
    };
    tokio::time::timeout(PATIENCE, acts_again).await.expect("it does not act again");
    let gone: BTreeSet<i64> = deleted(&telegram).into_iter().collect();
    assert_eq!(gone.len(), 21, "twenty, and the last one");
    assert!(gone.is_disjoint(&after), "not what it found when it had tripped");
    assert_eq!(telegram.sent().iter().filter(|message| calls(message)).count(), 1);
    let log = client.audit(200).await.unwrap().records;
    let count = |action: &str| log.iter().filter(|record| record.action == action).count();
    assert_eq!((count("shield.trip"), count("shield.reset")), (1, 1));
    assert!(client.verify_audit().await.unwrap().whole);
}

/// It dies when the word is on disk, and before anything came of it. Nobody says it again.
#[cfg(feature = "faults")]
#[tokio::test]
async fn a_death_between_a_word_and_its_acts_loses_none_of_them() {
    let telegram = telegram().await;
    let home = patient(&telegram);
    let mut daemon = Daemon::start_with_fault(&home, "case.said:1").await.expect("it starts");
    keeps(&telegram, "flag").await;
    let messages = wave(&telegram, 5);
    let client = daemon.operator(&home);
    let number = cases(&client, |cases| cases.len() == 5).await[0].number;
    client.say_of_case(number, CaseWord::Content).await.expect_err("it died of it");
    daemon.gone().await;
    assert!(deleted(&telegram).is_empty());
    let _daemon = Daemon::start(&home).await;
    // Its copies too, which nobody remembers but the word.
    are_gone(&telegram, &messages).await;
}

/// Where several nodes share a database, the other one need not wait for its next start.
#[cfg(feature = "faults")]
#[tokio::test]
async fn what_a_dead_node_said_is_done_by_the_other() {
    let cluster = Cluster::start(false);
    let url = cluster.database("words");
    let telegram = telegram().await;
    let (a, b) = (on(patient(&telegram), &url, 2.0), on(patient(&telegram), &url, 2.0));
    let mut first = Daemon::start_with_fault(&a, "case.said:1").await.expect("it starts");
    keeps(&telegram, "flag").await;
    let messages = wave(&telegram, 3);
    let client = first.operator(&a);
    let number = cases(&client, |cases| cases.len() == 3).await[0].number;
    let _second = Daemon::start(&b).await;
    client.say_of_case(number, CaseWord::Content).await.expect_err("it died of it");
    first.gone().await;
    are_gone(&telegram, &messages).await;
}
