//! Members report a message: what the new say alone opens nothing, somebody of the team opens a case that holds the words.

use serde_json::json;
use townkeeper_contract::access::Role;
use townkeeper_contract::case::{Case, CaseState};
use townkeeper_fakes::telegram::{SentMessage, TelegramServer};

use crate::daemon::{Daemon, Home, PATIENCE};
use crate::people::with_role;

const TOKEN: &str = "123456:abcDEF";
const GROUP: i64 = -1_001_234;
const TEAM: i64 = 50;
const SPAMMER: i64 = 66;
const SPAM: &str = "free lanterns at lumen-claim.example.net";

/// The last of that many messages of ours.
async fn said(telegram: &TelegramServer, n: usize) -> SentMessage {
    let sent = tokio::time::timeout(PATIENCE, telegram.wait_sent(n)).await.expect("the messages do not come");
    sent[n - 1].clone()
}

/// `person` reports the spammer's message, which came before we were there.
pub(crate) fn reports(telegram: &TelegramServer, person: i64) {
    let chat = json!({ "id": GROUP, "type": "supergroup", "title": "Lumen" });
    let from = |id: i64| json!({ "id": id, "is_bot": false, "first_name": "Person" });
    telegram.push_update(json!({ "message": {
        "message_id": 10_000 + person, "date": 1_790_000_000, "chat": chat, "from": from(person), "text": "/report",
        "entities": [{ "type": "bot_command", "offset": 0, "length": 7 }],
        "reply_to_message":
            { "message_id": 7, "date": 1_790_000_000, "chat": chat, "from": from(SPAMMER), "text": SPAM },
    }}));
}

/// Waits until a case is there.
pub(crate) async fn case(daemon: &Daemon, home: &Home) -> Case {
    let client = daemon.operator(home);
    let asked = async {
        loop {
            if let Some(case) = client.cases().await.unwrap().cases.pop() {
                return case;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("no case is opened")
}

#[tokio::test]
async fn what_the_new_report_waits_for_somebody_who_is_known() {
    let telegram = TelegramServer::start(TOKEN).await;
    let home = Home::new().with_telegram(telegram.base_url(), TOKEN);
    let daemon = Daemon::start(&home).await;
    let (person, _) = with_role(&daemon, &home, "Ada", Role::Moderator).await;
    let code = daemon.operator(&home).link_code(&person.id).await.unwrap().code;
    telegram.push_message(TEAM, TEAM, &format!("/link {code}"));
    assert!(said(&telegram, 1).await.text.contains("Linked"));
    // Who is of the team it knows from its start on.
    daemon.kill().await;
    let daemon = Daemon::start(&home).await;
    for new in 0..12 {
        reports(&telegram, 100 + new);
    }
    for n in 2..=13 {
        assert!(said(&telegram, n).await.text.contains("The moderators see it when enough speaks for it"));
    }
    assert!(daemon.operator(&home).cases().await.unwrap().cases.is_empty(), "twelve strangers are nobody");
    reports(&telegram, TEAM);
    let case = case(&daemon, &home).await;
    let shown = SPAM.replace('.', "[.]");
    assert_eq!((case.text.as_str(), case.person.as_str(), case.state), (shown.as_str(), "66", CaseState::Open));
    assert_eq!((case.why.as_str(), case.message.unwrap().0), ("members reported it", format!("{GROUP}/7")));
    assert_eq!(telegram.calls("deleteMessage").len(), 0, "a report takes nothing down");
}
