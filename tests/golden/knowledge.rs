//! `townkeeper knowledge lint`, `import` and `verify`: the built binary on real files, without a daemon; and `export`.

use std::path::Path;

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use crate::daemon::{Daemon, Home, question, say};

async fn run(home: &Home, args: &[&str]) -> (Option<i32>, String, String) {
    let ended = home.run(&[&["knowledge"], args].concat()).await;
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
}

/// A path as an argument.
fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn entry(id: &str, class: &str, body: &str) -> String {
    format!(
        "---\nid: {id}\ntitle: What is a {id}?\nclass: {class}\nowner: team\nreviewed_by: team\n\
         reviewed_at: 2026-11-16\nreview_by: 2099-12-31\nstatus: published\n\
         canonical_url: link.{id}\nvariants:\n  - tell me of the {id}\n\
         \x20 - describe the {id}\n  - the {id} please\n---\n\n{body}\n"
    )
}

const FACTS: &str = "[link.owl]\nurl = \"https://docs.lumen.example.org/owl\"\n\n[date.first]\nday = 2026-11-02\n";

#[tokio::test]
async fn lint_says_what_keeps_a_base_from_being_published_and_ends_by_it() {
    let home = Home::new();
    let (code, out, err) = run(&home, &["lint"]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "the sample base: {out}");
    assert!(out.contains("42 entries: 0 error(s)"), "{out}");

    let folder = home.folder().join("kb");
    write(&folder, "facts.toml", FACTS);
    write(&folder, "owl.md", &entry("owl", "safety", "Since {date.first}, at https://owl.example.com/."));
    let (code, out, _) = run(&home, &["lint", arg(&folder)]).await;
    assert_eq!(code, Some(1), "{out}");
    assert!(
        out.contains("owl.md:17: error L3: `https://owl.example.com` stands in the answer and in no facts"),
        "{out}"
    );
    let (code, out, _) = run(&home, &["lint", arg(&folder), "--json", "--language", "de"]).await;
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rules: Vec<&str> = rows.iter().filter_map(|row| row["rule"].as_str()).collect();
    assert_eq!((code, rules), (Some(1), vec!["L3", "L4", "L7"]), "{out}");
    assert_eq!(rows.last().unwrap()["errors"], 2);
    let (code, _, err) = run(&home, &["lint", "/nowhere"]).await;
    assert!(code == Some(1) && err.contains("/nowhere is no folder"), "{err}");
}

/// What cannot be read is named with its file and line, by lint and by a start; a daemon that stands goes on.
#[tokio::test]
async fn a_base_that_cannot_be_read_is_named_and_what_is_published_stays() {
    let home = Home::new();
    let folder = home.folder().join("kb");
    let home = home.with(&format!("[knowledge]\nfolder = \"{}\"\n", folder.display()));
    write(&folder, "facts.toml", FACTS);
    write(&folder, "owl.md", &entry("owl", "safety", "Since {date.first}."));
    let daemon = Daemon::start(&home).await;
    write(
        &folder,
        "ghost.md",
        &entry("owl", "safety", "x").replace("id: owl", "id: ghost").replace("link.owl", "link.gone"),
    );
    write(&folder, "dangling.md", &entry("owl", "safety", "To {link.oul}.").replace("id: owl", "id: dangling"));
    write(&folder, "twin.md", &entry("owl", "safety", "Another."));
    std::fs::write(folder.join("latin.md"), b"---\nid: gr\xfc\xdfe\n---\n").unwrap();
    let expected = [
        "dangling.md:17: error L0: `{link.oul}` names no fact; the nearest id is `link.owl`",
        "ghost.md:10: error L0: `link.gone` names no fact",
        "latin.md:2: error L0: the file is not UTF-8 text",
        "twin.md:2: error L0: the id `owl` is already used by",
    ];
    let (code, out, _) = run(&home, &["lint"]).await;
    assert_eq!(code, Some(1), "{out}");
    for words in expected {
        assert!(out.contains(words), "no {words:?} in: {out}");
    }
    assert_eq!(out.lines().count(), 5, "{out}");
    std::fs::write(folder.join("huge.md"), vec![b'a'; 10 << 20]).unwrap();
    let (_, out, _) = run(&home, &["lint"]).await;
    assert!(
        out.contains("huge.md:1: error L0: the file has 10485760 bytes, at most 131072 are read; split it"),
        "{out}"
    );
    write(
        &folder,
        "facts.toml",
        "[address.token]\nchain = \"evm\"\nvalue = \"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD\"\n",
    );
    std::fs::remove_file(folder.join("huge.md")).unwrap();
    let (_, out, _) = run(&home, &["lint"]).await;
    assert!(
        out.contains("facts.toml:3: error L8: `0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD` is no address"),
        "{out}"
    );
    let heard = say(&daemon.client(), &question("tell me of the owl")).await;
    assert_eq!(heard.text(), "Since 2 November 2026.");
}

