//! Over a WebSocket: the same turns and the same events as over HTTP, several at once; what is malformed, too large or
//! from another site is refused.

mod raw;

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};
use townkeeper_client::Client;
use townkeeper_contract::id::TurnId;
use townkeeper_contract::stream::{CancelledBy, Envelope, Event, Outcome, ReplyKind, ResumePoint};
use townkeeper_contract::verify::Verifier;
use townkeeper_fakes::model::{ModelServer, Reply, Script, words};

use crate::daemon::{Daemon, Ear, Home, follow_up, http, question, say};
use crate::model::SMALL_TALK;
use raw::{BINARY, CLOSE, PING, PONG, Raw, TEXT, authority, frame, upgrade};

const STORY: &str = "The lantern burns in the evening, and nobody puts it out.";

/// Answered by the base, whatever came before.
const SANE: &str = "When does the migration end?";

struct Stage {
    model: ModelServer,
    home: Home,
    daemon: Daemon,
}

async fn stage(reply: Reply) -> Stage {
    let model = ModelServer::start(Script::always(reply)).await;
    // Some of them say much: no limit of length is meant here.
    let long = "[agent]\nmax_output_tokens = 100000\n";
    let home = Home::new().with_model(&model.base_url()).replacing("[agent]\n", long);
    let daemon = Daemon::start(&home).await;
    Stage { model, home, daemon }
}

async fn socket(daemon: &Daemon) -> Client {
    daemon.client().over_socket().await.unwrap()
}

fn ask(id: u32, text: &str) -> Value {
    json!({ "type": "say", "id": id, "body": { "text": text } })
}

/// The events of a turn over HTTP, from its beginning.
async fn open_stream(daemon: &Daemon, turn: &str) -> reqwest::Response {
    http().get(format!("{}/v1/turns/{turn}/events", daemon.url)).send().await.unwrap()
}

/// The events as they stand on such a stream, which is read to its end.
async fn read(stream: reqwest::Response) -> Vec<String> {
    let text = stream.text().await.unwrap();
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
}

/// Reads one turn's events up to its terminal.
async fn events(raw: &mut Raw) -> Vec<String> {
    let mut events = Vec::new();
    loop {
        events.push(raw.text().await);
        if events.last().unwrap().contains("\"type\":\"TurnEnded\"") {
            return events;
        }
    }
}

#[tokio::test]
async fn an_event_is_the_same_bytes_whichever_way_it_comes() {
    let Stage { model, daemon, home: _home } = stage(Reply::gated(STORY)).await;
    let mut raw = Raw::open(&daemon).await;
    raw.say(&ask(7, SMALL_TALK)).await;
    let answer = raw.json().await;
    let turn = answer["turn"].as_str().unwrap().to_owned();
    assert_eq!(answer, json!({ "type": "reading", "id": 7, "turn": turn }));
    // As it happens, and when it has ended.
    let stream = open_stream(&daemon, &turn).await;
    model.release_many(words(STORY).len());
    let (here, there) = tokio::join!(events(&mut raw), read(stream));
    assert!(here.len() > words(STORY).len(), "{here:?}");
    assert_eq!(here, there);
    raw.say(&json!({ "type": "resume", "id": 8, "turn": turn })).await;
    assert_eq!(raw.json().await, json!({ "type": "reading", "id": 8, "turn": turn }));
    assert_eq!(events(&mut raw).await, read(open_stream(&daemon, &turn).await).await);
    let last: Envelope = serde_json::from_str(here.last().unwrap()).unwrap();
    raw.say(&json!({ "type": "resume", "id": 9, "turn": turn, "after": last.resume_id() })).await;
    assert_eq!(raw.json().await, json!({ "type": "complete", "id": 9, "turn": turn }));
}

