//! A platform that does not answer a question holds nobody's card back for long, and no other's.

use townkeeper_fakes::telegram::{Fault, TelegramServer};

use crate::cases::{LURE, TOKEN, card, home, set_up, writes};
use crate::daemon::Daemon;

/// More questions than there would be time for, one behind the other; the adapter itself would wait for five minutes.
#[tokio::test]
async fn cards_do_not_wait_for_each_others_questions() {
    let telegram = TelegramServer::start(TOKEN).await;
    // Each case has a card, however many there are.
    let home = home().with("[[shield.policy]]\nfact = [\"hold\", \"notify\"]\n");
    let home =
        home.with_telegram(telegram.base_url(), TOKEN).replacing("request_timeout_s = 2", "request_timeout_s = 300");
    let _daemon = Daemon::start(&home).await;
    set_up(&telegram, "guard").await;
    for _ in 0..30 {
        telegram.fault("getChatMember", Fault::Stall);
    }
    for person in 100..130 {
        writes(&telegram, person, &format!("{LURE} {person}"));
    }
    for person in 100..130 {
        let shown = card(&telegram, &format!("({person})")).await;
        assert!(shown.text.contains("Case "), "{}", shown.text);
    }
}
