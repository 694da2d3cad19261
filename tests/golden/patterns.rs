//! Patterns of moderators: taken, gone by in a Telegram group, removed; what would explode is refused with the reason, and
//! what was good before stays.

use townkeeper_client::{Client, ClientError};
use townkeeper_contract::access::Role;
use townkeeper_contract::case::CaseAction;
use townkeeper_fakes::telegram::TelegramServer;

use crate::cases::home;
use crate::daemon::{Daemon, Home, PATIENCE};
use crate::people::with_role;

const TOKEN: &str = "123456:abcDEF";
const GROUP: i64 = -1_001_234;

async fn stage() -> (TelegramServer, Home, Daemon) {
    let telegram = TelegramServer::start(TOKEN).await;
    let home = home().with_telegram(telegram.base_url(), TOKEN);
    let daemon = Daemon::start(&home).await;
    (telegram, home, daemon)
}

/// Says something in the group, and returns the first signal of the case that it led to, if it did.
async fn found(telegram: &TelegramServer, client: &Client, person: i64, text: &str) -> Option<(CaseAction, String)> {
    let update = telegram.push_message(GROUP, person, text);
    tokio::time::timeout(PATIENCE, telegram.wait_confirmed(update)).await.expect("it is not taken");
    let cases = client.cases().await.unwrap().cases;
    let case = cases.into_iter().find(|case| case.person.as_str() == person.to_string())?;
    Some((case.action, case.verdict["signals"][0]["id"].as_str().unwrap_or_default().to_owned()))
}

#[tokio::test]
async fn what_matches_a_pattern_is_found_until_it_is_removed() {
    let (telegram, home, daemon) = stage().await;
    let (_, moderator) = with_role(&daemon, &home, "Ada", Role::Moderator).await;
    let words = "join the lantern club on friday";
    assert_eq!(found(&telegram, &moderator, 60, words).await, None);
    let written = moderator.set_pattern("lantern-club", "lantern (club|guild)").await.unwrap();
    assert!(written.by.starts_with("person:"), "{written:?}");
    // Disguised, too; and a pattern never does more than show.
    let disguised = found(&telegram, &moderator, 61, "join the l4ntern \u{441}lub on friday").await;
    assert_eq!(disguised, Some((CaseAction::Flag, "pattern".to_owned())));
    // Who only asks is not shown for it.
    assert_eq!(found(&telegram, &moderator, 62, "is the lantern club a scam?").await, None);
    moderator.remove_pattern("lantern-club").await.unwrap();
    assert_eq!(found(&telegram, &moderator, 63, words).await, None);
    let acts = daemon.operator(&home).audit(50).await.unwrap().records;
    let of_patterns: Vec<&str> =
        acts.iter().filter(|act| act.subject == "pattern:lantern-club").map(|act| act.action.as_str()).collect();
    assert_eq!(of_patterns, ["pattern.remove", "pattern.set"]);
}

#[tokio::test]
async fn what_would_explode_is_refused_with_the_reason_and_the_good_one_stays() {
    let (telegram, home, daemon) = stage().await;
    let client = daemon.operator(&home);
    client.set_pattern("lantern", "lantern club").await.unwrap();
    let refusals = [
        ("(a{100}){100}{100}", "memory"),
        (r"(lantern)\1", "backreference"),
        ("(lantern", "unclosed"),
        (".*", "everybody writes"),
    ];
    for (regex, why) in refusals {
        let refused = client.set_pattern("lantern", regex).await;
        let told = matches!(&refused, Err(ClientError::Refused { status: 422, message, .. }) if message.contains(why));
        assert!(told, "{regex}: {refused:?}");
    }
    assert!(matches!(client.set_pattern("No Name", "x").await, Err(ClientError::Refused { status: 422, .. })));
    assert!(matches!(client.remove_pattern("none").await, Err(ClientError::Refused { status: 404, .. })));
    assert!(found(&telegram, &client, 61, "join the lantern club").await.is_some(), "the last good one stays");
    let shown = home.run(&["shield", "patterns"]).await;
    assert_eq!(String::from_utf8(shown.stdout).unwrap().trim(), "lantern  lantern club");
    let refused = home.run(&["shield", "patterns", "set", "bad", "(("]).await;
    assert!(!refused.status.success() && String::from_utf8(refused.stderr).unwrap().contains("unclosed"));
}