#[tokio::test]
async fn what_is_asked_over_a_socket_is_answered_as_over_http() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let client = socket(&daemon).await;
    for text in [SANE, "will LUM be listed on the moon next year?", "/help"] {
        let (here, there) = (say(&client, &question(text)).await, say(&daemon.client(), &question(text)).await);
        assert_eq!((&here.outcome, here.text(), here.streamed()), (&there.outcome, there.text(), there.streamed()));
    }
    let first = say(&client, &question("/ticket where is the otter?")).await;
    assert!(first.text().contains("#1"), "{}", first.text());
    let mut again = follow_up("/ticket where is the fox?", &first.conversation);
    again.key = Some("mine".to_owned());
    let (one, two) = (say(&client, &again).await, say(&daemon.client(), &again).await);
    assert_eq!(one.envelopes[0].turn, two.envelopes[0].turn, "one key, one turn, whichever way it comes");
}

#[tokio::test]
async fn a_turn_is_taken_up_across_sockets_and_from_http() {
    let Stage { model, daemon, home: _home } = stage(Reply::gated(STORY)).await;
    let mut ear = Ear::ask(&socket(&daemon).await, &question(SMALL_TALK)).await;
    let stays = socket(&daemon).await;
    for n in 0..words(STORY).len() - 1 {
        model.release();
        ear.words().await;
        ear.hang_up();
        // On a new socket, on one that read it before, and elsewhere.
        let client = [socket(&daemon).await, stays.clone(), daemon.client()][n % 3].clone();
        assert!(ear.resume(&client).await);
    }
    model.release();
    let heard = ear.rest().await;
    assert_eq!(heard.streamed(), STORY, "nothing is missing and nothing is said twice");
    assert!(!heard.has(|event| matches!(event, Event::Snapshot { .. })), "{heard:?}");
    assert_eq!(model.connections_dropped(), 0, "a reader that goes away cancels nothing");
    let last = heard.envelopes.last().unwrap();
    let point = ResumePoint { turn: last.turn.clone(), attempt: last.attempt, seq: last.seq };
    assert!(stays.resume(&point).await.unwrap().is_none(), "there is nothing more");
}

#[tokio::test]
async fn turns_interleave_on_one_socket_and_one_is_cancelled() {
    let Stage { model, daemon, home: _home } = stage(Reply::gated(STORY)).await;
    let client = socket(&daemon).await;
    let mut slow = Ear::ask(&client, &question(SMALL_TALK)).await;
    model.release();
    slow.words().await;
    let mut slower = Ear::ask(&client, &question(SMALL_TALK)).await;
    // The others are in the middle of theirs.
    let quick = say(&client, &question(SANE)).await;
    assert_eq!(quick.reply().kind, ReplyKind::Canonical);
    assert!(client.cancel(&slow.turn()).await.unwrap());
    let stopped = slow.rest().await;
    assert_eq!(stopped.outcome, Outcome::Cancelled { by: CancelledBy::Person });
    assert!(!client.cancel(&stopped.envelopes[0].turn).await.unwrap(), "it has ended");
    model.dropped(1).await;
    model.release_many(words(STORY).len());
    slower.words().await;
    let heard = slower.rest().await;
    assert_eq!((&heard.outcome, heard.text()), (&Outcome::Completed, STORY.to_owned()));
}

#[tokio::test]
async fn one_socket_reads_so_many_turns_and_no_more() {
    let Stage { model, daemon, home: _home } = stage(Reply::gated(STORY)).await;
    let mut raw = Raw::open(&daemon).await;
    let mut turns = Vec::new();
    for id in 0..33 {
        raw.say(&ask(id, SMALL_TALK)).await;
        let answer = loop {
            let message = raw.json().await;
            if message["event"].is_null() {
                break message;
            }
        };
        assert_eq!(answer["id"], id);
        if id < 32 {
            turns.push(answer["turn"].clone());
        } else {
            assert_eq!((&answer["status"], &answer["error"]["code"]), (&json!(429), &json!("too_many_turns")));
        }
    }
    // One that ends makes room for another.
    raw.say(&json!({ "type": "cancel", "id": 40, "turn": turns[0] })).await;
    while raw.json().await["event"]["type"] != "TurnEnded" {}
    raw.say(&ask(41, SANE)).await;
    let answer = loop {
        let message = raw.json().await;
        if message["id"] == 41 {
            break message;
        }
    };
    assert_eq!(answer["type"], "reading", "{answer}");
    drop(model);
}

