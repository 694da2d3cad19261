//! The freeze: after it is acknowledged nothing leaves, not in the middle of an answer either; two thaw.

use townkeeper_client::{Client, ClientError};
use townkeeper_contract::access::{FreezeState, Role};
use townkeeper_contract::stream::{CancelledBy, Event, Outcome};
use townkeeper_fakes::model::{ModelServer, Reply, Script};
use townkeeper_fakes::telegram::{Fault, TelegramServer};

use crate::daemon::{Daemon, Ear, Home, PATIENCE, http, question, say};
use crate::model::SMALL_TALK;
use crate::people::with_role;

const TOKEN: &str = "123456:abcDEF";
const STORY: &str = "The lantern burns in the evening, and nobody puts it out.";
const KNOWN: &str = "how do I migrate from a hardware wallet?";
const ADA: i64 = 42;
const STRANGER: i64 = 43;

struct Stage {
    model: ModelServer,
    telegram: TelegramServer,
    home: Home,
    daemon: Daemon,
}

async fn stage() -> Stage {
    let model = ModelServer::start(Script::always(Reply::gated(STORY))).await;
    let telegram = TelegramServer::start(TOKEN).await;
    let home = Home::new().with_model(&model.base_url()).with_telegram(telegram.base_url(), TOKEN);
    let daemon = Daemon::start(&home).await;
    Stage { model, telegram, home, daemon }
}

impl Stage {
    /// Everything that left: requests to the model, and calls to Telegram but those that read.
    fn left(&self) -> (usize, usize) {
        let calls = ["sendMessage", "sendChatAction", "editMessageText", "deleteMessage", "answerCallbackQuery"];
        (self.model.requests().len(), calls.iter().map(|method| self.telegram.calls(method).len()).sum())
    }

    /// Somebody in a browser in the middle of the model's answer, and somebody on Telegram whose answer has begun.
    async fn mid_answer(&self) -> Ear {
        let mut ear = Ear::ask(&self.daemon.client(), &question(SMALL_TALK)).await;
        self.model.release();
        ear.words().await;
        self.telegram.push_message(STRANGER, STRANGER, SMALL_TALK);
        let begun = async { tokio::join!(self.model.arrived(2), self.telegram.wait_calls("sendChatAction", 1)) };
        tokio::time::timeout(PATIENCE, begun).await.expect("the second answer does not begin");
        ear
    }
}

