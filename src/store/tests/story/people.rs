//! People, tokens, links and sessions: what each gives, and that it gives no more.

use townkeeper_contract::access::{Permission, Role, TokenInfo};
use townkeeper_store::{By, Denied, Linked, OpenSession, SaidCode, ShownName, Store, StoreError};

use crate::home::{Home, stories};

const W: &str = "main";
const ELSEWHERE: &str = "elsewhere";

stories!(
    a_person_has_roles_and_the_last_owner_stays,
    nothing_of_one_workspace_is_found_from_another,
    a_token_is_good_until_it_is_not,
    a_persons_token_ends_with_the_person,
    what_somebody_made_for_a_machine_ends_with_them,
    a_person_is_signed_out_everywhere,
    a_code_proves_an_account_once,
    what_platforms_call_the_team_is_forgotten_with_the_last_role,
    guessing_codes_comes_to_an_end,
    a_login_link_opens_one_session,
);

pub(crate) fn by(now_ms: i64) -> By {
    by_whom("operator", now_ms)
}

pub(crate) fn by_whom(actor: &str, now_ms: i64) -> By {
    By { workspace: W.to_owned(), actor: actor.to_owned(), method: "operator".to_owned(), now_ms }
}

fn elsewhere(now_ms: i64) -> By {
    By { workspace: ELSEWHERE.to_owned(), ..by(now_ms) }
}

/// Why something was refused.
pub(crate) fn denied<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Denied {
    match result {
        Err(StoreError::Denied(denied)) => denied,
        other => panic!("it was not refused: {other:?}"),
    }
}

/// How many acts the log holds.
async fn acts(store: &Store) -> i64 {
    let verdict = store.verify_audit(W).await.unwrap();
    assert!(verdict.whole, "{verdict:?}");
    verdict.records
}

fn token(id: &str, person: Option<&str>) -> TokenInfo {
    TokenInfo {
        id: id.to_owned(),
        name: "for a test".to_owned(),
        person: person.map(str::to_owned),
        scopes: vec![Permission::ReadTickets, Permission::Freeze],
        created_ms: 10,
        expires_ms: 1_000_000,
        last_used_ms: None,
        revoked_ms: None,
    }
}

async fn a_person_has_roles_and_the_last_owner_stays(home: &Home) {
    let store = home.open().await;
    store.open_workspace(W, "Lumen", 1).await.unwrap();
    store.open_workspace(W, "Lumen again", 2).await.unwrap();
    let ada = store.add_person(by(10), "ada", "Ada", &[Role::Owner, Role::Editor]).await.unwrap();
    assert_eq!(ada.roles, [Role::Owner, Role::Editor]);
    store.add_person(by(11), "bob", "Bob", &[]).await.unwrap();

    assert_eq!(denied(store.set_role(by(12), "ada", Role::Owner, false).await), Denied::LastOwner);
    assert_eq!(denied(store.remove_person(by(12), "ada").await), Denied::LastOwner);
    assert_eq!(store.person(W, "ada").await.unwrap().unwrap(), ada, "a refusal changes nothing");
    assert_eq!(acts(&store).await, 2, "and is no act");

    // The twin: with a second owner the first may go.
    store.set_role(by(13), "bob", Role::Owner, true).await.unwrap();
    store.set_role(by(14), "bob", Role::Owner, true).await.unwrap();
    let less = store.set_role(by(15), "ada", Role::Owner, false).await.unwrap();
    assert_eq!(less.roles, [Role::Editor]);
    store.remove_person(by(16), "ada").await.unwrap();
    let names: Vec<String> = store.people(W).await.unwrap().into_iter().map(|person| person.name).collect();
    assert_eq!((names, acts(&store).await), (vec!["Bob".to_owned()], 5));
    let actions: Vec<String> = store.audit(W, 2).await.unwrap().1.into_iter().map(|record| record.action).collect();
    assert_eq!(actions, ["person.remove", "person.role.take"], "newest first");
}

