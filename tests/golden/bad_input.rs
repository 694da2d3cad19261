//! What cannot work: at the start one clear line says where and what to do; afterwards it is refused or answered, and
//! the daemon stands.

use std::path::Path;

use serde_json::{Value, json};
use townkeeper_contract::stream::ReplyKind;
use townkeeper_fakes::telegram::TelegramServer;

use crate::daemon::{Daemon, Home, PATIENCE, http, question, say};

/// Answered by the base, whatever came before.
const SANE: &str = "When does the migration end?";

/// A start that fails: its words, which must hold each of these.
async fn refuses(home: &Home, args: &[&str], expected: &[&str]) {
    let ended = home.run(args).await;
    let (out, err) = (String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap());
    assert_eq!((ended.status.code(), out.as_str()), (Some(1), ""), "{err}");
    assert!(err.starts_with("townkeeper: "), "no log lines, no backtrace: {err}");
    for words in expected {
        assert!(err.contains(words), "no {words:?} in: {err}");
    }
    // A list of faults has a line for each, below its heading.
    assert!(err.lines().skip(1).all(|line| line.starts_with("  ")), "one line: {err}");
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused_with_its_line() {
    let provider = "[[provider]]\nkind = \"compatible\"\nmodel = \"m\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";
    // The harness writes two lines before these.
    for (toml, expected) in [
        ("[web]\nlisen = \"x\"\n", ["townkeeper.toml:4", "unknown key `lisen`", "did you mean `listen`"].as_slice()),
        ("[knowlege]\n", &["townkeeper.toml:3", "unknown key `knowlege`", "`knowledge`"]),
        ("\n[log]\nlevel = 3\n", &["townkeeper.toml:5", "string"]),
        ("[web\n", &["townkeeper.toml:3"]),
        ("[log]\nlevel = \"lo=ud=\"\n", &["[log] level", "lo=ud="]),
        (&format!("{provider}base_ulr = \"x\"\n"), &["townkeeper.toml:7", "base_ulr", "did you mean `base_url`"]),
        (&provider.replace("compatible", "oracle"), &["townkeeper.toml:4", "oracle"]),
        (&provider.replace("http://127.0.0.1:9/v1", "not a url"), &["base_url"]),
        (
            &format!("{provider}api_key_file = \"/nowhere/key\"\n"),
            &["/nowhere/key", "[[provider]] api_key_file", "check"],
        ),
        (&format!("{provider}api_key_env = \"TOWNKEEPER_NO_SUCH_KEY\"\n"), &["TOWNKEEPER_NO_SUCH_KEY", "not set"]),
        ("[[account]]\nplatform = \"irc\"\nname = \"a\"\ntoken_file = \"Cargo.toml\"\n", &["irc:a", "telegram"]),
    ] {
        let home = Home::new().with(toml);
        refuses(&home, &["serve"], expected).await;
        // Found without starting anything, too.
        if !toml.contains("level = \"lo") {
            refuses(&home, &["config", "check"], expected).await;
        }
        assert!(!home.data().exists(), "nothing was made");
    }
}

#[tokio::test]
async fn a_setting_of_the_environment_that_cannot_work_is_named() {
    let home = Home::new();
    for (name, value, expected) in [
        ("TOWNKEEPER__WEB__LISEN", "x", "lisen"),
        ("TOWNKEEPER__LOG__JSON", "perhaps", "environment"),
        ("TOWNKEEPER__WEB__LISTEN__DEEPER", "1", "TOWNKEEPER__WEB__LISTEN"),
    ] {
        let mut command = home.command(&["config", "check"]);
        let ended = command.env(name, value).output().await.unwrap();
        let err = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{name}: {err}");
        assert!(err.contains(expected) && err.trim_end().lines().count() == 1, "{name}: {err}");
    }
}

#[tokio::test]
async fn a_token_file_that_holds_no_token_is_refused_without_showing_it() {
    let secret = "this-is-no-token-but-secret";
    for (token, expected) in [(secret, "@BotFather"), ("  \n", "is empty")] {
        let home = Home::new().with_telegram("http://127.0.0.1:9", token);
        refuses(&home, &["serve"], &["telegram:main", expected]).await;
        let said = home.run(&["doctor"]).await;
        assert_eq!(said.status.code(), Some(1));
        assert!(!String::from_utf8(said.stdout).unwrap().contains(secret));
    }
    let home = Home::new().with_telegram("http://127.0.0.1:9", "1:a");
    std::fs::remove_file(home.folder().join("telegram.token")).unwrap();
    let file = home.folder().join("telegram.token").display().to_string();
    refuses(&home, &["serve"], &["telegram:main", &file, "check that it exists"]).await;
    let home = home.with("pol_timeout_s = 3\n");
    std::fs::write(home.folder().join("telegram.token"), "1:a").unwrap();
    refuses(&home, &["serve"], &["telegram:main", "pol_timeout_s", "did you mean `poll_timeout_s`"]).await;
}

/// One entry as a file.
fn entry(id: &str) -> String {
    format!(
        "---\nid: {id}\ntitle: What is a {id}?\nclass: routine\nowner: team\nreviewed_by: team\n\
         reviewed_at: 2026-11-16\nreview_by: 2029-12-31\nstatus: published\n\
         canonical_url: https://docs.lumen.example.org/{id}\nlang: en\nvariants:\n  - tell me of the {id}\n\
         \x20 - describe the {id}\n  - the {id} please\n---\n\nThe {id} is a {id}.\n"
    )
}

#[tokio::test]
async fn a_base_with_faults_names_each_file_and_line_and_loses_nothing() {
    let home = Home::new();
    let folder = home.folder().join("knowledge");
    let home = home.with(&format!("[knowledge]\nfolder = \"{}\"\n", folder.display()));
    refuses(&home, &["serve"], &["cannot read the folder", "knowledge", "[knowledge] folder"]).await;
    write(&folder, "owl.md", &entry("owl"));
    write(&folder, "fox.md", &entry("fox"));
    let mut daemon = Daemon::start(&home).await;
    say(&daemon.client(), &question("/ticket where is the otter?")).await;
    daemon.signal("TERM").await;
    daemon.gone().await;

    write(&folder, "bad.md", "---\nid: [broken\n---\nWords.\n");
    write(&folder, "none.md", "Just words.\n");
    write(&folder, "typo.md", &entry("typo").replace("title:", "titel:"));
    write(&folder, "twin.md", &entry("owl"));
    refuses(&home, &["config", "check"], &["bad.md:", "none.md", "typo.md:3", "titel", "`title`"]).await;
    for gone in ["bad.md", "none.md", "typo.md"] {
        std::fs::remove_file(folder.join(gone)).unwrap();
    }
    refuses(&home, &["config", "check"], &["owl.md", "twin.md", "`owl`"]).await;
    write(&folder, "twin.md", &"x".repeat(300 * 1024));
    refuses(&home, &["config", "check"], &["twin.md", "at most 131072 are read"]).await;
    std::fs::write(folder.join("latin.md"), b"---\nid: caf\xe9\n---\n").unwrap();
    refuses(&home, &["config", "check"], &["latin.md:2", "UTF-8"]).await;

    // What is published stays, whatever lies in the folder: the log names it.
    let log = home.folder().join("start.log");
    let mut command = home.command(&["serve"]);
    command.stderr(std::fs::File::create(&log).unwrap());
    let daemon = Daemon::spawned(command).await;
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("at most 131072 are read") && log.contains("latin.md:2"), "{log}");
    assert_eq!(daemon.operator(&home).tickets().await.unwrap().tickets.len(), 1, "nothing was lost");
    let heard = say(&daemon.client(), &question("tell me of the owl")).await;
    assert_eq!(heard.text(), "The owl is a owl.");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = Home::new();
    refuses(&home, &["serve", "--listen", &address], &[&address, "in use", "--listen"]).await;
    refuses(&home, &["serve", "--listen", "nonsense"], &["nonsense", "--listen"]).await;
    // Nothing is left behind that would keep the next one from starting.
    let daemon = Daemon::start(&home).await;
    assert_eq!(say(&daemon.client(), &question(SANE)).await.reply().kind, ReplyKind::Canonical);
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_used_is_named() {
    let home = Home::new();
    // A file where the folder should be: that holds for every user.
    std::fs::write(home.data(), "mine").unwrap();
    let folder = home.data().display().to_string();
    refuses(&home, &["serve"], &["data folder", &folder, "--data"]).await;
    assert_eq!(std::fs::read_to_string(home.data()).unwrap(), "mine");
    let doctor = home.run(&["doctor"]).await;
    assert_eq!(doctor.status.code(), Some(1), "{}", String::from_utf8_lossy(&doctor.stdout));

    let home = Home::new();
    write(&home.data(), "townkeeper.db", "this is no database, but it might be somebody's");
    refuses(&home, &["serve"], &["townkeeper.db"]).await;
    let kept = std::fs::read_to_string(home.data().join("townkeeper.db")).unwrap();
    assert!(kept.starts_with("this is no database"), "nothing is overwritten");

    let home = Home::new();
    write(&home.data(), "api.token", "short");
    refuses(&home, &["serve"], &["api.token", "delete it"]).await;
}

/// Says these bytes; the status and the answer.
async fn post(http: &reqwest::Client, daemon: &Daemon, body: String) -> (u16, String) {
    let request = http.post(format!("{}/v1/chat", daemon.url)).header("content-type", "application/json");
    let response = request.body(body).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_in_one_shape() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let http = http();
    let deep = 100_000;
    let own = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for (body, status) in [
        ("[".repeat(deep), [400, 422]),
        (format!("{{\"text\":{}", "[".repeat(deep)), [400, 422]),
        ("{\"a\":".repeat(20_000), [400, 422]),
        (json!({ "text": "x".repeat(1024 * 1024) }).to_string(), [413, 413]),
        (json!({ "text": "x".repeat(16 * 1024 + 1) }).to_string(), [413, 413]),
        (String::new(), [400, 400]),
        ("{".to_owned(), [400, 400]),
        ("\u{feff}{}".to_owned(), [400, 400]),
        ("{\"text\":\"\\ud800\"}".to_owned(), [400, 400]),
        ("{\"text\":\"\\ud800\\u0041\"}".to_owned(), [400, 400]),
        ("{\"text\":\"a\",\"text\":\"b\"}".to_owned(), [400, 422]),
        ("{}".to_owned(), [400, 400]),
        ("null".to_owned(), [400, 422]),
        (json!({ "text": 7 }).to_string(), [400, 422]),
        (json!({ "text": "a", "action": "b" }).to_string(), [400, 400]),
        (json!({ "text": "a", "role": "system" }).to_string(), [400, 422]),
        (json!({ "text": "a", "conversation": "short" }).to_string(), [400, 400]),
        (json!({ "text": "a", "conversation": own.to_lowercase() }).to_string(), [400, 400]),
        (json!({ "text": "a", "conversation": own, "key": "" }).to_string(), [400, 400]),
        (json!({ "text": "a", "conversation": own, "key": "k".repeat(129) }).to_string(), [400, 400]),
        (json!({ "text": "a", "key": "mine" }).to_string(), [400, 400]),
        (json!({ "text": "a\0b" }).to_string(), [400, 400]),
        (json!({ "text": "a", "conversation": own, "key": "a\0b" }).to_string(), [400, 400]),
        (json!({ "action": "ticket:\0" }).to_string(), [400, 400]),
        (json!({ "action": "a".repeat(65) }).to_string(), [400, 400]),
    ] {
        let begin: String = body.chars().take(60).collect();
        let (got, text) = post(&http, &daemon, body).await;
        assert!(status.contains(&got), "{begin}: {got} {text}");
        let error: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{begin}: {text}"));
        assert!(error["code"].is_string() && error["message"].is_string(), "{begin}: {text}");
    }
    let plain = http.post(format!("{}/v1/chat", daemon.url)).body("{\"text\":\"a\"}").send().await.unwrap();
    assert_eq!(plain.status(), 415, "a body that any site may send without asking");
    assert_eq!(http.get(format!("{}/v1/chat", daemon.url)).send().await.unwrap().status(), 405);
    assert_eq!(http.get(format!("{}/v1/nothing", daemon.url)).send().await.unwrap().status(), 404);
    assert_eq!(say(&daemon.client(), &question(SANE)).await.reply().kind, ReplyKind::Canonical);
}

/// The refusal must reach a sender who is still writing, and the connection must not be used again.
#[tokio::test]
async fn a_body_too_large_is_refused_in_the_hearing_of_its_sender() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let http = http();
    let body = json!({ "text": "x".repeat(3 * 1024 * 1024) }).to_string();
    for _ in 0..30 {
        let (status, text) = post(&http, &daemon, body.clone()).await;
        assert_eq!(status, 413, "{text}");
        let (status, text) = post(&http, &daemon, "{".to_owned()).await;
        assert_eq!(status, 400, "{text}");
    }
}

