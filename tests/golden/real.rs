//! "Is this real?", on the web, in the terminal and on Telegram: what is ours is said to be, what is not is shown so that
//! nobody opens it, and no model is asked.

use serde_json::json;
use townkeeper_contract::stream::ReplyKind;
use townkeeper_contract::text::Origin;
use townkeeper_fakes::model::{ModelServer, Reply, Script};
use townkeeper_fakes::telegram::{BOT_USERNAME, SentMessage, TelegramServer};

use crate::daemon::{Daemon, Home, PATIENCE, http, question, say};
use crate::model::SMALL_TALK;
use crate::standing::{CONTRACT, OLD, with_ours};

const TOKEN: &str = "123456:abcDEF";
const GROUP: i64 = -1_001_234;
const PERSON: i64 = 42;
const PORTAL: &str = "https://lumen.example.org/migrate";
/// Has our name in it.
const FAKE: &str = "https://claim-lumen.example.net/x";

#[tokio::test]
async fn what_is_ours_is_said_to_be_and_what_is_not_opens_nothing() {
    let model = ModelServer::start(Script::always(Reply::text("Trust me."))).await;
    let home = Home::new().with_model(&model.base_url()).with("[web]\nurl = \"https://keeper.example.org\"\n");
    let daemon = Daemon::start(&home).await;
    let client = daemon.client();
    for asked in [format!("is {PORTAL} real?"), format!("/ask is {PORTAL} official?"), PORTAL.to_owned()] {
        let heard = say(&client, &question(&asked)).await;
        assert!(heard.text().starts_with(&format!("Yes, this is ours: {PORTAL}.")), "{asked}: {}", heard.text());
        assert_eq!(heard.reply().citation.as_ref().unwrap().entry.as_str(), "official-link");
    }
    for asked in [
        format!("is {FAKE} real?"),
        FAKE.to_owned(),
        "hxxps://claim-lumen[.]example[.]net/x legit?".to_owned(),
        "¿es https://claim-lumen.example.net/x una estafa?".to_owned(),
        format!("这个 {FAKE} 是真的吗"),
    ] {
        let heard = say(&client, &question(&asked)).await;
        let (reply, text) = (heard.reply(), heard.text());
        assert!(text.contains("claim-lumen[.]example[.]net/x is not one of ours. It looks like"), "{asked}: {text}");
        assert!(text.contains(PORTAL) && text.contains("never ask for your seed phrase"), "{text}");
        assert!(text.contains("https://keeper.example.org/safety"), "{text}");
        assert!(!heard.shown().contains("claim-lumen.example"), "{}", heard.shown());
        let theirs = reply.body.runs().filter(|run| run.origin == Origin::Quote);
        assert!(theirs.into_iter().all(|run| run.link.is_none()), "{reply:?}");
        assert!(reply.offers.iter().any(|offer| offer.action.as_str().starts_with("ticket:")), "{reply:?}");
    }
    // Known to nobody is not a scam.
    let heard = say(&client, &question("is https://harbour.example.com/news legit?")).await;
    assert!(heard.text().contains("harbour[.]example[.]com/news is not one of ours."), "{}", heard.text());
    assert!(!heard.text().contains("looks like") && !heard.text().to_lowercase().contains("scam"), "{}", heard.text());
    assert_eq!(model.requests().len(), 0);
    // The twins: other questions are answered as ever.
    let named = say(&client, &question("is lumen.example.org the right page?")).await;
    assert!(named.text().starts_with("The only migration portal is"), "{}", named.text());
    assert_eq!(say(&client, &question(SMALL_TALK)).await.text(), "Trust me.");
}

#[tokio::test]
async fn a_contract_is_compared_with_ours_or_honestly_with_nothing() {
    let home = with_ours(Home::new());
    let daemon = Daemon::start(&home).await;
    let client = daemon.client();
    let heard = say(&client, &question(&format!("is {CONTRACT} the right contract?"))).await;
    assert!(heard.text().starts_with(&format!("Yes, this is ours: {CONTRACT}.")), "{}", heard.text());
    assert_eq!(heard.reply().citation.as_ref().unwrap().entry.as_str(), "contract");
    let other = "0x52908400098527886E0F7030069857D2E4169EE7";
    let heard = say(&client, &question(&format!("is {other} your contract, is it real?"))).await;
    let text = heard.text();
    assert!(text.starts_with("0x5290…9EE7 is not one of ours.") && text.contains(CONTRACT), "{text}");
    assert!(!text.contains("looks like") && !heard.shown().contains(other), "{text}");
    let twin = CONTRACT.replace("3F3E94C9", "3F0094C9");
    let text = say(&client, &question(&twin)).await.text();
    assert!(text.contains("It looks like one of ours and is another: take care."), "{text}");
    let out = home.run(&["ask", &format!("is {OLD} real?")]).await;
    let out = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.contains("Yes, this is ours"), "{out}");
    // The sample base shows no address at all.
    let bare = Daemon::start(&Home::new()).await;
    let heard = say(&bare.client(), &question(&format!("is {other} the real one?"))).await;
    assert!(heard.text().starts_with("0x5290…9EE7: I cannot tell"), "{}", heard.text());
    assert_eq!(heard.reply().kind, ReplyKind::Abstention);
}

