//! Over HTTP: a published answer, an abstention that becomes a ticket.

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use townkeeper_contract::stream::{Outcome, ReplyKind};
use townkeeper_fakes::model::{ModelServer, Reply, Script, words};

use crate::daemon::{Daemon, Home, PATIENCE, follow_up, http, press, question, say};
use crate::model::SMALL_TALK;

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

const STORY: &str = "The lantern burns in the evening, and nobody puts it out.";

/// What a page says first, to a conversation of its own making; without a key, where it has none.
fn first(conversation: &str, key: Option<&str>) -> String {
    json!({ "text": SMALL_TALK, "conversation": conversation, "key": key }).to_string()
}

/// Sends a request, waits until its turn is under way, and hangs up without reading a byte.
async fn lost(daemon: &Daemon, model: &ModelServer, body: &str, arrived: usize) {
    let host = daemon.url.strip_prefix("http://").unwrap().trim_end_matches('/');
    let mut line = TcpStream::connect(host).await.unwrap();
    let head = format!("POST /v1/chat HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n");
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    line.write_all(request.as_bytes()).await.unwrap();
    tokio::time::timeout(PATIENCE, model.arrived(arrived)).await.expect("the turn does not begin");
}

/// The same request again, read to its end.
async fn again(daemon: &Daemon, body: &str) -> String {
    let request = http().post(format!("{}/v1/chat", daemon.url)).header("content-type", "application/json");
    let response = request.body(body.to_owned()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.text().await.unwrap()
}

/// A page names its conversation itself, so a first question whose response was lost is not answered twice.
#[tokio::test]
async fn a_first_question_repeated_is_one_turn() {
    let model = ModelServer::start(Script::always(Reply::gated(STORY))).await;
    let home = Home::new().with_model(&model.base_url());
    let daemon = Daemon::start(&home).await;
    let own = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let body = first(own, Some("mine"));
    lost(&daemon, &model, &body, 1).await;
    model.release_many(words(STORY).len());
    let read = again(&daemon, &body).await;
    assert!(read.contains("\"type\":\"TurnEnded\"") && read.contains("\"kind\":\"model\""), "{read}");
    assert_eq!(model.requests().len(), 1);
    // The conversation remembers the question once, and with it its answer.
    model.set(Script::always(Reply::text(STORY)));
    say(&daemon.client(), &follow_up("and one more bedtime story", &own.into())).await;
    assert_eq!(model.requests()[1]["messages"].to_string().matches(SMALL_TALK).count(), 1);
}

/// The red twin: without a key, or in a conversation of another name, it is answered twice.
#[tokio::test]
async fn red_twin_without_a_key_of_its_conversation_it_is_two_turns() {
    let model = ModelServer::start(Script::always(Reply::gated(STORY))).await;
    let home = Home::new().with_model(&model.base_url());
    let daemon = Daemon::start(&home).await;
    let (one, two) = ("0".repeat(26), "1".repeat(26));
    for (n, (before, after)) in
        [(first(&one, None), first(&one, None)), (first(&one, Some("a")), first(&two, Some("a")))].iter().enumerate()
    {
        lost(&daemon, &model, before, 2 * n + 1).await;
        model.release_many(2 * words(STORY).len());
        again(&daemon, after).await;
        assert_eq!(model.requests().len(), 2 * n + 2);
    }
}

#[tokio::test]
async fn a_key_without_its_conversation_is_refused_in_words_that_help() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    for (body, words) in [
        (json!({ "text": "hello", "key": "mine" }), "`key` needs `conversation`"),
        (json!({ "text": "hel\0lo" }), "NUL"),
    ] {
        let request = http().post(format!("{}/v1/chat", daemon.url)).json(&body);
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), 400);
        assert!(refused.text().await.unwrap().contains(words), "{body}");
    }
}