#[tokio::test]
async fn other_sites_are_refused() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let http = http();
    let body = json!({ "text": SANE }).to_string();
    let send = |path: &str, origin: &str, kind: &str, body: &str| {
        let request = http.post(format!("{}{path}", daemon.url)).header("origin", origin).header("content-type", kind);
        request.body(body.to_owned()).send()
    };
    for origin in ["https://lumen-claim.example.net", "http://127.0.0.1:1", "null", "", "http://"] {
        for (path, kind, body) in [
            ("/v1/chat", "application/json", body.as_str()),
            ("/", "application/x-www-form-urlencoded", "text=hello"),
            ("/v1/turns/x/cancel", "application/json", ""),
        ] {
            let refused = send(path, origin, kind, body).await.unwrap();
            assert_eq!(refused.status(), 403, "{origin:?} {path}");
        }
    }
    let own = send("/v1/chat", &daemon.url, "application/json", &body).await.unwrap();
    assert_eq!(own.status(), 200);
    let headers = own.headers();
    assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert!(headers.get("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn the_page_escapes_what_people_write() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let attack = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`--><svg/onload=alert(3)>";
    let post = |fields: &[(&str, &str)]| {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
        let form = fields.join("&");
        let request = http().post(&daemon.url).header("content-type", "application/x-www-form-urlencoded");
        request.body(form).send()
    };
    let page = post(&[("text", attack)]).await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("alert(1)"), "the question is shown: {page}");
    for raw in ["<script>alert", "<img src=x", "<svg/"] {
        assert!(!page.contains(raw), "{raw}: {page}");
    }
    for (field, value) in [("conversation", attack), ("action", attack)] {
        let page = post(&[("text", "hello"), (field, value)]).await.unwrap();
        assert!(page.status() == 400 || page.status() == 200, "{field}: {}", page.status());
        assert!(!page.text().await.unwrap().contains("<script>alert"), "{field}");
    }
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |out, byte| format!("{out}%{byte:02X}"))
}

