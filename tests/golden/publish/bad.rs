//! Bad input is named, and what is published stays.

use reqwest::StatusCode;
use townkeeper_contract::access::Role;
use townkeeper_contract::knowledge::{ChangeState, NewChange, NewText};

use super::{OLD, approve, hasty, link, put, refused, renamed, sample};
use crate::daemon::{Daemon, http};
use crate::people::with_role;

#[tokio::test]
async fn what_is_published_stays_live_after_bad_input() {
    let home = hasty();
    let daemon = Daemon::start(&home).await;
    let (_, ada) = with_role(&daemon, &home, "Ada", Role::Editor).await;
    let (_, bob) = with_role(&daemon, &home, "Bob", Role::Editor).await;
    let good = renamed();
    for (item, text, named) in [
        ("official-link.md", "---\nid: [broken\n---\nWords.\n".to_owned(), "official-link.md:"),
        ("official-link.md", "Just words.\n".to_owned(), "official-link.md:1"),
        ("official-link.md", good.replace("class: safety", "clas: safety"), "official-link.md:4"),
        ("../official-link.md", good.clone(), "no name of an item"),
        ("official-link.md", good.replace("Please", "\u{1b}[2J"), "U+001B"),
        ("official-link.md", format!("{good}{}", "x".repeat(200 * 1024)), "official-link.md:1"),
    ] {
        let (status, said) = refused(ada.put_change(&put(item, Some(text))).await);
        assert!(status == 422 && said.contains(named), "{status}: {said}");
    }
    let twice = NewText { item: "taxes.md".to_owned(), text: Some(good.clone()) };
    let twice = NewChange { change: None, note: String::new(), items: vec![twice.clone(), twice] };
    assert_eq!(refused(ada.put_change(&twice).await).0, 422);
    assert_eq!(refused(ada.put_change(&put("official-link.md", Some(sample("official-link.md")))).await).0, 409);
    assert!(ada.changes().await.unwrap().changes.iter().all(|change| change.number == 1), "nothing of it was kept");

    // Two entries with one id: each can be read, together they are no base.
    let number = ada.put_change(&put("twin.md", Some(good))).await.unwrap().number;
    approve(&ada, number).await.unwrap();
    let change = approve(&bob, number).await.unwrap();
    let why = change.reason.unwrap();
    assert!(
        change.state == ChangeState::Refused && why.contains("twin.md") && why.contains("official-link.md"),
        "{why}"
    );

    let url = format!("{}/v1/knowledge/changes", daemon.url.trim_end_matches('/'));
    let operator = std::fs::read_to_string(home.data().join("api.token")).unwrap();
    let post = |body: Vec<u8>| {
        let post = http().post(&url).bearer_auth(operator.trim()).header("content-type", "application/json");
        async move { post.body(body).send().await.unwrap().status() }
    };
    assert_eq!(
        post(b"{\"items\":[{\"item\":\"a.md\",\"text\":\"\xff\xfe\"}]}".to_vec()).await,
        StatusCode::BAD_REQUEST
    );
    let large = format!("{{\"items\":[{{\"item\":\"a.md\",\"text\":\"{}\"}}]}}", "x".repeat(10 * 1024 * 1024));
    // Who writes on is cut off, at the latest; the daemon stands.
    let sent = http().post(&url).bearer_auth(operator.trim()).header("content-type", "application/json").body(large);
    if let Ok(answer) = sent.send().await {
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
    let latin = home.folder().join("latin.md");
    std::fs::write(&latin, b"---\nid: caf\xe9\n---\n").unwrap();
    let said = home.run(&["knowledge", "draft", &latin.display().to_string()]).await;
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("latin.md") && said.contains("UTF-8"), "{said}");

    assert!(link(&daemon).await.contains(OLD));
    assert_eq!(ada.changes().await.unwrap().revision, 1);
}
