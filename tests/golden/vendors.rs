//! Several vendors in order: the next is asked only before the first word, and one that keeps failing is left alone.

use townkeeper_contract::stream::{ErrorClass, Event, Outcome, ReplyKind};
use townkeeper_fakes::model::{ModelServer, Reply, Script, words};

use crate::daemon::{Daemon, Home, http, question, say};
use crate::model::SMALL_TALK;

const STORY: &str = "The lantern burns in the evening, and nobody puts it out.";

struct Stage {
    first: ModelServer,
    second: ModelServer,
    home: Home,
    daemon: Daemon,
}

/// Two vendors; the second always tells the story. People wait `patience` seconds for a first word.
async fn stage(first: Reply, patience: &str) -> Stage {
    let first = ModelServer::start(Script::always(first)).await;
    let second = ModelServer::start(Script::always(Reply::text(STORY))).await;
    let home = Home::new().with_model(&first.base_url()).with_model(&second.base_url());
    let mut command = home.command(&["serve"]);
    command.env("TOWNKEEPER__AGENT__FIRST_CONTENT_S", patience);
    let daemon = Daemon::spawned(command).await;
    Stage { first, second, home, daemon }
}

fn status(status: u16, headers: &[(&str, &str)]) -> Reply {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Reply::Status { status, headers, body: r#"{"error":{"message":"no"}}"#.to_owned() }
}

/// One line of `/metrics` that begins with this, and its value.
pub(crate) async fn metric(home: &Home, daemon: &Daemon, begins: &str) -> Option<f64> {
    let token = std::fs::read_to_string(home.data().join("api.token")).unwrap();
    let request = http().get(format!("{}/metrics", daemon.url)).bearer_auth(token.trim());
    let text = request.send().await.unwrap().text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with(begins))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn the_next_vendor_is_asked_where_the_first_fails_without_a_word() {
    let failures = [
        status(500, &[]),
        status(429, &[]),
        status(401, &[]),
        Reply::Cut { after: Vec::new() },
        Reply::ErrorMidStream { after: Vec::new() },
        // Words that the gate still held when it broke off: nobody has heard them, and nobody will.
        Reply::Cut { after: words("2.5 ETH ") },
        // Thoughts are not heard.
        Reply::Cut { after: words("<think>hm, let me see") },
    ];
    for failure in failures {
        let Stage { first, second, home: _home, daemon } = stage(failure.clone(), "60.0").await;
        let heard = say(&daemon.client(), &question(SMALL_TALK)).await;
        assert_eq!((&heard.outcome, heard.text().as_str()), (&Outcome::Completed, STORY), "{failure:?}");
        assert_eq!(heard.shown(), STORY, "{failure:?}");
        let steps = heard.envelopes.iter().filter(|e| matches!(e.event, Event::StepStarted { step: 1, .. })).count();
        assert_eq!((first.requests().len(), second.requests().len(), steps), (1, 1, 2), "{failure:?}");
    }
}

#[tokio::test]
async fn nobody_else_is_asked_after_the_first_word_nor_for_a_fault_of_the_question() {
    for (failure, class) in [
        (Reply::ErrorMidStream { after: words("The lantern burns ") }, ErrorClass::Transient),
        (Reply::Cut { after: words("The lantern burns ") }, ErrorClass::Transient),
        (status(400, &[]), ErrorClass::InvalidRequest),
    ] {
        let Stage { first, second, home: _home, daemon } = stage(failure.clone(), "60.0").await;
        let heard = say(&daemon.client(), &question(SMALL_TALK)).await;
        assert_eq!(heard.failure(), class, "{failure:?}");
        assert_eq!((first.requests().len(), second.requests().len()), (1, 0), "{failure:?}");
        assert!(heard.reply().offers.iter().any(|offer| offer.action.as_str().starts_with("ticket:")));
    }
}

#[tokio::test]
async fn who_asked_for_silence_gets_it() {
    let Stage { first, second, home, daemon } = stage(status(429, &[("retry-after", "3600")]), "60.0").await;
    for asked in 1..=3 {
        assert_eq!(say(&daemon.client(), &question(SMALL_TALK)).await.text(), STORY);
        assert_eq!((first.requests().len(), second.requests().len()), (1, asked));
    }
    let skipped = r#"townkeeper_provider_requests_total{provider="compatible",order="1",result="skipped"}"#;
    assert_eq!(metric(&home, &daemon, skipped).await, Some(2.0));
    assert_eq!(metric(&home, &daemon, "townkeeper_provider_failovers_total").await, Some(1.0));
}

#[tokio::test]
async fn a_vendor_that_keeps_failing_is_left_alone() {
    let Stage { first, second, home, daemon } = stage(status(503, &[]), "60.0").await;
    for _ in 0..6 {
        assert_eq!(say(&daemon.client(), &question(SMALL_TALK)).await.text(), STORY);
    }
    assert_eq!((first.requests().len(), second.requests().len()), (3, 6));
    let breaker = |order: u8| format!(r#"townkeeper_provider_breaker{{provider="compatible",order="{order}"}}"#);
    assert_eq!(metric(&home, &daemon, &breaker(1)).await, Some(2.0), "open");
    assert_eq!(metric(&home, &daemon, &breaker(2)).await, Some(0.0), "closed");
}

/// P7 of the faults: no headers, headers then silence, comments only. People wait their time and no longer, and nothing
/// is left hanging.
#[tokio::test]
async fn silence_ends_in_the_abstention_or_with_the_next_vendor() {
    let silent = Reply::Stall { after: Vec::new() };
    let Stage { first, second, home: _home, daemon } = stage(silent.clone(), "2.0").await;
    assert_eq!(say(&daemon.client(), &question(SMALL_TALK)).await.text(), STORY, "half of the time is the second's");
    first.dropped(1).await;
    second.set(Script::always(silent));
    let heard = say(&daemon.client(), &question(SMALL_TALK)).await;
    assert_eq!((heard.failure(), heard.reply().kind), (ErrorClass::Stalled, ReplyKind::Abstention));
    assert!(heard.reply().offers.iter().any(|offer| offer.action.as_str().starts_with("ticket:")));
    first.dropped(2).await;
    second.dropped(1).await;
}
