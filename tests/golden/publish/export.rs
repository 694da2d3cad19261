//! An export is what is published: by the daemon, of the workspace that is named, whatever lies in a folder.

use townkeeper_contract::access::Role;
use townkeeper_contract::knowledge::ChangeState;

use super::files::with_folder;
use super::{approve, put, sample};
use crate::daemon::{Daemon, Home};
use crate::people::with_role;
use crate::workspaces::OWL;

async fn export(home: &Home, args: &[&str]) -> String {
    let ended = home.run(&[args, &["knowledge", "export"]].concat()).await;
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}

#[tokio::test]
async fn an_export_holds_what_is_published_and_not_what_lies_in_the_folder() {
    let home = with_folder();
    let (folder, harbour) = (home.folder().join("answers"), home.folder().join("harbour"));
    std::fs::create_dir_all(&harbour).unwrap();
    std::fs::write(harbour.join("owl.md"), OWL).unwrap();
    let home = home.with(&format!(
        "[features]\nmulti_workspace = true\n[[workspace]]\nname = \"harbour\"\nknowledge = {{ folder = \"{}\" }}\n",
        harbour.display()
    ));
    let daemon = Daemon::start(&home).await;
    let (_, ada) = with_role(&daemon, &home, "Ada", Role::Editor).await;
    let new = format!("{}\nKeep every receipt.\n", sample("taxes.md"));
    let number = ada.put_change(&put("taxes.md", Some(new))).await.unwrap().number;
    assert_eq!(approve(&ada, number).await.unwrap().state, ChangeState::Published);

    let rows = export(&home, &[]).await;
    assert!(rows.contains("Keep every receipt.") && rows.lines().count() == 3, "{rows}");
    let ended = home.run(&["knowledge", "export", "--folder", &folder.display().to_string()]).await;
    let files = String::from_utf8(ended.stdout).unwrap();
    assert!(!files.contains("Keep every receipt.") && files.lines().count() == 3, "{files}");
    let other = export(&home, &["--workspace", "harbour"]).await;
    assert!(other.contains("the harbour's own") && other.lines().count() == 1, "{other}");

    // What is signed is what is published, and says whose it is.
    let signed = home.folder().join("harbour.bundle").display().to_string();
    let form = ["knowledge", "export", "--format", "bundle", "--out", &signed];
    assert!(home.run(&[&["--workspace", "harbour"], &form[..]].concat()).await.status.success());
    let said = home.run(&["knowledge", "verify", &signed]).await;
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains(" of harbour, 1 files"), "{said}");
    let folder = folder.display().to_string();
    let refused = home.run(&["knowledge", "export", "--format", "bundle", "--folder", &folder]).await;
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("what is published"));
}