#[tokio::test]
async fn sixty_four_sockets_at_once_are_all_answered() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let sockets = join_all((0..64).map(|_| socket(&daemon))).await;
    let asked = sockets.iter().map(|client| async { say(client, &question(SANE)).await.reply().kind });
    for kind in join_all(asked).await {
        assert_eq!(kind, ReplyKind::Canonical);
    }
}

/// A reader who takes nothing while thousands of events come: they are not kept for it.
#[tokio::test]
async fn a_slow_reader_gets_a_snapshot() {
    let long = "la lo ".repeat(10_000);
    let Stage { model: _model, daemon, home: _home } = stage(Reply::text(&long)).await;
    let mut raw = Raw::open_narrow(&daemon, 4096).await;
    for id in 0..4 {
        raw.say(&ask(id, SMALL_TALK)).await;
    }
    let mut turns: BTreeMap<TurnId, Verifier> = BTreeMap::new();
    let (mut kept, mut snapshots, mut ended) = (0, 0, 0);
    while ended < 4 {
        let message = raw.text().await;
        let Ok(envelope) = serde_json::from_str::<Envelope>(&message) else {
            let answer: Value = serde_json::from_str(&message).unwrap();
            turns.insert(TurnId::from(answer["turn"].as_str().unwrap()), Verifier::new());
            if turns.len() == 4 {
                // From here on a quick reader sees all of them end, and this one sees nothing.
                for turn in turns.keys() {
                    let end = read(open_stream(&daemon, turn.as_str()).await).await.pop().unwrap();
                    assert!(end.contains("\"result\":\"completed\""), "{end}");
                }
            }
            continue;
        };
        turns.get_mut(&envelope.turn).unwrap().check(&envelope).unwrap();
        kept += 1;
        snapshots += usize::from(matches!(envelope.event, Event::Snapshot { .. }));
        ended += usize::from(matches!(envelope.event, Event::TurnEnded { .. }));
    }
    for verifier in turns.into_values() {
        verifier.finish().unwrap();
    }
    // All of them are more than the buffers between us hold.
    assert!(snapshots > 0 && kept < 4 * 20_000, "{snapshots} snapshots, {kept} events");
}

#[tokio::test]
async fn a_message_too_large_is_refused_and_no_other_socket_minds() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let (other, text) = (socket(&daemon).await, "x".repeat(5 * 1024 * 1024));
    let whole = frame(TEXT, ask(1, &text).to_string().as_bytes());
    // In pieces, each of which is small enough.
    let piece = |first| frame(first, " ".repeat(64 * 1024).as_bytes());
    let pieces: Vec<u8> = std::iter::once(piece(0x01)).chain((0..80).map(|_| piece(0x00))).flatten().collect();
    for bytes in [whole, pieces] {
        let mut raw = Raw::open(&daemon).await;
        // It is not read to its end, so writing it may fail half-way; what was answered stands.
        raw.try_write(&bytes).await;
        assert_eq!(raw.closed().await, Some(1009));
    }
    // The red twin: below the limit a message is read, and what it holds is judged.
    let mut raw = Raw::open(&daemon).await;
    raw.say(&ask(2, &"x".repeat(100 * 1024))).await;
    let refused = raw.json().await;
    assert_eq!(
        (&refused["id"], &refused["status"], &refused["error"]["code"]),
        (&json!(2), &json!(413), &json!("too_long"))
    );
    raw.say(&ask(3, SANE)).await;
    assert_eq!(raw.json().await["type"], "reading");
    assert_eq!(say(&other, &question(SANE)).await.reply().kind, ReplyKind::Canonical);
}