async fn nothing_of_one_workspace_is_found_from_another(home: &Home) {
    let store = home.open().await;
    store.add_person(by(1), "ada", "Ada", &[Role::Owner]).await.unwrap();
    store.create_token(by(2), token("t", Some("ada")), "hash".to_owned()).await.unwrap();
    store.new_link(by(3), "ada", "code".to_owned(), 1_000).await.unwrap();
    store.new_login(by(4), "ada", "link".to_owned(), 1_000).await.unwrap();

    let there = Denied::NotThere;
    assert_eq!(store.person(ELSEWHERE, "ada").await.unwrap(), None);
    assert!(store.people(ELSEWHERE).await.unwrap().is_empty() && store.tokens(ELSEWHERE).await.unwrap().is_empty());
    assert!(store.use_token(ELSEWHERE, "hash", 5).await.unwrap().is_none());
    assert_eq!(denied(store.revoke_token(elsewhere(5), "t").await), there("token"));
    assert_eq!(denied(store.remove_person(elsewhere(5), "ada").await), there("person"));
    assert_eq!(denied(store.set_role(elsewhere(5), "ada", Role::Editor, true).await), there("person"));
    assert_eq!(
        denied(store.create_token(elsewhere(5), token("u", Some("ada")), "h".to_owned()).await),
        there("person")
    );
    assert_eq!(denied(store.new_login(elsewhere(5), "ada", "l".to_owned(), 9).await), there("person"));
    let said = SaidCode { workspace: ELSEWHERE.to_owned(), ..said("code", "7", 5) };
    assert_eq!(store.link(said).await.unwrap(), Linked::Wrong);
    let open = OpenSession { workspace: ELSEWHERE.to_owned(), ..open("link", "session", 5) };
    assert_eq!(denied(store.open_session(open).await), Denied::Spent);
    assert!(store.audit(ELSEWHERE, 9).await.unwrap().1.is_empty(), "nothing was done there");
    assert_eq!(acts(&store).await, 4);
}

async fn a_token_is_good_until_it_is_not(home: &Home) {
    let store = home.open().await;
    store.create_token(by(10), token("t", None), "hash".to_owned()).await.unwrap();
    let held = store.use_token(W, "hash", 100).await.unwrap().unwrap();
    assert_eq!(
        (held.info.scopes.as_slice(), held.roles.len()),
        ([Permission::ReadTickets, Permission::Freeze].as_slice(), 0)
    );
    assert!(store.use_token(W, "other", 100).await.unwrap().is_none());
    let used = async |at: i64| {
        store.use_token(W, "hash", at).await.unwrap().unwrap();
        store.tokens(W).await.unwrap()[0].last_used_ms
    };
    assert_eq!(used(60_099).await, Some(100), "kept to the minute");
    assert_eq!(used(60_100).await, Some(60_100));
    assert!(store.use_token(W, "hash", 1_000_000).await.unwrap().is_none(), "expired");

    let revoked = store.revoke_token(by(70_000), "t").await.unwrap();
    assert_eq!(revoked.revoked_ms, Some(70_000));
    assert_eq!(store.revoke_token(by(80_000), "t").await.unwrap().revoked_ms, Some(70_000), "once");
    assert!(store.use_token(W, "hash", 100).await.unwrap().is_none());
    assert_eq!(acts(&store).await, 2);
}

async fn a_persons_token_ends_with_the_person(home: &Home) {
    let store = home.open().await;
    store.add_person(by(1), "ada", "Ada", &[Role::Owner]).await.unwrap();
    store.add_person(by(1), "bob", "Bob", &[Role::Moderator]).await.unwrap();
    store.create_token(by(2), token("t", Some("bob")), "hash".to_owned()).await.unwrap();
    assert!(store.is_new(W, "ada").await.unwrap() && !store.is_new(W, "bob").await.unwrap());
    assert_eq!(store.use_token(W, "hash", 3).await.unwrap().unwrap().roles, [Role::Moderator]);
    store.set_role(by(4), "bob", Role::Moderator, false).await.unwrap();
    assert!(store.use_token(W, "hash", 5).await.unwrap().unwrap().roles.is_empty(), "it follows the person's roles");
    store.remove_person(by(6), "bob").await.unwrap();
    assert!(store.use_token(W, "hash", 7).await.unwrap().is_none());
}

