//! More answers than the platform's ceiling lets out at once: what waits, waits in the ledger, and a stop leaves nothing
//! in doubt.

use townkeeper_fakes::telegram::TelegramServer;

use crate::daemon::{Daemon, Home};

const TOKEN: &str = "123456:burstburst";

#[tokio::test]
async fn answers_that_wait_for_the_ceiling_survive_a_stop_and_arrive_once() {
    let chats = 90;
    let telegram = TelegramServer::start(TOKEN).await;
    let home = Home::new().with_telegram(telegram.base_url(), TOKEN);
    let mut daemon = Daemon::start(&home).await;
    for chat in 1..=chats {
        telegram.push_message(chat, chat, "how do I migrate from a hardware wallet?");
    }
    // The ceiling is 30 a second, so some have left and many wait.
    telegram.wait_sent(31).await;
    daemon.signal("TERM").await;
    daemon.gone().await;
    let before = telegram.sent().len();

    let daemon = Daemon::start(&home).await;
    let all = usize::try_from(chats).expect("a number of chats");
    let sent = telegram.wait_sent(all).await;
    let mut reached: Vec<i64> = sent.iter().map(|message| message.chat_id).collect();
    reached.sort_unstable();
    assert_eq!(reached, (1..=chats).collect::<Vec<_>>(), "{before} had left before the stop; each arrives once");
    assert_eq!(daemon.client().ready().await.expect("a daemon").unknown_deliveries, 0);
}