#[tokio::test]
async fn frames_that_are_none_close_the_socket_with_their_reason() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let hello = ask(1, SANE).to_string();
    let mut unmasked = vec![TEXT, u8::try_from(hello.len()).unwrap()];
    unmasked.extend(hello.as_bytes());
    for (what, bytes, code) in [
        ("unmasked", unmasked, 1002),
        ("an opcode that is none", frame(0x83, b"x"), 1002),
        ("a control opcode that is none", frame(0x8b, b"x"), 1002),
        ("a reserved bit", frame(0xc1, hello.as_bytes()), 1002),
        ("a long ping", frame(PING, &[0; 126]), 1002),
        ("a ping in pieces", frame(0x09, b"x"), 1002),
        ("a piece of nothing", frame(0x80, b"x"), 1002),
        ("a beginning in the middle", [frame(0x01, b"{"), frame(TEXT, b"{}")].concat(), 1002),
        ("binary", frame(BINARY, hello.as_bytes()), 1003),
        ("no UTF-8", frame(TEXT, b"\xff\xfe{}"), 1007),
    ] {
        let mut raw = Raw::open(&daemon).await;
        raw.write(&bytes).await;
        assert_eq!(raw.closed().await, Some(code), "{what}");
    }
    // Torn: there is nobody left to tell.
    let mut raw = Raw::open(&daemon).await;
    raw.write(&frame(TEXT, hello.as_bytes())[..20]).await;
    drop(raw);
    assert_eq!(say(&socket(&daemon).await, &question(SANE)).await.reply().kind, ReplyKind::Canonical);
}

#[tokio::test]
async fn messages_that_make_no_sense_are_refused_in_the_one_shape_and_the_socket_stays() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let mut raw = Raw::open(&daemon).await;
    let deep = "[".repeat(100_000);
    for (message, id, status) in [
        ("", Value::Null, 400),
        ("hello", Value::Null, 400),
        (deep.as_str(), Value::Null, 400),
        ("{\"type\":\"say\"}", Value::Null, 400),
        ("{\"type\":\"sing\",\"id\":4}", json!(4), 400),
        ("{\"type\":\"say\",\"id\":5,\"body\":{}}", json!(5), 400),
        ("{\"type\":\"say\",\"id\":6,\"body\":{\"text\":\"a\",\"role\":\"system\"}}", json!(6), 400),
        ("{\"type\":\"say\",\"id\":7,\"body\":{\"text\":\"a\"},\"more\":1}", json!(7), 400),
        ("{\"type\":\"say\",\"id\":8,\"body\":{\"text\":\"a\\u0000b\"}}", json!(8), 400),
        ("{\"type\":\"say\",\"id\":-1,\"body\":{\"text\":\"a\"}}", Value::Null, 400),
        ("{\"type\":\"resume\",\"id\":9,\"turn\":\"01JUNKJUNKJUNKJUNKJUNKJUNK\"}", json!(9), 404),
        ("{\"type\":\"resume\",\"id\":10,\"turn\":\"a\",\"after\":\"b.1:2\"}", json!(10), 400),
    ] {
        raw.send(TEXT, message.as_bytes()).await;
        let refused = raw.json().await;
        let got = (&refused["type"], &refused["id"], &refused["status"]);
        assert_eq!(got, (&json!("error"), &id, &json!(status)), "{message:.60}: {refused}");
        assert!(refused["error"]["code"].is_string() && refused["error"]["message"].is_string(), "{refused}");
    }
    raw.say(&json!({ "type": "cancel", "id": 11, "turn": "01JUNKJUNKJUNKJUNKJUNKJUNK" })).await;
    assert_eq!(raw.json().await, json!({ "type": "cancelled", "id": 11, "cancelled": false }));
    // The red twin, after all of that.
    raw.say(&ask(12, SANE)).await;
    assert_eq!(raw.json().await["type"], "reading");
    assert!(events(&mut raw).await.last().unwrap().contains("\"kind\":\"canonical\""));
}