async fn what_somebody_made_for_a_machine_ends_with_them(home: &Home) {
    let store = home.open().await;
    store.add_person(by(1), "ada", "Ada", &[Role::Owner]).await.unwrap();
    store.add_person(by(1), "bob", "Bob", &[Role::Owner]).await.unwrap();
    // Bob makes one for a machine, which makes another, which makes a third; Ada and the operator make theirs.
    let makers =
        [("b1", "person:bob"), ("b2", "token:b1"), ("b3", "token:b2"), ("a1", "person:ada"), ("o1", "operator")];
    for (id, maker) in makers {
        store.create_token(by_whom(maker, 2), token(id, None), format!("hash-{id}")).await.unwrap();
    }
    store.revoke_token(by(3), "b1").await.unwrap();
    let good = async || {
        let mut good = Vec::new();
        for (id, _) in makers {
            let held = store.use_token(W, &format!("hash-{id}"), 5).await.unwrap();
            good.extend(held.map(|held| held.info.id));
        }
        good
    };
    assert_eq!(good().await, ["b2", "b3", "a1", "o1"], "one that is renewed by its successor may go");
    store.remove_person(by(6), "bob").await.unwrap();
    assert_eq!(good().await, ["a1", "o1"]);
}

async fn a_person_is_signed_out_everywhere(home: &Home) {
    let store = home.open().await;
    store.add_person(by(1), "ada", "Ada", &[Role::Owner]).await.unwrap();
    store.add_person(by(1), "bob", "Bob", &[]).await.unwrap();
    for (person, link, session) in [("ada", "l1", "s1"), ("ada", "l2", "s2"), ("bob", "l3", "s3")] {
        store.new_login(by(2), person, link.to_owned(), 1_000).await.unwrap();
        store.open_session(open(link, session, 3)).await.unwrap();
    }
    store.new_login(by(4), "ada", "unused".to_owned(), 1_000).await.unwrap();
    let before = acts(&store).await;
    store.close_sessions(by(5), "ada").await.unwrap();
    for (session, is_good) in [("s1", false), ("s2", false), ("s3", true)] {
        assert_eq!(store.session(W, session, 6).await.unwrap().is_some(), is_good, "{session}");
    }
    assert_eq!(denied(store.open_session(open("unused", "s4", 6)).await), Denied::Spent);
    assert_eq!(acts(&store).await, before + 1);
    assert_eq!(denied(store.close_sessions(by(7), "nobody").await), Denied::NotThere("person"));
    assert_eq!(denied(store.close_sessions(elsewhere(7), "bob").await), Denied::NotThere("person"));
}

fn said(hash: &str, id: &str, now_ms: i64) -> SaidCode {
    SaidCode {
        workspace: W.to_owned(),
        platform: "telegram".to_owned(),
        id: id.to_owned(),
        hash: hash.to_owned(),
        now_ms,
    }
}

async fn a_code_proves_an_account_once(home: &Home) {
    let store = home.open().await;
    store.add_person(by(1), "ada", "Ada", &[Role::Moderator]).await.unwrap();
    store.add_person(by(1), "bob", "Bob", &[]).await.unwrap();
    store.new_link(by(2), "ada", "void".to_owned(), 1_000).await.unwrap();
    store.new_link(by(3), "ada", "code".to_owned(), 1_000).await.unwrap();
    assert_eq!(store.link(said("void", "7", 4)).await.unwrap(), Linked::Wrong, "a newer one was made");
    assert_eq!(store.link(said("code", "7", 1_000)).await.unwrap(), Linked::Wrong, "too late");
    assert!(store.is_new(W, "ada").await.unwrap(), "a code alone lets nobody in");
    let Linked::To(ada) = store.link(said("code", "7", 5)).await.unwrap() else { panic!("not linked") };
    assert_eq!((ada.id.as_str(), ada.identities[0].id.as_str()), ("ada", "7"));
    assert!(!store.is_new(W, "ada").await.unwrap());
    assert_eq!(store.link(said("code", "8", 6)).await.unwrap(), Linked::Wrong, "used");
    assert_eq!(store.person_of(W, "telegram", "7").await.unwrap().unwrap().id, "ada");
    assert!(store.person_of(W, "discord", "7").await.unwrap().is_none());

    store.new_link(by(7), "bob", "next".to_owned(), 1_000).await.unwrap();
    assert_eq!(store.link(said("next", "7", 8)).await.unwrap(), Linked::Taken, "an account is one person's");
    assert_eq!(store.person_of(W, "telegram", "7").await.unwrap().unwrap().id, "ada");
    store.unlink(by(9), "ada", "telegram", "7").await.unwrap();
    assert!(store.person_of(W, "telegram", "7").await.unwrap().is_none());
    assert_eq!(denied(store.unlink(by(9), "ada", "telegram", "7").await), Denied::NotThere("linked account"));
}

