//! The reference deployment with two workspaces: two communities, their bots and their people, in one daemon at once.
//! Nothing of the one is ever found in the other.

use std::fmt::Write as _;
use std::fs;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use townkeeper_contract::stream::ReplyKind;
use townkeeper_fakes::telegram::TelegramServer;
use townkeeper_store::Store;
use townkeeper_web::routes::{Access, endpoints};

use crate::daemon::{Daemon, Home, http, press, question, say};

const TOKENS: [&str; 2] = ["7000000001:made-up-for-the-loopback-fake", "7000000002:made-up-for-the-loopback-fake"];
const SANE: &str = "how do I migrate from a hardware wallet?";
pub(crate) const OWL: &str = "---\nid: owl\ntitle: What is an owl?\nclass: routine\nowner: team\nreviewed_by: team\n\
    reviewed_at: 2026-11-16\nreview_by: 2029-12-31\nstatus: published\n\
    canonical_url: https://harbour.example.org/owl\nvariants:\n  - tell me of the owl\n  - describe the owl\n  \
    - the owl please\n---\nThe owl is the harbour's own.\n";

/// Lumen at the root, Harbour beside it, each with a bot.
fn town(telegrams: &[TelegramServer; 2]) -> Home {
    let home = Home::new();
    let folder = home.folder().join("harbour");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("owl.md"), OWL).unwrap();
    let mut more = format!(
        "[features]\nmulti_workspace = true\n[[workspace]]\nname = \"harbour\"\nagent = {{ name = \"Harbour Keeper\" }}\n\
         knowledge = {{ folder = \"{}\" }}\nintro = \"Ask the harbour.\"\nsuggestions = []\n",
        folder.display()
    );
    for (workspace, (telegram, token)) in ["main", "harbour"].into_iter().zip(telegrams.iter().zip(TOKENS)) {
        let file = home.folder().join(format!("{workspace}.token"));
        fs::write(&file, token).unwrap();
        write!(
            more,
            "[[account]]\nplatform = \"telegram\"\nname = \"{workspace}\"\nworkspace = \"{workspace}\"\n\
             token_file = \"{}\"\napi_base = \"{}\"\npoll_timeout_s = 1\nrequest_timeout_s = 2\n",
            file.display(),
            telegram.base_url()
        )
        .unwrap();
    }
    home.with(&more)
}

async fn telegrams() -> [TelegramServer; 2] {
    [TelegramServer::start(TOKENS[0]).await, TelegramServer::start(TOKENS[1]).await]
}

/// A client of the second workspace.
fn harbour(daemon: &Daemon) -> townkeeper_client::Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    townkeeper_client::Client::new(&format!("{}/w/harbour", daemon.url.trim_end_matches('/')), None).unwrap()
}