#[tokio::test]
async fn both_sides_ask_whether_the_other_is_there_and_say_goodbye() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let mut raw = Raw::open(&daemon).await;
    assert_eq!(raw.frame().await, Some((PING, Vec::new())));
    raw.send(PING, b"here?").await;
    assert_eq!(raw.frame().await, Some((PONG, b"here?".to_vec())));
    raw.send(CLOSE, &1000_u16.to_be_bytes()).await;
    assert_eq!(raw.frame().await, Some((CLOSE, 1000_u16.to_be_bytes().to_vec())));
    assert_eq!(raw.frame().await, None);
}

#[tokio::test]
async fn an_upgrade_from_another_site_is_refused_before_it_happens() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let own = authority(&daemon).to_owned();
    let port = own.rsplit_once(':').unwrap().1.to_owned();
    let (local, rebound) = (format!("localhost:{port}"), format!("lumen-claim.example.net:{port}"));
    let [own_origin, local_origin, rebound_origin] = [&own, &local, &rebound].map(|host| format!("http://{host}"));
    for (headers, code) in [
        (vec![("origin", "https://lumen-claim.example.net")], "cross_site"),
        (vec![("origin", "http://127.0.0.1:1")], "cross_site"),
        (vec![("origin", "null")], "cross_site"),
        (vec![("origin", "")], "cross_site"),
        (vec![("origin", own_origin.as_str()), ("origin", "https://lumen-claim.example.net")], "cross_site"),
        (vec![("origin", local_origin.as_str())], "cross_site"),
        // A name of theirs that leads to us: the page's origin is then the same, but it is not our name.
        (vec![("origin", rebound_origin.as_str()), ("host", rebound.as_str())], "foreign_host"),
        (vec![("host", rebound.as_str())], "foreign_host"),
    ] {
        let (status, body) = upgrade(&daemon, &headers).await;
        assert_eq!(status, 403, "{headers:?}");
        assert!(body.contains(code), "{headers:?}: {body}");
    }
    // The red twins: the same site, no page at all, and a name that a proxy answers for.
    for headers in [
        vec![],
        vec![("origin", own_origin.as_str())],
        vec![("origin", local_origin.as_str()), ("host", local.as_str())],
        vec![("origin", "https://help.example.org"), ("host", "help.example.org"), ("x-forwarded-for", "192.0.2.7")],
    ] {
        assert_eq!(upgrade(&daemon, &headers).await, (101, String::new()), "{headers:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_no_upgrade_is_refused_in_the_one_shape() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let plain = http().get(format!("{}/v1/ws", daemon.url)).send().await.unwrap();
    assert!(plain.status().is_client_error(), "{}", plain.status());
    assert!(plain.text().await.unwrap().contains("\"code\":\"no_upgrade\""));
    for (name, value) in [("sec-websocket-version", "8"), ("upgrade", "h2c"), ("connection", "keep-alive")] {
        let (status, body) = upgrade(&daemon, &[(name, value)]).await;
        assert!((400..500).contains(&status) && body.contains("no_upgrade"), "{name}: {status} {body}");
    }
}

#[tokio::test]
async fn a_stopping_daemon_lets_turns_end_and_says_goodbye() {
    let Stage { model, mut daemon, home: _home } = stage(Reply::gated(STORY)).await;
    let (mut idle, mut busy) = (Raw::open(&daemon).await, Raw::open(&daemon).await);
    busy.say(&ask(1, SMALL_TALK)).await;
    tokio::time::timeout(crate::daemon::PATIENCE, model.arrived(1)).await.unwrap();
    daemon.signal("TERM").await;
    assert_eq!(idle.closed().await, Some(1001));
    // It drains: nothing new begins, and what was begun ends.
    busy.say(&ask(2, SANE)).await;
    while busy.json().await["status"] != 503 {}
    model.release_many(words(STORY).len());
    let heard = events(&mut busy).await;
    assert!(heard.last().unwrap().contains("\"result\":\"completed\""), "{heard:?}");
    assert_eq!(busy.closed().await, Some(1001));
    drop((idle, busy));
    assert!(daemon.gone().await.success());
}
