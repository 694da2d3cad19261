//! Vectors beside words: a question that only its meaning finds, and everything that can be wrong with whoever makes the
//! vectors. Words answer whatever becomes of it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use townkeeper_contract::api::VectorHealth;
use townkeeper_contract::stream::ReplyKind;
use townkeeper_fakes::model::embeddings::{Embedder, Fault};
use townkeeper_fakes::model::{ModelServer, Script};

use crate::daemon::{Daemon, Heard, Home, PATIENCE, question, say};
use crate::vendors::metric;

const ENTRIES: usize = 30;

/// No word of it stands in the base; to the server it means what entry 7 means.
const PARAPHRASE: &str = "where do zebras sleep";

/// Its words find entry 3; it is none of that entry's questions.
const IN_WORDS: &str = "topic3x3 matter3z3 please";

fn questions(entry: usize) -> Vec<String> {
    let e = entry;
    (0..5).map(|v| format!("topic{e}x{e} subject{e}y{e} matter{e}z{e} word{v}")).collect()
}

fn write_base(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for e in 0..ENTRIES {
        let mut text = format!(
            "---\nid: e{e}\ntitle: {}\nclass: routine\nowner: team\nreviewed_by: team\nreviewed_at: 2026-11-16\n\
             review_by: 2099-12-31\nstatus: published\ncanonical_url: https://lumen.example.org/e{e}\nvariants:\n",
            questions(e)[0]
        );
        questions(e).iter().skip(1).for_each(|question| writeln!(text, "  - {question}").unwrap());
        text.push_str("---\n\nReviewed words.\n");
        std::fs::write(folder.join(format!("e{e}.md")), text).unwrap();
    }
}

fn one(at: usize) -> Vec<f32> {
    (0..=ENTRIES).map(|i| if i == at { 1.0 } else { 0.0 }).collect()
}

/// To it, every question of an entry means the same, and nothing else.
fn embedder() -> Embedder {
    let entries = (0..ENTRIES).fold(Embedder::new(one(ENTRIES)), |all, e| all.when(&format!("topic{e}x"), one(e)));
    entries.when("zebras", one(7))
}

struct Stage {
    server: ModelServer,
    home: Home,
}

/// A home whose vectors come from a server, with this patience.
async fn stage(embedder: Embedder, timeout_ms: u64) -> Stage {
    let server = ModelServer::start(Script::new()).await;
    server.embed(embedder);
    let home = Home::new();
    let folder = home.folder().join("kb");
    write_base(&folder);
    let home = home.with(&format!(
        "[knowledge]\nfolder = \"{}\"\n[knowledge.vectors]\nbase_url = \"{}\"\nmodel = \"small\"\ntimeout_ms = {timeout_ms}\n",
        folder.display(),
        server.base_url()
    ));
    Stage { server, home }
}

