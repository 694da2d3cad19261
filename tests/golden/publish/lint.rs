//! What the lint says of a change: errors that it brings in keep it from being published, warnings are shown, and the way
//! back is always open.

use townkeeper_contract::access::Role;
use townkeeper_contract::knowledge::{ChangeState, Check};

use super::{OLD, approve, hasty, link, put, sample};
use crate::daemon::{Daemon, Home};
use crate::people::with_role;

/// Not in the facts table.
const STRANGE: &str = "https://portal.example.org/now";

/// The entry of the link with one that is written out.
fn written_out() -> String {
    sample("official-link.md").replace("{link.portal}", STRANGE)
}

/// The line of a document on which a text stands.
fn line_of(document: &str, text: &str) -> usize {
    document.lines().position(|line| line.contains(text)).unwrap() + 1
}

#[tokio::test]
async fn a_link_that_is_written_out_where_money_follows_it_is_refused() {
    let home = hasty();
    let daemon = Daemon::start(&home).await;
    let (_, ada) = with_role(&daemon, &home, "Ada", Role::Editor).await;
    let (_, bob) = with_role(&daemon, &home, "Bob", Role::Editor).await;
    let text = written_out();
    let place = format!("official-link.md:{}: error L3: `{STRANGE}` stands in the answer", line_of(&text, STRANGE));
    let named = |said: &str| said.contains(&place) && said.contains("; add it to facts.toml");
    let number = ada.put_change(&put("official-link.md", Some(text))).await.unwrap().number;
    let Check { good, faults, .. } = ada.change(number).await.unwrap().check.unwrap();
    assert!(!good && faults.iter().any(|fault| named(fault)), "{faults:?}");
    let said = home.run(&["knowledge", "diff", &number.to_string()]).await;
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("NOT be good") && named(&said), "{said}");
    approve(&ada, number).await.unwrap();
    let change = approve(&bob, number).await.unwrap();
    assert_eq!(change.state, ChangeState::Refused);
    assert!(named(&change.reason.unwrap()) && link(&daemon).await.contains(OLD), "what is published stays");
}

#[tokio::test]
async fn a_warning_is_shown_and_keeps_nobody_from_publishing() {
    let home = hasty();
    let daemon = Daemon::start(&home).await;
    let (_, ada) = with_role(&daemon, &home, "Ada", Role::Editor).await;
    let text = format!("{}\nThere will be more soon.\n", sample("taxes.md"));
    let place = format!("taxes.md:{}: warning L6: the answer says \"soon\"", line_of(&text, "more soon"));
    let number = ada.put_change(&put("taxes.md", Some(text))).await.unwrap().number;
    let check = ada.change(number).await.unwrap().check.unwrap();
    assert!(check.good && check.warnings.iter().any(|said| said.starts_with(&place)), "{check:?}");
    // Nothing that is others' and was there before.
    assert!(check.warnings.iter().all(|said| said.starts_with("taxes.md:")), "{check:?}");
    for form in [&["knowledge", "diff", "2"][..], &["knowledge", "diff", "2", "--json"]] {
        let said = String::from_utf8(home.run(form).await.stdout).unwrap().replace("\\\"", "\"");
        assert!(said.contains(&place), "{said}");
    }
    assert_eq!(approve(&ada, number).await.unwrap().state, ChangeState::Published);
}

/// A home whose first files hold an error: nobody asked the lint then.
fn with_an_error() -> Home {
    let home = hasty();
    let folder = home.folder().join("answers");
    std::fs::create_dir_all(&folder).unwrap();
    for item in ["facts.toml", "taxes.md", "languages.md"] {
        std::fs::write(folder.join(item), sample(item)).unwrap();
    }
    std::fs::write(folder.join("official-link.md"), written_out()).unwrap();
    home.replacing("[knowledge]\n", &format!("[knowledge]\nfolder = \"{}\"\n", folder.display()))
}

#[tokio::test]
async fn what_was_wrong_before_refuses_nothing_and_the_way_back_is_open() {
    let home = with_an_error();
    let daemon = Daemon::start(&home).await;
    let (_, ada) = with_role(&daemon, &home, "Ada", Role::Editor).await;
    let (_, bob) = with_role(&daemon, &home, "Bob", Role::Editor).await;
    let both = async |number: i64| {
        if let ended @ ChangeState::Published = approve(&ada, number).await.unwrap().state {
            return ended;
        }
        approve(&bob, number).await.unwrap().state
    };
    // Of another entry, then of this one without making it better, then better.
    let other = sample("taxes.md").replace("variants:\n", "variants:\n  - is there a tax return to file for this\n");
    let reviewed = written_out().replace("reviewed_at: 2026-11-16", "reviewed_at: 2026-11-17");
    for (item, text) in
        [("taxes.md", other), ("official-link.md", reviewed), ("official-link.md", sample("official-link.md"))]
    {
        let number = ada.put_change(&put(item, Some(text))).await.unwrap().number;
        assert_eq!(both(number).await, ChangeState::Published, "{item}");
    }
    assert!(link(&daemon).await.contains(OLD));
    // What it said at first would be refused as a new change; as the way back it is shown what is wrong with it.
    let number = ada.roll_back("official-link.md", 1).await.unwrap().number;
    let check = ada.change(number).await.unwrap().check.unwrap();
    assert!(check.good && check.warnings.iter().any(|said| said.contains("error L3")), "{check:?}");
    assert_eq!(both(number).await, ChangeState::Published);
    assert!(link(&daemon).await.contains(STRANGE));
    ada.withdraw_item("official-link.md").await.unwrap();
    assert_eq!(link(&daemon).await, "");
}
