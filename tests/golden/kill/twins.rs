//! Red twins: a ledger that lies is found out, on paper and in a town that was made to misbehave (one more is in `faults`).

use townkeeper_contract::id::MessageRef;
use townkeeper_contract::inbound::ReplyTo;
use townkeeper_contract::outbound::Act;
use townkeeper_contract::stream::Outcome;
use townkeeper_contract::text::{Origin, RichText};
use townkeeper_store::{EndedTurn, Ledger, LedgerEvent, LedgerSend, LedgerTicket};

use super::check::{Asked, Breach, DISCORD, Heard, Pushed, Shown, Stored, TELEGRAM, Truth, WEB, check};
use super::town::{Squares, TOKEN, Town};

const PRIVATE: i64 = 77;

/// One web request, one message in private and one in a group; everybody got an answer, one of them is in doubt.
fn honest() -> (Truth, Stored) {
    let end = EndedTurn { attempt: 1, last_seq: 3, outcome: Outcome::Completed, reply: None };
    let asked = Asked {
        event: "room:key".to_owned(),
        begun: true,
        turns: ["t-web".to_owned()].into(),
        ends: vec![Heard { turn: "t-web".to_owned(), end: end.clone() }],
        trouble: Vec::new(),
    };
    let pushed = |update: i64, chat, target| Pushed {
        account: TELEGRAM,
        update: Some(update),
        event: update.to_string(),
        addressed: true,
        chat,
        person: 5,
        target,
    };
    let truth = Truth {
        asked: vec![asked],
        pushed: vec![pushed(10, PRIVATE, None), pushed(11, -3, Some(101))],
        confirmed: 12,
        shown: vec![shown(TELEGRAM, PRIVATE, 1, None), shown(TELEGRAM, -3, 2, Some(101))],
    };
    let ledger = Ledger {
        events: vec![event(WEB, "room:key", "t-web"), event(TELEGRAM, "10", "t-10"), event(TELEGRAM, "11", "t-11")],
        sends: vec![send("t-10", PRIVATE, 100, "sent", Some("77/1")), send("t-11", -3, 101, "unknown", None)],
        tickets: vec![LedgerTicket {
            number: 1,
            turn: "t-web".to_owned(),
            question: "why does parrot nr1 sing?".to_owned(),
        }],
        turns: 3,
    };
    let ended = ["t-web", "t-10", "t-11"].map(|turn| (turn.to_owned(), end.clone())).into();
    (truth, Stored { ledger, ended, listed: Some(["row-t-11".to_owned()].into()) })
}

fn shown(account: &'static str, chat: i64, message: i64, reply_to: Option<i64>) -> Shown {
    Shown { account, chat, message, reply_to, text: "an answer".to_owned() }
}