/// The last of that many messages.
async fn said(telegram: &TelegramServer, n: usize) -> SentMessage {
    let sent = tokio::time::timeout(PATIENCE, telegram.wait_sent(n)).await.expect("the messages do not come");
    sent[n - 1].clone()
}

fn is_harmless(message: &SentMessage) {
    assert_eq!(message.body["link_preview_options"]["is_disabled"], true);
    let opened = message.entities.iter().filter_map(|entity| entity["url"].as_str());
    assert!(opened.into_iter().all(|url| !url.contains("claim")), "{:?}", message.entities);
    assert!(!message.text.contains("claim-lumen.example"), "{}", message.text);
}

#[tokio::test]
async fn on_telegram_a_link_behind_words_is_compared_too() {
    let telegram = TelegramServer::start(TOKEN).await;
    let home = Home::new().with_telegram(telegram.base_url(), TOKEN);
    let _daemon = Daemon::start(&home).await;
    telegram.push_message(PERSON, PERSON, "hxxps://claim-lumen[.]example[.]net/x");
    let answer = said(&telegram, 1).await;
    assert!(answer.text.starts_with("hxxps[:]//claim-lumen[.]example[.]net/x is not one of ours."), "{}", answer.text);
    is_harmless(&answer);
    // In a group by a mention; the words show our portal, and another address stands behind them.
    let mention = format!("@{BOT_USERNAME}");
    let text = format!("{mention} is {PORTAL} real?");
    telegram.push_update(json!({ "message": {
        "message_id": 9_001, "date": 1_790_000_000, "text": text,
        "chat": { "id": GROUP, "type": "supergroup", "title": "Lumen" },
        "from": { "id": PERSON, "is_bot": false, "first_name": "Person" },
        "entities": [{ "type": "mention", "offset": 0, "length": mention.len() },
            { "type": "text_link", "offset": mention.len() + 4, "length": PORTAL.len(), "url": FAKE }],
    }}));
    let answer = said(&telegram, 2).await;
    assert!(answer.text.starts_with("Careful: the words show something else"), "{}", answer.text);
    assert!(answer.text.contains("claim-lumen[.]example[.]net/x is not one of ours."), "{}", answer.text);
    is_harmless(&answer);
    // A command is about the message that it replies to.
    telegram.push_update(json!({ "message": {
        "message_id": 9_003, "date": 1_790_000_000, "text": "/ask is this real?",
        "chat": { "id": GROUP, "type": "supergroup", "title": "Lumen" },
        "from": { "id": PERSON, "is_bot": false, "first_name": "Person" },
        "entities": [{ "type": "bot_command", "offset": 0, "length": 4 }],
        "reply_to_message": { "message_id": 9_002, "date": 1_790_000_000, "text": format!("claim at {FAKE}"),
            "chat": { "id": GROUP, "type": "supergroup" }, "from": { "id": 66, "is_bot": false, "first_name": "Bob" } },
    }}));
    let answer = said(&telegram, 3).await;
    assert!(answer.text.starts_with("hxxps[:]//claim-lumen[.]example[.]net/x is not one of ours."), "{}", answer.text);
    is_harmless(&answer);
}

/// With the tricks of the base, and on a base without them, without.
#[tokio::test]
async fn the_safety_page_says_what_is_going_round() {
    let page = async |home: &Home| {
        let daemon = Daemon::start(home).await;
        let url = format!("{}/safety", daemon.url.trim_end_matches('/'));
        http().get(url).send().await.unwrap().text().await.unwrap()
    };
    let html = page(&Home::new()).await;
    assert!(html.contains("Going round at the moment") && html.contains("asks for your seed phrase."), "{html}");
    assert!(html.contains("As of 16 Nov 2026") && html.contains("href=\"/faq/current-scams\""), "{html}");
    assert!(!page(&with_ours(Home::new())).await.contains("Going round"), "nobody wrote any down");
}
