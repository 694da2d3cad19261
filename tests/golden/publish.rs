//! The base is in the store, and changes with approvals: two people for a link, one for words; tried before it is live, and
//! live while nothing else stands still.

mod bad;
mod export;
mod files;
mod kept;
mod lint;

use secrecy::SecretString;
use townkeeper_client::{Client, ClientError};
use townkeeper_contract::access::{Member, NewToken, Permission, Role};
use townkeeper_contract::knowledge::{ChangeInfo, ChangeState, NewChange, NewText};
use townkeeper_contract::stream::ReplyKind;
use townkeeper_fakes::postgres::Cluster;
use townkeeper_knowledge::Written;

use crate::daemon::{Daemon, Home, PATIENCE, http, question, say};
use crate::nodes::on;
use crate::people::{with_role, with_token};

const OLD: &str = "https://lumen.example.org/migrate";
const NEW: &str = "https://docs.lumen.example.org/migrate";
const ASKED: &str = "official link please";

/// The sample base as it is in the sources.
fn sample(item: &str) -> String {
    std::fs::read_to_string(format!("{}/config/knowledge/{item}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The revision of a sample entry, as people see it: of its words and of the facts in them.
pub(crate) fn revision(item: &str) -> String {
    let documents = ["facts.toml", item].map(|item| (item.to_owned(), sample(item).into_bytes()));
    let (_, entry) = Written::read(documents.into()).unwrap().entries.remove(0);
    entry.revision.chars().take(7).collect()
}

/// The entry of the link with another one, by its id.
fn renamed() -> String {
    sample("official-link.md").replace("link.portal", "link.guide")
}

/// Where nothing has to cool.
fn hasty() -> Home {
    Home::new().with("[knowledge]\ncooling_minutes = 0\n")
}

fn put(item: &str, text: Option<String>) -> NewChange {
    NewChange { change: None, note: "a test".to_owned(), items: vec![NewText { item: item.to_owned(), text }] }
}

fn moved() -> NewChange {
    put("official-link.md", Some(renamed()))
}

/// Status of a refusal, and its words.
fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> (u16, String) {
    match result {
        Err(ClientError::Refused { status, message, .. }) => (status, message),
        other => panic!("it was not refused: {other:?}"),
    }
}

/// Approves what is there now.
async fn approve(client: &Client, number: i64) -> Result<ChangeInfo, ClientError> {
    let hash = client.change(number).await?.change.hash;
    client.approve_change(number, &hash).await
}

/// Publishes a document that two people must approve, where nothing has to cool.
pub(crate) async fn publish(home: &Home, daemon: &Daemon, item: &str, text: String) {
    assert_eq!(try_publish(home, daemon, item, text).await.unwrap().state, ChangeState::Published);
}

/// The same, where the daemon may die of it.
pub(crate) async fn try_publish(
    home: &Home,
    daemon: &Daemon,
    item: &str,
    text: String,
) -> Result<ChangeInfo, ClientError> {
    let (_, first) = with_role(daemon, home, "Ada", Role::Editor).await;
    let (_, second) = with_role(daemon, home, "Bob", Role::Editor).await;
    let change = first.put_change(&put(item, Some(text))).await.unwrap();
    approve(&first, change.number).await.unwrap();
    approve(&second, change.number).await
}

/// What the entry of the link says to whoever asks; nothing, where it does not answer.
async fn link(daemon: &Daemon) -> String {
    let heard = say(&daemon.client(), &question(ASKED)).await;
    let cited = heard.reply().citation.as_ref().is_some_and(|citation| citation.entry.as_str() == "official-link");
    if cited && heard.reply().kind == ReplyKind::Canonical { heard.text() } else { String::new() }
}

/// A further token of a person.
async fn another(daemon: &Daemon, home: &Home, person: &Member) -> Client {
    let new = NewToken {
        name: "another".to_owned(),
        person: Some(person.id.clone()),
        scopes: Permission::ALL.to_vec(),
        days: 1,
    };
    with_token(daemon, &daemon.operator(home).create_token(&new).await.unwrap().token)
}

/// Approves in a browser's session of a person; the status.
async fn approve_in_a_session(daemon: &Daemon, owner: &Client, person: &Member, change: &ChangeInfo) -> u16 {
    let link = owner.login_link(&person.id).await.unwrap().url;
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let signed_in = browser.post(link).send().await.unwrap();
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let url = format!("{}/v1/knowledge/changes/{}/approve", daemon.url.trim_end_matches('/'), change.number);
    let approve = http().post(url).header("cookie", cookie).header("sec-fetch-site", "same-origin");
    approve.json(&serde_json::json!({ "hash": change.hash })).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn two_people_change_a_link_and_one_alone_cannot() {
    let home = hasty();
    let daemon = Daemon::start(&home).await;
    let (ada, first) = with_role(&daemon, &home, "Ada", Role::Editor).await;
    let (bob, second) = with_role(&daemon, &home, "Bob", Role::Owner).await;
    let change = first.put_change(&moved()).await.unwrap();
    assert_eq!((change.state, change.needs), (ChangeState::Proposed, 2));
    let detail = first.change(change.number).await.unwrap();
    assert!(detail.diff.contains("+The only migration portal is {link.guide}."), "{}", detail.diff);
    assert!(detail.check.unwrap().good);

    // One person, with two tokens and a session, over and over.
    for client in [&first, &another(&daemon, &home, &ada).await, &first] {
        assert_eq!(approve(client, change.number).await.unwrap().state, ChangeState::Approved);
    }
    assert_eq!(approve_in_a_session(&daemon, &first, &ada, &change).await, 200);
    // The host and a machine are nobody.
    let operator = daemon.operator(&home);
    let scopes = Permission::ALL.to_vec();
    let new = NewToken { name: "machine".to_owned(), person: None, scopes, days: 1 };
    let machine = with_token(&daemon, &operator.create_token(&new).await.unwrap().token);
    for nobody in [&operator, &machine] {
        assert_eq!(refused(approve(nobody, change.number).await).0, 403);
    }
    // Who became an editor after it was put has no voice in it.
    let (_, late) = with_role(&daemon, &home, "Late", Role::Editor).await;
    assert_eq!(refused(approve(&late, change.number).await).0, 403);
    assert!(link(&daemon).await.contains(OLD), "one person changes nothing");

    // What was approved is edited: the voice was for something else.
    let again = NewChange { change: Some(change.number), ..moved() };
    let edited = first.put_change(&again).await.unwrap();
    assert_eq!(edited.state, ChangeState::Proposed);
    assert_eq!(refused(second.approve_change(change.number, &change.hash).await).0, 409, "an old look");
    assert_eq!(approve(&second, change.number).await.unwrap().state, ChangeState::Approved);
    assert_eq!(approve(&first, change.number).await.unwrap().state, ChangeState::Published);
    assert_eq!(refused(approve(&first, change.number).await).0, 409, "it has ended");

    let heard = say(&daemon.client(), &question(ASKED)).await;
    assert!(heard.text().contains(NEW) && !heard.text().contains(OLD), "{}", heard.text());
    let citation = heard.reply().citation.clone().unwrap();
    assert!(!citation.revision.starts_with(&revision("official-link.md")), "{citation:?}");
    let history = first.item_history("official-link.md").await.unwrap().revisions;
    let of_person = |person: &Member| format!("person:{}", person.id);
    assert_eq!(history[0].approved_by, [of_person(&bob), of_person(&ada)]);
    assert_eq!((history[0].author.clone(), history[1].author.clone()), (Some(of_person(&ada)), None));
    assert!(operator.verify_audit().await.unwrap().whole);
    let acts: Vec<String> = operator.audit(2).await.unwrap().records.into_iter().map(|act| act.action).collect();
    assert_eq!(acts, ["knowledge.publish", "knowledge.approve"]);
}

/// On several nodes the other one answers the same within seconds.
#[tokio::test]
async fn what_one_node_publishes_the_other_answers() {
    let cluster = Cluster::start(false);
    let url = cluster.database("published");
    let (a, b) = (on(hasty(), &url, 10.0), on(hasty(), &url, 10.0));
    let (first, second) = (Daemon::start(&a).await, Daemon::start(&b).await);
    let (_, ada) = with_role(&first, &a, "Ada", Role::Editor).await;
    let (_, bob) = with_role(&first, &a, "Bob", Role::Editor).await;
    // The link itself: every entry that shows it changes with it.
    let facts = put("facts.toml", Some(sample("facts.toml").replace(&format!("{OLD}\""), &format!("{NEW}\""))));
    let number = ada.put_change(&facts).await.unwrap().number;
    approve(&ada, number).await.unwrap();
    assert_eq!(approve(&bob, number).await.unwrap().state, ChangeState::Published);
    // Either node may have published it: the other one follows.
    for daemon in [&first, &second] {
        let taken_up = async { while !link(daemon).await.contains(NEW) {} };
        tokio::time::timeout(PATIENCE, taken_up).await.expect("a node does not take it up");
    }
    // And what one withdraws is silent on both.
    ada.withdraw_item("official-link.md").await.unwrap();
    assert_eq!(link(&first).await, "");
    let taken_up = async { while !link(&second).await.is_empty() {} };
    tokio::time::timeout(PATIENCE, taken_up).await.expect("the other node does not take it up");
}

#[tokio::test]
async fn a_change_that_takes_anothers_questions_is_refused_and_named() {
    let home = hasty();
    let daemon = Daemon::start(&home).await;
    let (_, ada) = with_role(&daemon, &home, "Ada", Role::Editor).await;
    let (_, bob) = with_role(&daemon, &home, "Bob", Role::Editor).await;
    let thief = sample("taxes.md");
    let (head, rest) = thief.split_once("variants:\n").unwrap();
    let stolen = format!("{head}variants:\n  - portal link\n  - what is the official site\n{rest}");
    let number = ada.put_change(&put("taxes.md", Some(stolen))).await.unwrap().number;
    let check = ada.change(number).await.unwrap().check.unwrap();
    let named = |faults: &str| {
        faults.contains("`taxes`") && faults.contains("portal link") && faults.contains("`official-link`")
    };
    assert!(!check.good && named(&check.faults.join("\n")), "{check:?}");
    approve(&ada, number).await.unwrap();
    let change = match ada.change(number).await.unwrap().change {
        change if change.state == ChangeState::Refused => change,
        _ => approve(&bob, number).await.unwrap(),
    };
    assert_eq!(change.state, ChangeState::Refused);
    assert!(named(change.reason.as_deref().unwrap_or_default()), "{change:?}");
    assert!(link(&daemon).await.contains(OLD), "what is published stays");
    assert!(say(&daemon.client(), &question("what is the official site")).await.text().contains(OLD));
}

/// The default: half an hour in which anybody may object.
#[tokio::test]
async fn a_change_of_two_people_cools_and_one_takes_it_back() {
    let home = Home::new();
    let daemon = Daemon::start(&home).await;
    let (_, ada) = with_role(&daemon, &home, "Ada", Role::Editor).await;
    let (_, bob) = with_role(&daemon, &home, "Bob", Role::Editor).await;
    let number = ada.put_change(&moved()).await.unwrap().number;
    approve(&ada, number).await.unwrap();
    let cooling = approve(&bob, number).await.unwrap();
    assert_eq!(cooling.state, ChangeState::Cooling);
    let second = cooling.approvals.iter().map(|voice| voice.at_ms).max().unwrap();
    assert_eq!(cooling.live_ms, Some(second + 30 * 60 * 1000));
    let listed = home.run(&["knowledge", "changes"]).await;
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("cooling") && listed.contains("2 of 2 approvals (Ada; Bob); live from 20"), "{listed}");
    assert!(link(&daemon).await.contains(OLD));
    assert_eq!(ada.withdraw_change(number).await.unwrap().state, ChangeState::Withdrawn);
    assert_eq!(refused(approve(&bob, number).await).0, 409);
    // Words of no weight need one person, and no time.
    let text = sample("taxes.md").replace("variants:\n", "variants:\n  - is there a tax return to file for this\n");
    let number = ada.put_change(&put("taxes.md", Some(text))).await.unwrap().number;
    assert_eq!(approve(&bob, number).await.unwrap().state, ChangeState::Published);
}

/// A client with the operator's token in a file, for commands in somebody's name.
async fn token_file(home: &Home, name: &str, daemon: &Daemon, person: &Member) -> String {
    let new = NewToken {
        name: name.to_owned(),
        person: Some(person.id.clone()),
        scopes: vec![Permission::EditKnowledge, Permission::ApproveKnowledge],
        days: 1,
    };
    let token = SecretString::from(daemon.operator(home).create_token(&new).await.unwrap().token);
    let file = home.folder().join(format!("{name}.token"));
    std::fs::write(&file, secrecy::ExposeSecret::expose_secret(&token)).unwrap();
    file.display().to_string()
}

#[tokio::test]
async fn the_command_line_drafts_shows_approves_withdraws_and_rolls_back() {
    let home = hasty();
    let daemon = Daemon::start(&home).await;
    let (ada, _) = with_role(&daemon, &home, "Ada", Role::Editor).await;
    let (bob, _) = with_role(&daemon, &home, "Bob", Role::Editor).await;
    let (ada, bob) = (token_file(&home, "ada", &daemon, &ada).await, token_file(&home, "bob", &daemon, &bob).await);
    let file = home.folder().join("official-link.md");
    std::fs::write(&file, renamed()).unwrap();
    let file = file.display().to_string();
    let run = async |who: &str, args: &[&str]| {
        let ended = home.run(&[&["knowledge"], args, &["--token-file", who]].concat()).await;
        let said = [ended.stdout, ended.stderr].concat();
        (ended.status.success(), String::from_utf8(said).unwrap())
    };
    let (good, said) = run(&ada, &["draft", &file, "--note", "the portal moves"]).await;
    assert!(good && said.contains("   2  proposed  official-link.md") && said.contains("the portal moves"), "{said}");
    let (good, said) = run(&ada, &["diff", "2"]).await;
    assert!(good && said.contains("-canonical_url: link.portal") && said.contains("The base would be good"), "{said}");
    let (good, said) = run(&ada, &["approve", "2", "--hash", "0000"]).await;
    assert!(!good && said.contains("not what you looked at"), "{said}");
    assert!(run(&ada, &["approve", "2"]).await.1.contains("1 of 2 approvals (Ada)"));
    let (good, said) = run(&bob, &["approve", "2"]).await;
    assert!(good && said.contains("published") && said.contains("revision 2"), "{said}");
    assert!(link(&daemon).await.contains(NEW));

    // One takes it out at once; going back to what it said needs two again.
    let (good, said) = run(&ada, &["withdraw", "official-link.md"]).await;
    assert!(good && said.contains("-official-link.md"), "{said}");
    assert_eq!(link(&daemon).await, "", "it answers nothing any more");
    let (good, said) = run(&bob, &["rollback", "official-link.md", "--to", "1"]).await;
    assert!(good && said.contains("+official-link.md") && said.contains("0 of 2"), "{said}");
    run(&bob, &["approve", "4"]).await;
    assert_eq!(link(&daemon).await, "");
    run(&ada, &["approve", "4"]).await;
    assert!(link(&daemon).await.contains(OLD));
    let (_, said) = run(&ada, &["history", "official-link.md"]).await;
    for line in ["   4  20", "   3  20", "withdrawn", "approved by nobody", "base 1, change 1, by files"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    // Back to when it was withdrawn is safe: one is enough.
    run(&ada, &["rollback", "official-link.md", "--to", "3"]).await;
    assert_eq!(link(&daemon).await, "");
    let (good, said) = run(&ada, &["history", "nothing.md"]).await;
    assert!(!good && said.contains("no such item"), "{said}");
}