/// One more question, in a guild of Discord, answered.
fn on_discord(truth: &mut Truth, stored: &mut Stored) {
    let mut answer = send("t-d", 5, 103, "sent", Some("5/4"));
    DISCORD.clone_into(&mut answer.account);
    answer.reply_to = ReplyTo(r#"{"channel":"5","guild":"6","message":"103"}"#.to_owned());
    stored.ledger.sends.push(answer);
    stored.ledger.events.push(event(DISCORD, "m103", "t-d"));
    stored.ledger.turns += 1;
    let asked = Pushed {
        account: DISCORD,
        update: None,
        event: "m103".to_owned(),
        chat: 5,
        target: Some(103),
        ..truth.pushed[0].clone()
    };
    truth.pushed.push(asked);
    truth.shown.push(Shown { text: "**an** answer".to_owned(), ..shown(DISCORD, 5, 4, Some(103)) });
}

fn event(account: &str, event: &str, turn: &str) -> LedgerEvent {
    LedgerEvent {
        account: account.to_owned(),
        event: event.to_owned(),
        conversation: "c".to_owned(),
        turn: turn.to_owned(),
        attempt: 1,
        open: false,
        terminals: 1,
    }
}

fn send(turn: &str, chat: i64, target: i64, state: &str, message: Option<&str>) -> LedgerSend {
    let body = RichText::plain("an answer", &Origin::System);
    LedgerSend {
        account: TELEGRAM.to_owned(),
        id: format!("row-{turn}"),
        dest: chat.to_string(),
        seq: 1,
        turn: turn.to_owned(),
        part: 0,
        reply_to: ReplyTo(format!(r#"{{"chat":{chat},"message_id":{target}}}"#)),
        act: Act::Message { body, buttons: Vec::new() },
        state: state.to_owned(),
        attempt: 1,
        message: message.map(str::to_owned),
    }
}

/// What the checker says of the honest ledger after `lie`.
fn told(lie: impl FnOnce(&mut Truth, &mut Stored)) -> Vec<Breach> {
    let (mut truth, mut stored) = honest();
    lie(&mut truth, &mut stored);
    check(&truth, &stored)
}

macro_rules! complains {
    ($kind:ident, $lie:expr) => {
        let breaches = told($lie);
        assert!(breaches.iter().any(|breach| matches!(breach, Breach::$kind(_))), "{breaches:?}");
    };
}

#[test]
fn an_honest_ledger_is_believed() {
    assert_eq!(told(|_, _| {}), []);
    // In doubt and never seen is honest too: the row says so.
    assert_eq!(told(|truth, _| drop(truth.shown.pop())), []);
}

/// The first turn's answer was shown while it was written, in the message it ends in.
fn grown(stored: &mut Stored) {
    let end = &mut stored.ledger.sends[0];
    let live = LedgerSend { id: "live".to_owned(), part: -1, ..end.clone() };
    let (message, body) =
        (MessageRef::from(end.message.as_deref().unwrap()), RichText::plain("an answer", &Origin::System));
    end.act = Act::Edit { message, body, buttons: Vec::new() };
    stored.ledger.sends.insert(0, live);
}

#[test]
fn an_answer_that_grew_is_one_and_its_beginning_alone_is_none() {
    assert_eq!(told(|_, stored| grown(stored)), []);
    // The end is nowhere: only its first words are seen.
    complains!(Silent, |truth: &mut Truth, stored: &mut Stored| {
        grown(stored);
        truth.shown[0].text = "an …".to_owned();
    });
    // First words that no row accounts for.
    complains!(Doubled, |truth: &mut Truth, stored: &mut Stored| {
        grown(stored);
        truth.shown.push(Shown { message: 9, text: "an …".to_owned(), ..truth.shown[0].clone() });
    });
}

/// The first turn's first words are in doubt: its end is a message of its own, and they may stand beside it.
#[test]
fn first_words_in_doubt_may_stand_beside_the_end_and_certain_ones_may_not() {
    fn doubtful(truth: &mut Truth, stored: &mut Stored) {
        let body = RichText::plain("an …", &Origin::System);
        let end = &stored.ledger.sends[0];
        let live = LedgerSend {
            id: "live".to_owned(),
            part: -1,
            state: "unknown".to_owned(),
            message: None,
            act: Act::Message { body, buttons: Vec::new() },
            ..end.clone()
        };
        stored.ledger.sends.insert(0, live);
        stored.listed.as_mut().unwrap().insert("live".to_owned());
        truth.shown.push(Shown { text: "an …".to_owned(), ..shown(TELEGRAM, PRIVATE, 9, None) });
    }
    assert_eq!(told(doubtful), []);
    complains!(Doubled, |truth: &mut Truth, stored: &mut Stored| {
        doubtful(truth, stored);
        stored.ledger.sends[0].state = "sent".to_owned();
        stored.ledger.sends[0].message = Some("77/9".to_owned());
    });
}

#[test]
fn on_discord_nothing_is_said_twice_and_nothing_is_in_doubt() {
    assert_eq!(told(on_discord), []);
    // Not even first words beside the whole.
    for again in ["an answer", "an …", ""] {
        complains!(Doubled, |truth: &mut Truth, stored: &mut Stored| {
            on_discord(truth, stored);
            truth.shown.push(Shown { text: again.to_owned(), ..shown(DISCORD, 5, 7, Some(103)) });
        });
    }
    complains!(Silent, |truth: &mut Truth, stored: &mut Stored| {
        on_discord(truth, stored);
        stored.ledger.sends[2].state = "unknown".to_owned();
        stored.listed.as_mut().unwrap().insert("row-t-d".to_owned());
    });
    complains!(Lost, |truth: &mut Truth, stored: &mut Stored| {
        on_discord(truth, stored);
        stored.ledger.events.pop();
    });
}

#[test]
fn the_operators_list_is_compared() {
    complains!(Silent, |_, stored: &mut Stored| stored.listed = Some([].into()));
    complains!(Silent, |_, stored: &mut Stored| stored.listed.as_mut().unwrap().extend(["row-t-10".to_owned()]));
}

#[test]
fn what_is_lost_is_missed() {
    complains!(Lost, |_, stored: &mut Stored| drop(stored.ledger.events.remove(0)));
    complains!(Lost, |_, stored: &mut Stored| drop(stored.ledger.events.pop()));
    complains!(Lost, |truth: &mut Truth, _| truth.confirmed = 11);
    complains!(Lost, |truth: &mut Truth, _| truth.shown[0].text = "Ticket #9 is open.".to_owned());
}

#[test]
fn what_is_said_twice_is_seen() {
    // The same answer again, whether its row is certain or in doubt.
    for at in [0, 1] {
        complains!(Doubled, |truth: &mut Truth, _| {
            let again = Shown { message: 3, ..truth.shown[at].clone() };
            truth.shown.push(again);
        });
    }
    // Two turns for one key.
    complains!(Doubled, |truth: &mut Truth, _| truth.asked[0].turns.extend(["t-other".to_owned()]));
    complains!(Doubled, |_, stored: &mut Stored| {
        let ticket =
            LedgerTicket { number: 2, turn: "t-10".to_owned(), question: "why does parrot nr1 sing?".to_owned() };
        stored.ledger.tickets.push(ticket);
    });
}

#[test]
fn a_turn_ends_once_and_as_it_was_told() {
    complains!(Terminal, |_, stored: &mut Stored| stored.ledger.events[1].terminals = 0);
    complains!(Terminal, |_, stored: &mut Stored| stored.ledger.events[1].terminals = 2);
    complains!(Terminal, |_, stored: &mut Stored| stored.ledger.events[1].open = true);
    complains!(Terminal, |_, stored: &mut Stored| stored.ledger.turns = 4);
    complains!(Terminal, |truth: &mut Truth, _| truth.asked[0].ends[0].end.last_seq = 4);
}

#[test]
fn a_silent_send_is_heard() {
    // `sent`, and nobody sees it; or somebody sees other words.
    complains!(Silent, |truth: &mut Truth, _| drop(truth.shown.remove(0)));
    complains!(Silent, |truth: &mut Truth, _| truth.shown[0].text = "other words".to_owned());
    complains!(Silent, |_, stored: &mut Stored| stored.ledger.sends[0].state = "sending".to_owned());
    complains!(Silent, |_, stored: &mut Stored| drop(stored.ledger.sends.pop()));
    complains!(Silent, |truth: &mut Truth, _| truth.pushed[0].addressed = false);
}

#[test]
fn an_answer_out_of_order_is_noticed() {
    complains!(Disorder, |truth: &mut Truth, stored: &mut Stored| {
        truth.pushed.push(Pushed { update: Some(9), event: "9".to_owned(), ..truth.pushed[1].clone() });
        let mut early = send("t-9", -3, 101, "unknown", None);
        early.seq = 0;
        stored.ledger.sends.push(early);
        stored.ledger.events.push(event(TELEGRAM, "9", "t-9"));
    });
    complains!(Stream, |truth: &mut Truth, _| truth.asked[0].trouble.push("a gap".to_owned()));
}

/// Live: an update that somebody else confirmed never reaches us, and is found out.
#[tokio::test]
async fn a_stolen_update_is_missed() {
    let mut town = Town::open("stolen", 1, 0, Squares::Telegram).await;
    let telegram = town.telegram.as_ref().unwrap();
    town.people.write_in_private(telegram, "what is the gas fee");
    let offset = town.people.pushed[0].update.unwrap() + 1;
    steal(telegram.base_url(), offset).await;
    let reckoning = town.close().await;
    assert!(matches!(reckoning.breaches.as_slice(), [Breach::Lost(_)]), "{:?}", reckoning.breaches);
}

/// Another poller with the same token.
async fn steal(base_url: &str, offset: i64) {
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = serde_json::json!({ "offset": offset, "timeout": 0 });
    let answer = client.post(format!("{base_url}/bot{TOKEN}/getUpdates")).json(&body).send().await.unwrap();
    assert!(answer.status().is_success());
}