async fn what_platforms_call_the_team_is_forgotten_with_the_last_role(home: &Home) {
    let store = home.open().await;
    let mut names = Vec::new();
    for (person, account) in [("ada", "7"), ("bob", "8")] {
        store.add_person(by(1), person, person, &[Role::Moderator, Role::Editor]).await.unwrap();
        store.new_link(by(2), person, person.to_owned(), 1_000).await.unwrap();
        store.link(said(person, account, 3)).await.unwrap();
        let (platform, id) = ("telegram".to_owned(), account.to_owned());
        names.push(ShownName { platform, id, name: format!("Moderator {person}"), handle: person.to_owned() });
    }
    store.show_names(W, names.clone()).await.unwrap();
    store.set_role(by(4), "ada", Role::Editor, false).await.unwrap();
    assert_eq!(store.shown_names(W).await.unwrap(), names, "she is of the team");
    store.set_role(by(5), "ada", Role::Moderator, false).await.unwrap();
    assert_eq!(store.shown_names(W).await.unwrap(), names[1..]);
    // What a node had heard and writes down only now.
    store.show_names(W, names.clone()).await.unwrap();
    assert_eq!(store.shown_names(W).await.unwrap(), names[1..]);
    // The twin: once she is back, it is noted again.
    store.set_role(by(6), "ada", Role::Editor, true).await.unwrap();
    store.show_names(W, names.clone()).await.unwrap();
    assert_eq!(store.shown_names(W).await.unwrap(), names);
}

async fn guessing_codes_comes_to_an_end(home: &Home) {
    let store = home.open().await;
    store.add_person(by(1), "ada", "Ada", &[]).await.unwrap();
    store.new_link(by(2), "ada", "code".to_owned(), 10_000_000).await.unwrap();
    for n in 0..5 {
        assert_eq!(store.link(said(&format!("guess {n}"), "7", 3 + n)).await.unwrap(), Linked::Wrong);
    }
    assert_eq!(store.link(said("code", "7", 9)).await.unwrap(), Linked::TooMany, "even the right one");
    // The twins: another account, and the same one later.
    assert_eq!(store.link(said("wrong", "8", 9)).await.unwrap(), Linked::Wrong);
    assert!(matches!(store.link(said("code", "7", 600_003)).await.unwrap(), Linked::To(_)));
}

fn open(link: &str, hash: &str, now_ms: i64) -> OpenSession {
    OpenSession {
        workspace: W.to_owned(),
        link: link.to_owned(),
        hash: hash.to_owned(),
        expires_ms: now_ms + 1_000,
        now_ms,
    }
}

async fn a_login_link_opens_one_session(home: &Home) {
    let store = home.open().await;
    store.add_person(by(1), "ada", "Ada", &[Role::Moderator]).await.unwrap();
    store.new_login(by(2), "ada", "link".to_owned(), 100).await.unwrap();
    assert_eq!(denied(store.open_session(open("link", "late", 100)).await), Denied::Spent);
    let good = async |hash: &str, at: i64| store.may_log_in(W, hash, at).await.unwrap();
    assert!(good("link", 50).await && !good("link", 100).await && !good("guess", 50).await);
    assert_eq!(store.open_session(open("link", "session", 50)).await.unwrap().id, "ada");
    assert!(!good("link", 50).await);
    assert_eq!(denied(store.open_session(open("link", "again", 51)).await), Denied::Spent, "once");
    assert_eq!(store.session(W, "session", 60).await.unwrap().unwrap().id, "ada");
    assert!(store.session(W, "again", 60).await.unwrap().is_none());
    assert!(store.session(W, "session", 1_050).await.unwrap().is_none(), "its time is over");
    store.close_session(by(70), "session").await.unwrap();
    store.close_session(by(71), "session").await.unwrap();
    assert!(store.session(W, "session", 60).await.unwrap().is_none());
    assert_eq!(acts(&store).await, 4);
}
