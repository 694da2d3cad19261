//! Backup and restore by the commands, beside a running daemon: nothing acknowledged is missing, nothing old is said.

use std::path::{Path, PathBuf};
use std::process::Output;

use age::secrecy::ExposeSecret as _;
use townkeeper_fakes::model::{ModelServer, Reply, Script};
use townkeeper_fakes::telegram::{Fault, TelegramServer};

use crate::daemon::{Daemon, Home, PATIENCE, question, say};
use crate::model::SMALL_TALK;

const TOKEN: &str = "123456:abcDEF";
const PASSPHRASE: &str = "a long and quiet evening";

/// A file beside the data.
fn file(home: &Home, name: &str, text: &str) -> PathBuf {
    let path = home.folder().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Standard output of a command that succeeded.
fn well(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a command that was refused said.
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A Telegram account that waits for an answer longer than this test takes.
fn patient(home: &Home, telegram: &TelegramServer) -> String {
    let token = file(home, "bot.token", TOKEN);
    format!(
        "[[account]]\nplatform = \"telegram\"\nname = \"main\"\ntoken_file = \"{}\"\napi_base = \"{}\"\n\
         poll_timeout_s = 1\nrequest_timeout_s = 120\n",
        token.display(),
        telegram.base_url()
    )
}

#[tokio::test]
async fn a_restored_daemon_says_nothing_old() {
    let model = ModelServer::start(Script::always(Reply::gated("A story."))).await;
    let telegram = TelegramServer::start(TOKEN).await;
    let home = Home::new().with_model(&model.base_url());
    let account = patient(&home, &telegram);
    let home = home.with(&account);
    let passphrase = file(&home, "passphrase", PASSPHRASE);
    let daemon = Daemon::start(&home).await;
    // One message is under way, one waits behind it, one question is still thought about.
    telegram.break_down("sendMessage", Fault::Stall);
    telegram.push_message(42, 42, "When does the migration end?");
    tokio::time::timeout(PATIENCE, telegram.wait_calls("sendMessage", 1)).await.unwrap();
    let last = telegram.push_message(42, 42, "how do I migrate from a hardware wallet?");
    telegram.wait_confirmed(last).await;
    let told = say(&daemon.client(), &question("what is the gas fee")).await;
    assert!(told.reply().citation.is_some());
    let thought = telegram.push_message(77, 77, SMALL_TALK);
    telegram.wait_confirmed(thought).await;
    model.arrived(1).await;

    let backup = home.folder().join("town.backup");
    let made = home.run(&["backup", "--to", text(&backup), "--passphrase-file", text(&passphrase)]).await;
    assert!(well(&made).contains("Encrypted"), "{made:?}");
    daemon.kill().await;
    telegram.mend("sendMessage");

    let new = Home::new().with_model(&model.base_url());
    let account = patient(&new, &telegram);
    let new = new.with(&account);
    let key = ["--passphrase-file", text(&passphrase)];
    let restored = well(&new.run(&["restore", text(&backup), "--verify", key[0], key[1]]).await);
    assert!(restored.contains("Verified"), "{restored}");
    assert!(restored.contains("2 message(s), 1 question(s)") && restored.contains("serve"), "{restored}");
    let daemon = Daemon::start(&new).await;
    telegram.push_message(99, 99, "Do I have to pay taxes on the migration?");
    let sent = tokio::time::timeout(PATIENCE, telegram.wait_sent(2)).await.unwrap();
    // The first is what the old daemon sent; the second is new. Nothing else was asked, of anybody.
    assert_eq!((sent.len(), sent[1].chat_id, telegram.calls("sendMessage").len()), (2, 99, 2));
    assert_eq!(model.requests().len(), 1);
    assert_eq!(daemon.client().ready().await.unwrap().unknown_deliveries, 2, "and it can be seen");
    let doctor = String::from_utf8(new.run(&["doctor", "--offline"]).await.stdout).unwrap();
    assert!(doctor.contains("2 message(s) may or may not have arrived"), "{doctor}");
}

#[tokio::test]
async fn a_backup_that_is_killed_leaves_nothing() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    say(&daemon.client(), &question("what is the gas fee")).await;
    let backup = home.folder().join("town.backup");
    let mut command = home.command(&["backup", "--to", text(&backup), "--plaintext"]);
    let died = command.env("TOWNKEEPER_FAULT", "backup.copy:1").output().await.unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&died.status), Some(6), "{died:?}");
    assert!(!backup.exists());
    say(&daemon.client(), &question("When does the migration end?")).await;
    let made = home.run(&["backup", "--to", text(&backup), "--plaintext"]).await;
    assert!(well(&made).contains("NOT encrypted"));
    let left: Vec<String> = std::fs::read_dir(home.data())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("backup."))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(well(&home.run(&["restore", text(&backup), "--check"]).await).contains("whole"));
}

