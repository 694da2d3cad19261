//! Public lists: fetched from a server on the loopback, kept, and gone by in a Telegram group; bad ones refused by name,
//! the last good one kept, over a restart too. The gate that lets no daemon ask this machine in the clear is taken away
//! where a list is to be fetched (`fetch.gates:off`, in builds for tests alone); where it is not, it holds.

use std::process::Output;

use serde_json::{Value, json};
use townkeeper_contract::lists::{PublicList, PublicLists};
use townkeeper_fakes::lists::ListServer;
use townkeeper_fakes::telegram::TelegramServer;

use crate::daemon::{Daemon, Home, PATIENCE};

const TOKEN: &str = "123456:abcDEF";
const GROUP: i64 = -1_001_234;
const STRANGER: i64 = 43;
const OPEN: &str = "fetch.gates:off";

/// Four hosts, one below a suffix that is everybody's, which is left out as such.
const GOOD: &str =
    "# bad\nclaim-lum.example.net\nswap.example.com\npages.dev\nthief.pages.dev\nt.me\nmint.example.net\n";

async fn stage(body: &str) -> (ListServer, TelegramServer, Home) {
    let server = ListServer::start(body).await;
    let telegram = TelegramServer::start(TOKEN).await;
    let list = format!("[[shield.list]]\nname = \"public\"\nurl = \"{}\"\nlicence = \"MIT\"\n", server.url());
    let home = Home::new().with_telegram(telegram.base_url(), TOKEN).with(&list);
    (server, telegram, home)
}

async fn daemon(home: &Home, fault: &str) -> Daemon {
    Daemon::start_with_fault(home, fault).await.expect("the daemon did not start")
}

async fn end(mut daemon: Daemon) {
    daemon.signal("TERM").await;
    assert!(daemon.gone().await.success());
}

fn read(output: &Output) -> PublicList {
    let lists: PublicLists = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    lists.lists.into_iter().next().expect("no list is shown")
}

/// Fetches now. The answer, and whether the command says that it went well.
async fn fetch(home: &Home) -> (PublicList, bool) {
    let output = home.run(&["shield", "lists", "fetch", "public", "--json"]).await;
    (read(&output), output.status.success())
}

/// Says something in the group, and returns the ids of the signals of the case that it led to, if it did.
async fn signals(telegram: &TelegramServer, home: &Home, text: &str) -> Vec<String> {
    let update = telegram.push_message(GROUP, STRANGER, text);
    tokio::time::timeout(PATIENCE, telegram.wait_confirmed(update)).await.expect("it is not taken");
    let output = home.run(&["shield", "cases", "--json"]).await;
    let cases: Value = serde_json::from_slice(&output.stdout).unwrap();
    let words = text.rsplit("//").next().unwrap_or_default().replace('.', "[.]");
    let case = cases["cases"].as_array().unwrap().iter().find(|case| case["text"].as_str().unwrap().contains(&words));
    let found = case.and_then(|case| case["verdict"]["signals"].as_array()).cloned().unwrap_or_default();
    found.iter().map(|signal| signal["id"].as_str().unwrap().to_owned()).collect()
}

fn denied(signals: &[String]) -> bool {
    signals.iter().any(|id| id == "denied_host")
}