/// Texts that have broken others' programs. More come from the file that `TOWNKEEPER_NAUGHTY` names, one a line.
fn naughty() -> Vec<String> {
    let written = [
        "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}",
        "\u{202e}did i fo tuo\u{202c} \u{2066}x\u{2069}",
        "nul\0in\0the\0middle",
        "\0",
        "\u{feff}When does it begin?",
        &"👩‍👩‍👧‍👦🏳️‍🌈".repeat(200),
        &format!("e{}", "\u{301}".repeat(3_000)),
        "'; DROP TABLE turn; --",
        "\" OR 1=1; SELECT $1 ?1 :a @b",
        "<script>alert(1)</script>{{7*7}}${7*7}<%= 7 %>",
        "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m",
        "\r\ndata: {\"v\":1}\r\n\r\nid: x\n\n",
        "../../../../etc/passwd%00",
        "٠١٢٣ １２３ ⅷ ½ −1 1e309 NaN 0x",
        "\u{10ffff}\u{e000}\u{fdd0}\u{fffd}",
        "/",
        "/\0",
        "/ask",
        "/ticket \u{202e}",
        " \t\n\u{2028}\u{2029}\u{85}",
        "İıſK ẞß ﷽ 𒐫 ꧅",
        "[[[[[[((((((<<<<<<``````******",
        "https://[::1]:99999/%zz?#@:",
        "﷽",
    ];
    let mut all: Vec<String> = written.iter().map(ToString::to_string).collect();
    if let Some(path) = std::env::var_os("TOWNKEEPER_NAUGHTY") {
        let more = std::fs::read(path).expect("the file that TOWNKEEPER_NAUGHTY names");
        all.extend(String::from_utf8_lossy(&more).lines().filter(|line| !line.is_empty()).map(str::to_owned));
    }
    all
}