/// Asks how it does until it is like this.
async fn until(daemon: &Daemon, fact: impl Fn(&VectorHealth) -> bool) -> VectorHealth {
    let looking = async {
        loop {
            let health = daemon.client().ready().await.unwrap().vectors.expect("vectors are configured");
            if fact(&health) {
                return health;
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it never comes to that")
}

fn is_hybrid(health: &VectorHealth) -> bool {
    health.hybrid_since_ms.is_some()
}

async fn ask(daemon: &Daemon, text: &str) -> Heard {
    say(&daemon.client(), &question(text)).await
}

fn cited(heard: &Heard) -> Option<&str> {
    let reply = heard.reply();
    assert!(matches!(reply.kind, ReplyKind::Canonical | ReplyKind::Abstention), "{reply:?}");
    reply.citation.as_ref().map(|citation| citation.entry.as_str())
}

async fn outcome(stage: &Stage, daemon: &Daemon, outcome: &str) -> Option<f64> {
    metric(&stage.home, daemon, &format!("townkeeper_embeddings_total{{outcome=\"{outcome}\"}}")).await
}

/// The last request, if it was for a question's vector.
fn last_question(server: &ModelServer) -> Option<String> {
    server.embedded().pop().filter(|asked| asked.texts.len() == 1).and_then(|mut asked| asked.texts.pop())
}

#[tokio::test]
async fn its_meaning_finds_what_its_words_do_not() {
    let stage = stage(embedder(), 60_000).await;
    let daemon = Daemon::start(&stage.home).await;
    until(&daemon, is_hybrid).await;
    assert_eq!(cited(&ask(&daemon, PARAPHRASE).await), Some("e7"));
    assert_eq!(last_question(&stage.server).as_deref(), Some(PARAPHRASE), "nothing but the question leaves");
    assert_eq!(cited(&ask(&daemon, "something else entirely").await), None);
    assert_eq!(outcome(&stage, &daemon, "ok").await, Some(2.0));
    // What stands in the base word for word is told to nobody.
    let asked = stage.server.embedded().len();
    assert_eq!(cited(&ask(&daemon, &questions(3)[2]).await), Some("e3"));
    assert_eq!(stage.server.embedded().len(), asked);
    let doctor = stage.home.run(&["doctor"]).await;
    let said = String::from_utf8(doctor.stdout).unwrap();
    assert!(said.contains("hybrid since 20") && said.contains("31 numbers in"), "{said}");
}

/// The red twin: without vectors nobody finds it.
#[tokio::test]
async fn red_twin_without_vectors_the_paraphrase_is_not_answered() {
    let home = Home::new();
    let folder = home.folder().join("kb");
    write_base(&folder);
    let home = home.with(&format!("[knowledge]\nfolder = \"{}\"\n", folder.display()));
    let daemon = Daemon::start(&home).await;
    assert_eq!(cited(&ask(&daemon, PARAPHRASE).await), None);
    assert_eq!(cited(&ask(&daemon, IN_WORDS).await), Some("e3"));
    assert_eq!(daemon.client().ready().await.unwrap().vectors, None);
}

#[tokio::test]
async fn a_silent_server_costs_a_short_time_and_soon_none() {
    let stage = stage(embedder(), 100).await;
    let daemon = Daemon::start(&stage.home).await;
    until(&daemon, is_hybrid).await;
    stage.server.embed(embedder().always(Fault::Silence));
    let before = stage.server.embedded().len();
    for asked in 1..=5 {
        assert_eq!(cited(&ask(&daemon, IN_WORDS).await), Some("e3"), "words answer");
        assert_eq!(stage.server.embedded().len(), before + asked.min(3), "after three it is left alone");
    }
    assert_eq!(cited(&ask(&daemon, PARAPHRASE).await), None);
    assert_eq!(
        (outcome(&stage, &daemon, "slow").await, outcome(&stage, &daemon, "skipped").await),
        (Some(3.0), Some(3.0))
    );
    stage.server.dropped(3).await;
}

/// The red twin: with the guard out of reach a question waits for the server, and is answered when that is gone.
#[tokio::test]
async fn red_twin_without_a_time_limit_a_question_waits_for_the_server() {
    let stage = stage(embedder(), 3_600_000).await;
    let daemon = Daemon::start(&stage.home).await;
    until(&daemon, is_hybrid).await;
    stage.server.embed(embedder().always(Fault::Silence));
    let before = stage.server.embedded().len();
    let client = daemon.client();
    let asked = question(IN_WORDS);
    let mut waiting = Box::pin(say(&client, &asked));
    tokio::select! {
        heard = &mut waiting => panic!("nobody waited: {heard:?}"),
        () = stage.server.asked_for_vectors(before + 1) => {}
    }
    let Stage { server, home } = stage;
    drop(server);
    assert_eq!(cited(&waiting.await), Some("e3"));
    let gone = "townkeeper_embeddings_total{outcome=\"unreachable\"}";
    assert_eq!(metric(&home, &daemon, gone).await, Some(1.0), "not its own patience ended it");
}

#[tokio::test]
async fn a_server_that_refuses_or_gives_other_vectors_leaves_the_words() {
    for (fault, name) in [
        (Fault::Status { status: 500, headers: Vec::new() }, "refused"),
        (Fault::Status { status: 400, headers: Vec::new() }, "refused"),
        (Fault::Dims(7), "unfit"),
    ] {
        let stage = stage(embedder(), 60_000).await;
        let daemon = Daemon::start(&stage.home).await;
        until(&daemon, is_hybrid).await;
        stage.server.embed(embedder().always(fault.clone()));
        assert_eq!(cited(&ask(&daemon, IN_WORDS).await), Some("e3"), "{fault:?}");
        assert_eq!(outcome(&stage, &daemon, name).await, Some(1.0), "{fault:?}");
        // What was kept is of a model that is there no more, if the size is another.
        assert_eq!(stage.home.data().join("vectors.main").exists(), name != "unfit");
    }
}

#[tokio::test]
async fn a_restart_asks_for_nothing_again_and_neither_does_a_publication() {
    let stage = stage(embedder(), 60_000).await;
    let daemon = Daemon::start(&stage.home).await;
    let since = until(&daemon, is_hybrid).await.hybrid_since_ms;
    let asked: usize = stage.server.embedded().iter().map(|asked| asked.texts.len()).sum();
    assert_eq!(asked, 5 * ENTRIES, "each text once");
    let requests = stage.server.embedded().len();

    let withdrawn = stage.home.run(&["knowledge", "withdraw", "e5.md"]).await;
    assert!(withdrawn.status.success(), "{withdrawn:?}");
    until(&daemon, |health| is_hybrid(health) && health.hybrid_since_ms != since).await;
    assert_eq!(stage.server.embedded().len(), requests);
    daemon.kill().await;

    let daemon = Daemon::start(&stage.home).await;
    until(&daemon, is_hybrid).await;
    assert_eq!(stage.server.embedded().len(), requests);
    assert_eq!(cited(&ask(&daemon, PARAPHRASE).await), Some("e7"));
    daemon.kill().await;

    // The red twin: without what was kept, all are asked for again.
    std::fs::remove_file(stage.home.data().join("vectors.main")).unwrap();
    let daemon = Daemon::start(&stage.home).await;
    until(&daemon, is_hybrid).await;
    let again: usize = stage.server.embedded().iter().skip(requests + 1).map(|asked| asked.texts.len()).sum();
    assert_eq!(again, 5 * (ENTRIES - 1));
}

#[tokio::test]
async fn a_server_that_is_busy_at_the_start_is_asked_again_when_it_says() {
    let busy = Fault::Status { status: 429, headers: vec![("retry-after".to_owned(), "2".to_owned())] };
    let stage = stage(embedder().first(busy), 60_000).await;
    let daemon = Daemon::start(&stage.home).await;
    until(&daemon, |health| health.trouble.as_deref().is_some_and(|trouble| trouble.contains("tried again"))).await;
    assert_eq!(cited(&ask(&daemon, IN_WORDS).await), Some("e3"), "the base is live by its words");
    let doctor = String::from_utf8(stage.home.run(&["doctor", "--offline"]).await.stdout).unwrap();
    assert!(doctor.contains("lexical: the server of vectors fails") || doctor.contains("hybrid since"), "{doctor}");
    until(&daemon, is_hybrid).await;
    let times: Vec<_> = stage.server.embedded().iter().map(|asked| asked.at).collect();
    assert!(times[1] - times[0] >= Duration::from_secs(2), "{times:?}");
    assert_eq!(cited(&ask(&daemon, PARAPHRASE).await), Some("e7"));
}

/// A server whose model changes between two batches: what came before is made anew.
#[tokio::test]
async fn vectors_of_two_sizes_do_not_stand_side_by_side() {
    let stage = stage(embedder().first(Fault::Dims(7)), 60_000).await;
    let daemon = Daemon::start(&stage.home).await;
    until(&daemon, is_hybrid).await;
    let asked: usize = stage.server.embedded().iter().map(|asked| asked.texts.len()).sum();
    assert_eq!(asked, 5 * ENTRIES + 64, "the first batch twice");
    assert_eq!(cited(&ask(&daemon, PARAPHRASE).await), Some("e7"));
}

#[tokio::test]
async fn a_table_does_the_same_without_anybody_else() {
    let home = Home::new();
    let folder = home.folder().join("kb");
    write_base(&folder);
    let table = home.folder().join("small.vec");
    let mut text = format!("{} {}\n", 3 * ENTRIES + 1, ENTRIES + 1);
    let numbers = |at| one(at).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    for e in 0..ENTRIES {
        for word in [format!("topic{e}x{e}"), format!("subject{e}y{e}"), format!("matter{e}z{e}")] {
            writeln!(text, "{word} {}", numbers(e)).unwrap();
        }
    }
    writeln!(text, "zebras {}", numbers(7)).unwrap();
    std::fs::write(&table, text).unwrap();
    let knowledge = format!("[knowledge]\nfolder = \"{}\"\n", folder.display());
    let home = home.with(&format!("{knowledge}[knowledge.vectors]\ntable = \"{}\"\n", table.display()));
    let report = String::from_utf8(home.run(&["knowledge", "report"]).await.stdout).unwrap();
    assert!(report.contains("Looked up by words and vectors."), "{report}");
    let daemon = Daemon::start(&home).await;
    until(&daemon, is_hybrid).await;
    assert_eq!(cited(&ask(&daemon, PARAPHRASE).await), Some("e7"));

    let (base, queries) = (home.folder().join("base.jsonl"), home.folder().join("queries.jsonl"));
    let row = |e: usize| {
        let asked = questions(e);
        format!("{}\n", serde_json::json!({ "id": format!("e{e}"), "question": asked[0], "variants": asked[1..] }))
    };
    std::fs::write(&base, (0..ENTRIES).map(row).collect::<String>()).unwrap();
    std::fs::write(&queries, format!("{{\"q\": \"{PARAPHRASE}\", \"entry\": \"e7\"}}\n")).unwrap();
    let args =
        ["knowledge", "eval", "--base", base.to_str().unwrap(), "--queries", queries.to_str().unwrap(), "--json"];
    let zone =
        |out: &str| serde_json::from_str::<serde_json::Value>(out.lines().next().unwrap()).unwrap()["zone"].clone();
    let out = String::from_utf8(home.run(&args).await.stdout).unwrap();
    assert_eq!(zone(&out), "abstain", "{out}");
    let out =
        String::from_utf8(home.run(&[&args[..], &["--table", table.to_str().unwrap()]].concat()).await.stdout).unwrap();
    assert_eq!(zone(&out), "answer", "{out}");
    assert!(out.contains("\"hybrid\":true"), "{out}");
}

#[tokio::test]
async fn what_cannot_be_used_is_named_with_its_line() {
    let table = "table = \"t.vec\"\n";
    let server = "base_url = \"http://127.0.0.1:9/v1\"\nmodel = \"m\"\n";
    for (section, words) in [
        (format!("{table}{server}"), "`table` and a server are both set"),
        (String::new(), "`table` or `base_url` is missing"),
        ("base_url = \"http://127.0.0.1:9/v1\"\n".to_owned(), "`base_url` needs `model`"),
        (format!("{server}timeout_ms = 0\n"), "`timeout_ms` must be 1 or more"),
        (format!("{server}timeout_m = 3\n"), "did you mean `timeout_ms`?"),
    ] {
        let home = Home::new().with(&format!("\n[knowledge.vectors]\n{section}"));
        let checked = home.run(&["config", "check"]).await;
        let said = String::from_utf8(checked.stderr).unwrap();
        let line = said.split("townkeeper.toml:").nth(1).and_then(|rest| rest.split(':').next()?.parse::<usize>().ok());
        assert!(!checked.status.success() && said.contains(words), "{said}");
        assert!(line.is_some_and(|line| line >= 4), "{said}");
    }
    let home = Home::new();
    let file = home.folder().join("bad.vec");
    std::fs::write(&file, "owl 1 0\nbird 1\n").unwrap();
    let home = home.with(&format!("[knowledge.vectors]\ntable = \"{}\"\n", file.display()));
    let started = home.run(&["serve"]).await;
    let said = String::from_utf8(started.stderr).unwrap();
    assert!(!started.status.success() && said.contains("bad.vec:2: this is no word with 2 numbers"), "{said}");
}
