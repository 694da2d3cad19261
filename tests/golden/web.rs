//! Over HTTP: a published answer, an abstention that becomes a ticket.

use townkeeper_contract::stream::{Outcome, ReplyKind};

use crate::daemon::{Daemon, Home, press, question, say};

#[tokio::test]
async fn a_stranger_reads_the_published_answer() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let heard = say(&daemon.client(), &question("how do I migrate from a hardware wallet?")).await;
    assert_eq!(heard.outcome, Outcome::Completed);
    let reply = heard.reply();
    assert_eq!(reply.kind, ReplyKind::Canonical);
    let citation = reply.citation.as_ref().expect("a canonical answer names its source");
    assert_eq!(citation.entry.as_str(), "hardware-wallet");
    assert!(citation.url.starts_with("https://") && citation.as_of.starts_with("2026-"), "{citation:?}");
    assert_eq!(heard.streamed(), heard.text());
}

#[tokio::test]
async fn what_the_base_does_not_hold_becomes_a_ticket() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let client = daemon.client();
    let heard = say(&client, &question("will LUM be listed on the moon next year?")).await;
    assert_eq!(heard.reply().kind, ReplyKind::Abstention);
    let offer = heard.reply().offers.last().expect("an abstention offers a ticket").clone();

    let opened = say(&client, &press(&offer.action, &heard.conversation)).await;
    assert!(opened.text().contains("#1"), "{}", opened.text());
    // Pressing again opens no second one.
    let again = say(&client, &press(&offer.action, &heard.conversation)).await;
    assert!(again.text().contains("#1"), "{}", again.text());

    let tickets = daemon.operator(&home).tickets().await.unwrap().tickets;
    assert_eq!(tickets.len(), 1);
    assert_eq!(tickets[0].question, "will LUM be listed on the moon next year?");
    assert!(daemon.client().tickets().await.is_err(), "tickets need the operator's token");
}