#[tokio::test]
async fn a_backup_is_for_whom_it_was_made_and_for_nobody_else() {
    let home = Home::new();
    Daemon::start(&home).await.kill().await;
    let (mine, other) = (age::x25519::Identity::generate(), age::x25519::Identity::generate());
    let key = file(&home, "mine.key", mine.to_string().expose_secret());
    let wrong = file(&home, "other.key", other.to_string().expose_secret());
    let backup = home.folder().join("town.backup");
    let recipient = mine.to_public().to_string();
    well(&home.run(&["backup", "--to", text(&backup), "--recipient", &recipient]).await);
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&backup).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let bytes = std::fs::read(&backup).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"SQLite"), "it is encrypted");
    let check = |key: &'static str, path: PathBuf| {
        let home = &home;
        let backup = &backup;
        async move { home.run(&["restore", text(backup), "--check", key, text(&path)]).await }
    };
    assert!(well(&check("--identity", key.clone()).await).contains("whole"));
    assert!(refused(&check("--identity", wrong).await).contains("cannot be opened with this key"));
    assert!(refused(&home.run(&["restore", text(&backup), "--check"]).await).contains("--identity"));

    // One bit anywhere, or an end too early, and nothing is restored.
    let new = Home::new();
    for damage in [bytes.len() / 2, bytes.len() - 1, 100] {
        let mut bytes = bytes.clone();
        bytes[damage] ^= 1;
        let damaged = home.folder().join("damaged");
        std::fs::write(&damaged, &bytes).unwrap();
        refused(&new.run(&["restore", text(&damaged), "--identity", text(&key)]).await);
        std::fs::write(&damaged, &bytes[..damage]).unwrap();
        refused(&new.run(&["restore", text(&damaged), "--identity", text(&key)]).await);
        let left = std::fs::read_dir(new.data()).map_or(0, Iterator::count);
        assert_eq!(left, 0, "nothing is left behind");
    }
    // The red twin: the same file, unharmed, is.
    let restored = new.run(&["restore", text(&backup), "--identity", text(&key)]).await;
    assert!(well(&restored).contains("Restored"));
    let twice = new.run(&["restore", text(&backup), "--identity", text(&key)]).await;
    assert!(refused(&twice).contains("not empty"));
}

#[tokio::test]
async fn a_backup_that_nobody_may_read_or_that_is_there_is_refused() {
    let home = Home::new();
    Daemon::start(&home).await.kill().await;
    let backup = home.folder().join("town.backup");
    let unlocked = home.run(&["backup", "--to", text(&backup)]).await;
    assert!(refused(&unlocked).contains("--recipient") && !backup.exists());
    let short = file(&home, "short", "hunter2");
    let short = home.run(&["backup", "--to", text(&backup), "--passphrase-file", text(&short)]).await;
    assert!(refused(&short).contains("12 characters"));
    let nobody = home.run(&["backup", "--to", text(&backup), "--recipient", "age1nobody"]).await;
    assert!(refused(&nobody).contains("age1nobody"));
    std::fs::write(&backup, "something else").unwrap();
    // One that somebody put in its place without the key is not taken for it.
    let bare = home.folder().join("bare.backup");
    well(&home.run(&["backup", "--to", text(&bare), "--plaintext"]).await);
    let long = file(&home, "long", PASSPHRASE);
    let swapped = home.run(&["restore", text(&bare), "--check", "--passphrase-file", text(&long)]).await;
    assert!(refused(&swapped).contains("not encrypted"));
    well(&home.run(&["restore", text(&bare), "--check"]).await);
    let there = home.run(&["backup", "--to", text(&backup), "--plaintext"]).await;
    assert!(refused(&there).contains("exists already"));
    assert_eq!(std::fs::read_to_string(&backup).unwrap(), "something else");
    let not_ours = home.run(&["restore", text(&backup), "--check"]).await;
    assert!(refused(&not_ours).contains("no backup of ours"));
    let empty = Home::new();
    assert!(refused(&empty.run(&["backup", "--to", "x", "--plaintext"]).await).contains("townkeeper: "));
}

#[tokio::test]
async fn a_postgresql_database_is_dumped_and_restored_into_an_empty_one() {
    let home = Home::new();
    Daemon::start(&home).await.kill().await;
    let cluster = townkeeper_fakes::postgres::Cluster::start(false);
    let (from, to) = (cluster.database("from_town"), cluster.database("to_town"));
    let store = townkeeper_store::Store::connect(&from).await.unwrap();
    store.reach("main", "first_start", 7).await.unwrap();
    store.close().await;
    let (from, to) = (file(&home, "from.url", &from), file(&home, "to.url", &to));
    let backup = home.folder().join("town.backup");
    let url = "--database-url-file";
    well(&home.run(&["backup", "--to", text(&backup), "--plaintext", url, text(&from)]).await);
    let new = Home::new();
    assert!(refused(&new.run(&["restore", text(&backup)]).await).contains(url));
    let full = new.run(&["restore", text(&backup), url, text(&from)]).await;
    assert!(refused(&full).contains("not empty"));
    well(&new.run(&["restore", text(&backup), "--verify", url, text(&to)]).await);
    let store = townkeeper_store::Store::connect(std::fs::read_to_string(&to).unwrap().trim()).await.unwrap();
    assert_eq!(store.milestones("main").await.unwrap()[0].at_ms, 7);
    store.close().await;
}