#[tokio::test]
async fn an_import_fills_a_folder_and_replaces_nothing() {
    let home = Home::new();
    let rows = home.folder().join("rows.jsonl");
    std::fs::write(&rows, "{\"title\": \"Owl?\", \"answer\": \"A bird.\", \"variants\": [\"a\", \"b\", \"c\"]}\n{}\n")
        .unwrap();
    let drafts = home.folder().join("drafts");
    let (code, out, err) = run(&home, &["import", arg(&rows), "--out", arg(&drafts)]).await;
    assert_eq!(code, Some(1), "one row could not be read: {out}");
    assert!(err.contains("rows.jsonl:2: there is no question"), "{err}");
    assert!(out.contains("1 draft(s)") && out.contains("Nothing is published"), "{out}");
    let text = std::fs::read_to_string(drafts.join("owl.md")).unwrap();
    assert!(text.contains("status: draft") && text.ends_with("A bird.\n"), "{text}");
    let (code, _, err) = run(&home, &["import", arg(&rows), "--out", arg(&drafts)]).await;
    assert!(code == Some(1) && err.contains("owl.md") && err.contains("--out"), "{err}");

    let docs = home.folder().join("docs/more");
    write(&docs, "fox.md", "# What is a fox?\n\nRed.\n");
    std::os::unix::fs::symlink("/", docs.join("all")).unwrap();
    let (code, out, _) = run(&home, &["import", arg(docs.parent().unwrap()), "--out", arg(&drafts), "--json"]).await;
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, said["drafts"][0].as_str(), said["need_variants"].as_u64()),
        (Some(0), Some("what-is-a-fox.md"), Some(1))
    );
}

/// T12, with the built binary: whatever is named, nothing arrives on this machine. The twins, in which something does,
/// are in the room of the client (`src/fetch/src/tests.rs`).
#[tokio::test]
async fn an_import_from_this_machine_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let home = Home::new();
    for host in ["127.0.0.1", "0177.0.0.1", "2130706433", "[::ffff:127.0.0.1]", "[::1]", "localhost", "localhost."] {
        let url = format!("https://{host}:{port}/sitemap.xml");
        let (code, _, err) = run(&home, &["import", &url]).await;
        assert_eq!(code, Some(1), "{host}");
        let named = host.starts_with("local");
        let why = if named { "not on the open internet" } else { "names a machine by its number" };
        assert!(err.contains(why) || (named && err.contains("cannot be reached")), "{host}: {err}");
    }
    let (_, _, err) = run(&home, &["import", &format!("http://town.example.org:{port}/")]).await;
    assert!(err.contains("is no https address"), "{err}");
    let folder = home.folder().join("kb");
    write(&folder, "facts.toml", &format!("[link.owl]\nurl = \"https://localhost:{port}/owl\"\n"));
    write(&folder, "owl.md", &entry("owl", "routine", "A bird, at {link.owl}."));
    let (code, out, _) = run(&home, &["lint", arg(&folder), "--online"]).await;
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("facts.toml:2: warning L5: "), "{out}");
    // Who comes first is let in first: it is us.
    let ours = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    assert_eq!(listener.accept().await.unwrap().1, ours.local_addr().unwrap(), "somebody came before");
}

#[tokio::test]
async fn a_signed_base_is_checked_without_us() {
    let home = Home::new();
    let bundle = home.folder().join("base.bundle");
    let export = ["export", "--format", "bundle", "--out", arg(&bundle)];
    let (code, _, err) = run(&home, &export).await;
    assert!(code == Some(1) && err.contains("no daemon runs on"), "{err}");
    let daemon = Daemon::start(&home).await;
    let key = daemon.client().well_known().await.unwrap().keys[0].key.clone();
    let (code, out, err) = run(&home, &export).await;
    assert_eq!(code, Some(0), "{out}{err}");
    let elsewhere = Home::new();
    let (code, out, _) = run(&elsewhere, &["verify", arg(&bundle), "--key", &key]).await;
    assert_eq!(code, Some(0), "{out}");
    assert!(out.starts_with("Valid: revision ") && out.contains("of main, 43 files") && out.contains(&key), "{out}");
    let (code, _, err) = run(&elsewhere, &["verify", arg(&bundle), "--key", &"0".repeat(64)]).await;
    assert!(code == Some(1) && err.contains("not the key you named"), "{err}");

    let whole = std::fs::read(&bundle).unwrap();
    let changed = String::from_utf8(whole).unwrap().replacen("2027-02-01", "2027-02-02", 1);
    std::fs::write(&bundle, changed).unwrap();
    let (code, out, _) = run(&elsewhere, &["verify", arg(&bundle), "--json"]).await;
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, said["valid"].as_bool()), (Some(1), Some(false)), "{out}");

    let (code, rows, _) = run(&home, &["export"]).await;
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, rows.len()), (Some(0), 42));
    assert!(rows.iter().all(|row| !row["answer"].as_str().unwrap().contains("{link.")));
}