#[tokio::test]
async fn naughty_strings_in_every_field_are_refused_or_answered() {
    let home = Home::new();
    let log = home.folder().join("log");
    let mut command = home.command(&["serve"]);
    command.stderr(std::fs::File::create(&log).unwrap());
    let daemon = Daemon::spawned(command).await;
    let http = http();
    let known = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    for text in naughty() {
        for body in [
            json!({ "text": text }),
            json!({ "text": text, "conversation": known }),
            json!({ "text": format!("/ticket {text}"), "conversation": known }),
            json!({ "text": SANE, "conversation": known, "key": text }),
            json!({ "text": SANE, "conversation": text }),
            json!({ "action": text, "conversation": known }),
            json!({ "action": format!("ticket:{text}"), "conversation": known }),
        ] {
            let (status, answer) = post(&http, &daemon, body.to_string()).await;
            let ended = answer.contains("\"type\":\"TurnEnded\"") && !answer.contains("\"result\":\"failed\"");
            assert!(matches!(status, 400 | 413) || status == 200 && ended, "{body}: {status} {answer}");
        }
        let events = format!("{}/v1/turns/{}/events", daemon.url, percent(&text));
        let status = http.get(events).send().await.unwrap().status().as_u16();
        assert!(matches!(status, 400 | 404), "{text:?}: {status}");
        let form = format!("text={0}&conversation={1}", percent(&text), percent(known));
        let request = http.post(&daemon.url).header("content-type", "application/x-www-form-urlencoded");
        let status = request.body(form).send().await.unwrap().status().as_u16();
        assert!(matches!(status, 200 | 400), "{text:?}: {status}");
    }
    assert_eq!(say(&daemon.client(), &question(SANE)).await.reply().kind, ReplyKind::Canonical);
    for args in [["ticket", "list"].as_slice(), &["ticket", "list", "--json"]] {
        let listed = home.run(args).await;
        assert!(listed.status.success());
        // JSON is for programs; it escapes those that a terminal of today obeys.
        let obeyed = |c: &char| if args.len() == 2 { c.is_control() } else { c.is_ascii_control() };
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert_eq!(listed.chars().filter(|c| *c != '\n').find(obeyed), None);
    }
    let log = std::fs::read_to_string(log).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn naughty_strings_from_telegram_are_answered_one_by_one() {
    let telegram = TelegramServer::start("123456:abcDEF").await;
    let home = Home::new().with_telegram(telegram.base_url(), "123456:abcDEF");
    let log = home.folder().join("log");
    let mut command = home.command(&["serve"]);
    command.stderr(std::fs::File::create(&log).unwrap());
    let daemon = Daemon::spawned(command).await;
    let all = naughty();
    for text in &all {
        telegram.push_message(42, 42, text);
        telegram.push_callback(42, 42, 1, text);
    }
    for update in [json!({}), json!({ "message": 7 }), json!({ "message": { "text": [] } }), json!({ "poll": null })] {
        telegram.push_update(update);
    }
    telegram.push_message(42, 42, SANE);
    let sent = tokio::time::timeout(PATIENCE, telegram.wait_sent(2 * all.len() + 1)).await.expect("not all answered");
    assert!(sent.last().unwrap().text.contains("1 February 2027"), "in order, and the last one last");
    assert_eq!(sent.len(), 2 * all.len() + 1);
    assert_eq!(daemon.client().ready().await.unwrap().unknown_deliveries, 0);
    let log = std::fs::read_to_string(log).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}

/// Nobody can write so much in Telegram; a liar in its place can. It is one message, and the next is answered.
#[tokio::test]
async fn five_megabytes_from_telegram_stop_nothing() {
    let telegram = TelegramServer::start("123456:abcDEF").await;
    let home = Home::new().with_telegram(telegram.base_url(), "123456:abcDEF");
    let daemon = Daemon::start(&home).await;
    telegram.push_message(41, 41, &"🌞 x ".repeat(5 << 17));
    telegram.push_message(42, 42, "how do I migrate from a hardware wallet?");
    let heard = tokio::time::timeout(PATIENCE, async {
        loop {
            let sent = telegram.wait_sent(1).await;
            if sent.iter().any(|message| message.chat_id == 42) {
                return sent;
            }
            telegram.wait_sent(sent.len() + 1).await;
        }
    });
    let heard = heard.await.expect("the next is answered");
    assert!(heard.iter().any(|message| message.chat_id == 42 && message.text.contains("browser wallet")));
    assert!(daemon.client().ready().await.unwrap().ready);
}