#[tokio::test]
async fn a_listed_host_is_found_from_the_moment_its_list_is_fetched() {
    let (server, telegram, home) = stage("other.example.net\n").await;
    let daemon = daemon(&home, OPEN).await;
    fetch(&home).await;
    assert!(!denied(&signals(&telegram, &home, "have a look at https://claim-lum.example.net").await));

    server.put("text/plain", GOOD.as_bytes());
    let (list, well) = fetch(&home).await;
    assert!(well, "{list:?}");
    assert_eq!((list.hosts, list.age_days, list.licence.as_str(), list.failed), (4, Some(0), "MIT", None));
    assert!(denied(&signals(&telegram, &home, "go to https://claim-lum.example.net").await));
    assert!(denied(&signals(&telegram, &home, "go to https://a.thief.pages.dev").await), "and what is below it");
    for honest in ["go to https://honest.pages.dev", "go to https://t.me", "go to https://other.example.net"] {
        assert!(!denied(&signals(&telegram, &home, honest).await), "{honest}");
    }
    // As it was: asked for with its tag, and not read again.
    let (same, well) = fetch(&home).await;
    assert!(well && same.sha256 == list.sha256 && same.fetched_ms == list.fetched_ms);
    assert!(same.checked_ms >= list.checked_ms);
    assert_eq!(server.asked().last().unwrap().as_deref(), Some("\"2\""));

    let metrics = crate::daemon::http().get(format!("{}/metrics", daemon.url)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for line in [
        "townkeeper_shield_list_hosts{list=\"public\"} 4",
        "townkeeper_shield_list_fetches_total{list=\"public\",outcome=\"taken\"} 2",
    ] {
        assert!(metrics.contains(line), "{line}");
    }
    let missing = home.run(&["shield", "lists", "fetch", "nobody"]).await;
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no list `nobody` is used"));
    end(daemon).await;
}

#[tokio::test]
async fn a_bad_list_is_named_and_the_last_good_one_stays_over_a_restart() {
    let (server, telegram, home) = stage(GOOD).await;
    let allow = home.folder().join("allow.txt");
    std::fs::write(&allow, "friend.example.net\n").unwrap();
    let home = home.with(&format!("[shield]\nallow = [\"{}\"]\n", allow.display()));
    let running = daemon(&home, OPEN).await;
    let good = fetch(&home).await.0;
    assert_eq!(good.hosts, 4);
    let (plain, own) = ("text/plain", "is ours: tell the list's keepers");
    let bad: [(&str, &[u8], &str); 9] = [
        (plain, b"claim-lum.example.net", "1 hosts where there were 4: check its source"),
        (plain, b"", "0 hosts where there were 4"),
        (plain, b"a.example.net\nb.example.net\nlumen.example.org\nd.example.net", own),
        (plain, b"a.example.net\nb.example.net\nc.example.net\nexample.org", "line 4: `example.org` is ours"),
        (plain, b"a.example.net\nb.example.net\nfriend.example.net", "line 3: `friend.example.net` is on the allow"),
        (plain, b"<!DOCTYPE html><html>Not found</html>", "a web page, not a list"),
        ("text/html", b"<html>", "is `text/html`, which is not read here"),
        (plain, b"a.example.net\n\xff\xfe\n", "line 2: not UTF-8"),
        (plain, b"a.example.net\nwhat is this\n", "line 2: `what is this` is no host: write one host a line"),
    ];
    for (media, body, says) in bad {
        server.put(media, body);
        let (list, well) = fetch(&home).await;
        let why = list.failed.expect("it was taken");
        assert!(!well && why.contains(says), "{says}: {why}");
        assert_eq!((list.hosts, list.sha256), (4, good.sha256.clone()), "{why}");
    }
    assert!(denied(&signals(&telegram, &home, "go to https://mint.example.net").await));
    let doctor = home.run(&["doctor", "--offline"]).await;
    let doctor = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.contains("public: 4 hosts, of today; not taken: refused: line 2: `what is this`"), "{doctor}");
    end(running).await;

    // The next life asks in vain: with its gates, nothing is fetched from this machine or in the clear.
    let asked = server.asked().len();
    let running = Daemon::start(&home).await;
    assert!(denied(&signals(&telegram, &home, "go to https://swap.example.com").await), "before anybody was asked");
    let (list, well) = fetch(&home).await;
    assert!(!well && list.failed.unwrap().contains("is no https address; nothing is fetched in the clear"));
    assert_eq!((list.hosts, list.sha256, server.asked().len()), (4, good.sha256, asked));
    end(running).await;
}

/// The red twin: without the look at what is ours, a list denies the whole domain that we live in.
#[tokio::test]
async fn red_twin_without_the_guard_a_list_denies_our_own_domain() {
    let (_server, telegram, home) = stage("a.example.net\nexample.org\n").await;
    let running = daemon(&home, "fetch.gates+lists.ours:off").await;
    let (list, well) = fetch(&home).await;
    assert!(well && list.hosts == 2, "{list:?}");
    assert!(denied(&signals(&telegram, &home, "go to https://forum.example.org").await));
    end(running).await;
}

#[tokio::test]
async fn a_damaged_or_dropped_list_is_begun_anew() {
    let (server, _telegram, home) = stage(GOOD).await;
    let running = daemon(&home, OPEN).await;
    fetch(&home).await;
    end(running).await;
    let file = home.data().join("lists/public.list");
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    std::fs::write(home.data().join("lists/gone.list"), "x").unwrap();
    // Half the hosts: the damaged list is no measure.
    server.put("text/plain", b"claim-lum.example.net\n");
    let running = daemon(&home, OPEN).await;
    let (list, well) = fetch(&home).await;
    assert!(well && list.hosts == 1, "{list:?}");
    assert!(!home.data().join("lists/gone.list").exists(), "of a list that is no longer configured");
    end(running).await;
}

#[tokio::test]
async fn workspaces_share_the_lists_and_none_is_used_by_itself() {
    let (server, _telegram, home) = stage(GOOD).await;
    let home = home.with("[features]\nmulti_workspace = true\n[[workspace]]\nname = \"harbour\"\n");
    let running = daemon(&home, OPEN).await;
    let fetched = fetch(&home).await.0;
    let asked = server.asked().len();
    let shown = read(&home.run(&["--workspace", "harbour", "shield", "lists", "--json"]).await);
    assert_eq!((shown.hosts, shown.fetched_ms, server.asked().len()), (4, fetched.fetched_ms, asked));
    end(running).await;
    let own = home.with("shield = { use = [\"polkadot-js\"] }\n");
    let refused = own.run(&["serve"]).await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("shared by all; name them in [shield]"));

    let home = Home::new();
    let _running = Daemon::start(&home).await;
    let text = String::from_utf8(home.run(&["shield", "lists"]).await.stdout).unwrap();
    assert!(text.starts_with("No public list is used."), "{text}");
    for says in ["Apache-2.0", "GPL-3.0", "no licence file: ask its keepers"] {
        assert!(text.contains(says), "{says}");
    }
    let nothing = home.run(&["shield", "lists", "--json"]).await;
    assert_eq!(serde_json::from_slice::<Value>(&nothing.stdout).unwrap(), json!({ "lists": [] }));
    assert!(!home.data().join("lists").exists());
}