/// Asks how it is until it is like this.
async fn until(client: &Client, fact: impl Fn(&FreezeState) -> bool) -> FreezeState {
    let asked = async {
        loop {
            let state = client.frozen().await.unwrap();
            if fact(&state) {
                return state;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("it does not come to this state")
}

fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> u16 {
    match result {
        Err(ClientError::Refused { status, .. }) => status,
        other => panic!("it was not refused: {other:?}"),
    }
}

#[tokio::test]
async fn after_the_acknowledgement_nothing_leaves_until_two_thaw() {
    let stage = stage().await;
    let (Stage { model, telegram, home, daemon }, client) = (&stage, stage.daemon.client());
    let (_, ada) = with_role(daemon, home, "Ada", Role::Owner).await;
    let (_, bob) = with_role(daemon, home, "Bob", Role::Moderator).await;
    let ear = stage.mid_answer().await;

    let frozen = bob.freeze("drill").await.unwrap();
    let left = stage.left();
    assert!(frozen.frozen && frozen.reason == "drill", "{frozen:?}");
    // What was under way ends with a plain reason, and its connections to the model are closed.
    let heard = ear.rest().await;
    assert_eq!(heard.outcome, Outcome::Cancelled { by: CancelledBy::Freeze });
    assert!(heard.text().contains("paused"), "{}", heard.text());
    tokio::time::timeout(PATIENCE, model.dropped(2)).await.unwrap();

    // What comes now is taken, and not answered; a ticket is opened, and its answer waits.
    model.release_many(1_000);
    let last = telegram.push_message(STRANGER, STRANGER, KNOWN);
    let ticket = telegram.push_message(STRANGER, STRANGER, "/ticket where is my cousin's lantern");
    tokio::time::timeout(PATIENCE, telegram.wait_confirmed(last.max(ticket))).await.unwrap();
    for text in [KNOWN, SMALL_TALK] {
        let told = say(&client, &question(text)).await;
        assert_eq!(told.outcome, Outcome::Cancelled { by: CancelledBy::Freeze });
        assert!(!told.has(|event| matches!(event, Event::StepStarted { .. })));
    }
    let opened = async { while daemon.operator(home).tickets().await.unwrap().tickets.is_empty() {} };
    tokio::time::timeout(PATIENCE, opened).await.expect("no ticket is opened");
    assert_eq!(stage.left(), left, "something left after the freeze was acknowledged");

    assert_eq!(refused(daemon.operator(home).thaw().await), 403, "two people can; the host is none");
    let one = ada.thaw().await.unwrap();
    assert!(one.frozen && one.votes.len() == 1, "{one:?}");
    assert!(ada.thaw().await.unwrap().frozen, "twice the same is once");
    assert_eq!(stage.left(), left, "one is not enough");
    assert!(!bob.thaw().await.unwrap().frozen);

    // The red twin: thawed, the same things leave.
    let sent = tokio::time::timeout(PATIENCE, telegram.wait_sent(1)).await.expect("what waited does not leave");
    assert!(sent[0].text.contains("#1"), "{}", sent[0].text);
    let told = say(&client, &question(SMALL_TALK)).await;
    assert_eq!((told.outcome.clone(), told.text()), (Outcome::Completed, STORY.to_owned()));
    assert!(stage.left() > left);
}

/// The red twin: what the freeze stops above leaves where nobody freezes.
#[tokio::test]
async fn red_twin_without_a_freeze_the_answer_leaves() {
    let stage = stage().await;
    let ear = stage.mid_answer().await;
    let left = stage.left();
    stage.model.release_many(1_000);
    assert_eq!(ear.rest().await.text(), STORY);
    let sent = tokio::time::timeout(PATIENCE, stage.telegram.wait_sent(1)).await.expect("no answer leaves");
    assert_eq!(sent[0].text, STORY);
    assert!(stage.left() > left);
}

#[tokio::test]
async fn a_file_on_the_host_freezes_without_the_api_and_at_the_start() {
    let stage = stage().await;
    let Stage { model, telegram, home, daemon } = stage;
    let (_, ada) = with_role(&daemon, &home, "Ada", Role::Owner).await;
    let file = home.data().join("freeze");
    std::fs::write(&file, "").unwrap();
    let state = until(&ada, |state| state.frozen && state.file).await;
    assert_eq!(state.by.as_deref(), Some("host"));
    assert_eq!(refused(ada.thaw().await), 409, "the file is still there");
    daemon.kill().await;

    let daemon = Daemon::start(&home).await;
    let operator = daemon.operator(&home);
    assert!(operator.frozen().await.unwrap().frozen, "from the first moment");
    let update = telegram.push_message(STRANGER, STRANGER, KNOWN);
    telegram.wait_confirmed(update).await;
    std::fs::remove_file(&file).unwrap();
    let state = until(&operator, |state| !state.file).await;
    assert!(state.frozen, "the file's end is not enough");
    // One person could thaw when it began, so the operator fills in.
    let (_, agreed) = (operator.thaw().await.unwrap(), home.run(&["freeze", "again"]).await);
    assert!(agreed.status.success());
    assert!(operator.frozen().await.unwrap().votes.is_empty(), "a freeze voids what was agreed");
    assert!(operator.thaw().await.unwrap().frozen);
    let listed = String::from_utf8(home.run(&["thaw"]).await.stdout).unwrap();
    assert!(listed.contains("FROZEN since") && listed.contains("1 of 2 agreed"), "{listed}");
    assert!(telegram.sent().is_empty() && model.requests().is_empty());
    // After a start, frozen without the file.
    daemon.kill().await;
    let daemon = Daemon::start(&home).await;
    assert!(daemon.operator(&home).frozen().await.unwrap().frozen);
}

#[tokio::test]
async fn a_moderator_freezes_by_chat_and_nobody_who_only_looks_like_one() {
    let stage = stage().await;
    let Stage { telegram, home, daemon, .. } = &stage;
    let operator = daemon.operator(home);
    let (person, ada) = with_role(daemon, home, "Ada", Role::Moderator).await;
    let (_, bob) = with_role(daemon, home, "Bob", Role::Owner).await;
    let code = operator.link_code(&person.id).await.unwrap().code;
    let says = async |from: i64, text: &str, n: usize| {
        telegram.push_message(from, from, text);
        let sent = tokio::time::timeout(PATIENCE, telegram.wait_sent(n)).await.expect("no answer comes");
        sent[n - 1].text.clone()
    };
    // Everybody at this server has the same name. Only who said the code is Ada.
    assert!(says(ADA, &format!("/link {}", code.to_lowercase()), 1).await.contains("as Ada"));
    assert!(says(STRANGER, &format!("/link {code}"), 2).await.contains("not valid"));
    assert!(says(STRANGER, "/freeze", 3).await.contains("for the team"));
    assert!(says(STRANGER, "/login", 4).await.contains("for the team"));
    assert!(says(ADA, "/login", 5).await.contains("townkeeper login"), "no address is configured");
    assert!(!operator.frozen().await.unwrap().frozen);

    // The last thing that leaves is the acknowledgement.
    assert!(says(ADA, "/freeze a bad link", 6).await.contains("Frozen"));
    let state = operator.frozen().await.unwrap();
    assert_eq!((state.by, state.reason.as_str()), (Some(format!("person:{}", person.id)), "a bad link"));
    let left = stage.left();
    let last = telegram.push_message(STRANGER, STRANGER, "/freeze");
    telegram.wait_confirmed(last).await;
    // Agreed by chat and by token: two different people. And by chat and token of one: the same one.
    telegram.push_message(ADA, ADA, "/thaw");
    until(&operator, |state| state.votes.len() == 1).await;
    assert!(ada.thaw().await.unwrap().frozen);
    assert_eq!(stage.left(), left);
    assert!(!bob.thaw().await.unwrap().frozen);
    let sent = tokio::time::timeout(PATIENCE, telegram.wait_sent(8)).await.expect("what waited does not leave");
    assert!(sent.iter().any(|message| message.text.contains("One more person")));
}

/// What waits is sent after the thaw; what was under way and is not answered is cut off, and shown as in doubt.
#[tokio::test]
async fn what_waits_leaves_after_the_thaw_and_what_hangs_is_in_doubt() {
    let stage = stage().await;
    let Stage { telegram, home, daemon, .. } = &stage;
    let (_, ada) = with_role(daemon, home, "Ada", Role::Owner).await;
    let operator = daemon.operator(home);
    telegram.fault("sendMessage", Fault::Stall);
    telegram.push_message(STRANGER, STRANGER, KNOWN);
    tokio::time::timeout(PATIENCE, telegram.wait_sent(1)).await.unwrap();
    // Behind it in the same chat, so it waits in the ledger.
    let behind = telegram.push_message(STRANGER, STRANGER, "When does the migration end?");
    telegram.wait_confirmed(behind).await;
    let settled = async { while turns(daemon).await < 2 {} };
    tokio::time::timeout(PATIENCE, settled).await.expect("the second question is not answered");

    ada.freeze("").await.unwrap();
    let left = stage.left();
    let in_doubt = async { while operator.ready().await.unwrap().unknown_deliveries != 1 {} };
    tokio::time::timeout(PATIENCE, in_doubt).await.expect("what hung is not shown as in doubt");
    assert!(operator.ready().await.unwrap().frozen);
    let told = say(&daemon.client(), &question(KNOWN)).await;
    assert_eq!(told.outcome, Outcome::Cancelled { by: CancelledBy::Freeze });
    assert_eq!((stage.left(), telegram.sent().len()), (left, 1));
    operator.thaw().await.unwrap();
    assert!(!ada.thaw().await.unwrap().frozen);
    let sent = tokio::time::timeout(PATIENCE, telegram.wait_sent(2)).await.expect("what waited does not leave");
    assert!(sent[1].text.contains("1 February 2027"), "{}", sent[1].text);
    assert_eq!(operator.ready().await.unwrap().unknown_deliveries, 1, "what is in doubt is not said again");
}

/// How many turns were settled with a published answer.
async fn turns(daemon: &Daemon) -> u32 {
    let metrics = http().get(format!("{}/metrics", daemon.url)).send().await.unwrap().text().await.unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix("townkeeper_turns_total{reply=\"canonical\"} "));
    line.and_then(|count| count.parse().ok()).unwrap_or(0)
}
