//! Files are an import: published at the first start, proposed at every later one.

use townkeeper_contract::access::Role;
use townkeeper_contract::knowledge::{ChangeOrigin, ChangeState, ItemChange};

use super::{NEW, OLD, approve, hasty, link, renamed, sample};
use crate::daemon::{Daemon, Home};
use crate::people::{with_role, with_token};

/// A home with a folder of three entries.
pub(super) fn with_folder() -> Home {
    let home = hasty();
    let folder = home.folder().join("answers");
    std::fs::create_dir_all(&folder).unwrap();
    for item in ["facts.toml", "official-link.md", "taxes.md", "languages.md"] {
        std::fs::write(folder.join(item), sample(item)).unwrap();
    }
    home.replacing("[knowledge]\n", &format!("[knowledge]\nfolder = \"{}\"\n", folder.display()))
}

async fn stop(mut daemon: Daemon) {
    daemon.signal("TERM").await;
    daemon.gone().await;
}

#[tokio::test]
async fn changed_files_change_no_answer_until_two_people_approve() {
    let home = with_folder();
    let folder = home.folder().join("answers");
    let daemon = Daemon::start(&home).await;
    let (_, ada) = with_role(&daemon, &home, "Ada", Role::Editor).await;
    let (bob, _) = with_role(&daemon, &home, "Bob", Role::Editor).await;
    let list = ada.changes().await.unwrap();
    let first = &list.changes[0];
    assert_eq!((list.revision, first.origin, first.author.clone()), (1, ChangeOrigin::Bootstrap, None));
    stop(daemon).await;

    std::fs::write(folder.join("official-link.md"), renamed()).unwrap();
    std::fs::write(folder.join("audit.md"), sample("audit.md")).unwrap();
    std::fs::remove_file(folder.join("languages.md")).unwrap();
    let log = home.folder().join("start.log");
    let mut command = home.command(&["serve"]);
    command.stderr(std::fs::File::create(&log).unwrap());
    let daemon = Daemon::spawned(command).await;
    let said = std::fs::read_to_string(log).unwrap();
    assert!(said.contains("2 file(s) of the base differ from what is published; change 2 waits"), "{said}");
    let doctor = String::from_utf8(home.run(&["doctor", "--offline"]).await.stdout).unwrap();
    assert!(doctor.contains("2 differ(s) from what is published") && doctor.contains("open: 2"), "{doctor}");
    assert!(link(&daemon).await.contains(OLD), "a file changes no answer");

    let operator = daemon.operator(&home);
    let change = operator.changes().await.unwrap().changes.remove(0);
    assert_eq!((change.state, change.origin, change.needs), (ChangeState::Proposed, ChangeOrigin::Files, 2));
    let what: Vec<_> = change.items.iter().map(|item| (item.item.as_str(), item.what)).collect();
    let expected = [
        ("audit.md", ItemChange::New),
        ("languages.md", ItemChange::Removed),
        ("official-link.md", ItemChange::Changed),
    ];
    assert_eq!(what, expected);
    // A start that finds the same files proposes nothing more.
    stop(daemon).await;
    let daemon = Daemon::start(&home).await;
    assert_eq!(daemon.operator(&home).changes().await.unwrap().changes.len(), 2);
    let (ada, bob) = (again(&daemon, &home, "Ada").await, again(&daemon, &home, &bob.name).await);
    approve(&ada, change.number).await.unwrap();
    assert_eq!(approve(&bob, change.number).await.unwrap().state, ChangeState::Published);
    assert!(link(&daemon).await.contains(NEW));
    // Nor does one whose files lag behind what people published since.
    ada.withdraw_item("taxes.md").await.unwrap();
    stop(daemon).await;
    let daemon = Daemon::start(&home).await;
    let list = daemon.operator(&home).changes().await.unwrap();
    assert_eq!((list.revision, list.files_differ), (3, 1), "taxes.md is still a file");
    assert!(list.changes.iter().all(|change| change.state == ChangeState::Published), "{list:?}");
    assert!(link(&daemon).await.contains(NEW));
}

/// A client of somebody who is there already.
async fn again(daemon: &Daemon, home: &Home, name: &str) -> townkeeper_client::Client {
    let operator = daemon.operator(home);
    let person = operator.people().await.unwrap().people.into_iter().find(|person| person.name == name).unwrap();
    let new = townkeeper_contract::access::NewToken {
        name: "again".to_owned(),
        person: Some(person.id),
        scopes: townkeeper_contract::access::Permission::ALL.to_vec(),
        days: 1,
    };
    with_token(daemon, &operator.create_token(&new).await.unwrap().token)
}