#[tokio::test]
async fn two_communities_live_in_one_daemon_and_never_mix() {
    let telegrams = telegrams().await;
    let home = town(&telegrams);
    let mut daemon = Daemon::start(&home).await;
    let (lumen, harbour) = (daemon.client(), harbour(&daemon));
    // Many people at once, in both: each hears its own base, and the other's questions are strange to it.
    let people = (0..24).map(|n| {
        let (client, own, foreign, answer) = if n % 2 == 0 {
            (&lumen, SANE, "tell me of the owl", "hardware")
        } else {
            (&harbour, "tell me of the owl", SANE, "the harbour's own")
        };
        async move {
            let known = say(client, &question(own)).await;
            assert_eq!(known.reply().kind, ReplyKind::Canonical);
            assert!(known.text().contains(answer), "{}", known.text());
            let strange = say(client, &question(foreign)).await;
            assert_ne!(strange.reply().kind, ReplyKind::Canonical, "{}", strange.text());
            let offer = strange.reply().offers.last().unwrap().action.clone();
            say(client, &press(&offer, &strange.conversation)).await;
        }
    });
    let chats = async {
        for n in 1..=6 {
            telegrams[0].push_message(n, n, SANE);
            telegrams[1].push_message(n, n, "tell me of the owl");
        }
        tokio::join!(telegrams[0].wait_sent(6), telegrams[1].wait_sent(6))
    };
    let (_, (first, second)) = tokio::join!(join_all(people), chats);
    assert!(first.iter().all(|sent| !sent.text.contains("harbour")));
    assert!(second.iter().all(|sent| sent.text.contains("harbour's own")));
    daemon.signal("TERM").await;
    daemon.gone().await;

    let store = Store::open(&home.data()).await.unwrap();
    for (workspace, account) in [("main", "telegram:main"), ("harbour", "telegram:harbour")] {
        let ledger = store.ledger(workspace).await.unwrap();
        assert_eq!((ledger.events.len(), ledger.turns), (42, 42), "{workspace}");
        assert!(ledger.events.iter().all(|event| event.account == account || event.account == "web"));
        // Each counts its own tickets, from 1.
        assert_eq!(ledger.tickets.iter().map(|ticket| ticket.number).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
    }
}

async fn ask(daemon: &Daemon, method: Method, path: &str, token: &str, body: Option<Value>) -> reqwest::Response {
    let request = http().request(method, format!("{}{path}", daemon.url.trim_end_matches('/'))).bearer_auth(token);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    request.send().await.unwrap()
}

/// Endpoint × foreign workspace: a token that is good in one is told of nothing in the other.
#[tokio::test]
async fn a_token_of_one_workspace_finds_nothing_in_the_other() {
    let telegrams = telegrams().await;
    let home = town(&telegrams);
    let daemon = Daemon::start(&home).await;
    let operator = fs::read_to_string(home.data().join("api.token")).unwrap().trim().to_owned();
    let scopes = ["read_tickets", "manage_people", "manage_tokens", "read_audit", "freeze", "thaw", "operate"];
    let body = json!({ "name": "machine", "scopes": scopes, "days": 1 });
    let made = ask(&daemon, Method::POST, "/w/harbour/v1/tokens", &operator, Some(body)).await;
    assert_eq!(made.status(), 201);
    let token = made.json::<Value>().await.unwrap()["token"].as_str().unwrap().to_owned();
    let mut asked = 0;
    for endpoint in endpoints() {
        if matches!(endpoint.access, Access::Public | Access::Visitor) {
            continue;
        }
        let mut path = endpoint.path.to_owned();
        for part in ["{person}", "{token}", "{role}", "{platform}", "{id}"] {
            path = path.replace(part, "editor");
        }
        let foreign = ask(&daemon, endpoint.method.clone(), &path, &token, None).await;
        assert_eq!(foreign.status(), 404, "{} {path}", endpoint.method);
        asked += 1;
    }
    assert!(asked > 12, "{asked}");
    // The twin: at home it is let in.
    assert_eq!(ask(&daemon, Method::GET, "/w/harbour/v1/tickets", &token, None).await.status(), 200);
    assert_eq!(ask(&daemon, Method::GET, "/v1/tickets", &token, None).await.status(), 404);
    // The key is everybody's: who may all in one community does not change it for the others.
    assert_eq!(ask(&daemon, Method::POST, "/w/harbour/v1/key/rotate", &token, None).await.status(), 403);
    assert_eq!(ask(&daemon, Method::POST, "/w/harbour/v1/key/rotate", &operator, None).await.status(), 200);
    // Guesses are counted once, wherever they are made.
    for n in 0..10 {
        let wrong = townkeeper_core::secret::token(&[n; 32]);
        for path in ["/v1/me", "/w/harbour/v1/me"] {
            assert_eq!(ask(&daemon, Method::GET, path, &wrong, None).await.status(), 401);
        }
    }
    for path in ["/v1/me", "/w/harbour/v1/me"] {
        assert_eq!(ask(&daemon, Method::GET, path, "wrong", None).await.status(), 429, "{path}");
    }
}

/// A freeze is a community's own; the page of each knows its own paths.
#[tokio::test]
async fn one_may_freeze_while_the_other_goes_on() {
    let telegrams = telegrams().await;
    let home = town(&telegrams);
    let daemon = Daemon::start(&home).await;
    let freeze = home.run(&["--workspace", "harbour", "freeze", "a drill"]).await;
    assert!(freeze.status.success(), "{}", String::from_utf8_lossy(&freeze.stderr));
    telegrams[1].push_message(1, 1, "tell me of the owl");
    telegrams[0].push_message(1, 1, SANE);
    telegrams[0].wait_sent(1).await;
    assert!(telegrams[1].sent().is_empty());
    assert_eq!(say(&daemon.client(), &question(SANE)).await.reply().kind, ReplyKind::Canonical);
    let page = http().get(format!("{}/w/harbour/", daemon.url.trim_end_matches('/'))).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("Harbour Keeper") && page.contains("/w/harbour/assets/chat.js"), "{page}");
    let elsewhere = http().get(format!("{}/w/nowhere/", daemon.url.trim_end_matches('/'))).send().await.unwrap();
    assert_eq!(elsewhere.status(), 404);
}

#[tokio::test]
async fn a_second_workspace_needs_its_feature() {
    let home = Home::new().with("[[workspace]]\nname = \"harbour\"\n");
    let refused = home.run(&["serve"]).await;
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains("multi_workspace = true"), "{words}");
    let home = Home::new().with("[features]\nmulti_workspace = true\n[[workspace]]\nname = \"Har bour\"\n");
    let words = String::from_utf8_lossy(&home.run(&["serve"]).await.stderr).into_owned();
    assert!(words.contains("a-z"), "{words}");
}
