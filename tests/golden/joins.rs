//! A wave of people who join: moderators are called once, and where the shield is only tried out, nobody is.

use townkeeper_client::Client;
use townkeeper_fakes::telegram::TelegramServer;

use crate::cases::{GROUP, LURE, OFFICE, SCAMMER, card, judged, stage, writes};
use crate::daemon::{Daemon, PATIENCE};

const NEWCOMERS: i64 = 500;

fn join(telegram: &TelegramServer, people: std::ops::Range<i64>) {
    for person in people {
        telegram.push_join(GROUP, NEWCOMERS + person);
    }
}

fn calls(telegram: &TelegramServer) -> usize {
    let sent = telegram.sent();
    sent.iter().filter(|message| message.text.contains("more people join than usual")).count()
}

async fn waves(client: &Client) -> usize {
    let records = client.audit(1_000).await.unwrap().records;
    records.iter().filter(|record| record.action == "shield.wave").count()
}

async fn one_is_written_down(client: &Client) {
    let written = async { while waves(client).await == 0 {} };
    tokio::time::timeout(PATIENCE, written).await.expect("it is not written down");
}

#[tokio::test]
async fn moderators_are_called_once_to_a_wave_of_people_who_join() {
    let (telegram, home, daemon) = stage("flag").await;
    // The twin first: three are no wave.
    join(&telegram, 0..3);
    judged(&telegram).await;
    assert_eq!(calls(&telegram), 0);
    join(&telegram, 3..40);
    let called =
        telegram.wait_message(|message| message.chat_id == OFFICE && message.text.contains("more people join"));
    let called = tokio::time::timeout(PATIENCE, called).await.unwrap_or_else(|_| panic!("{:?}", telegram.sent()));
    assert!(called.text.contains(&GROUP.to_string()) && called.text.contains("hardly anybody"), "{}", called.text);
    // It goes on over a start.
    daemon.kill().await;
    let daemon = Daemon::start(&home).await;
    join(&telegram, 40..80);
    judged(&telegram).await;
    // The same loop shows cases: of two, the second is shown when all that came before the first was looked at.
    for person in [SCAMMER, SCAMMER + 1] {
        writes(&telegram, person, &format!("{LURE} {person}"));
        card(&telegram, &format!("({person})")).await;
    }
    assert_eq!((calls(&telegram), waves(&daemon.operator(&home)).await), (1, 1));
    assert!(telegram.calls("restrictChatMember").is_empty());
}

#[tokio::test]
async fn a_wave_is_only_written_down_in_shadow() {
    let (telegram, home, daemon) = stage("shadow").await;
    join(&telegram, 0..40);
    one_is_written_down(&daemon.operator(&home)).await;
    // What stands in the outbox leaves in its order: behind this, it would have been seen.
    judged(&telegram).await;
    assert_eq!(calls(&telegram), 0);
}
