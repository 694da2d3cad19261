//! The audit log and the freeze: what is written stays, what was changed behind our back is named, and two thaw.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};
use townkeeper_contract::access::{AuditVerdict, Role};
use townkeeper_store::{Denied, Store};

use crate::home::{Home, stories};
use crate::people::{by, by_whom, denied};

const W: &str = "main";

stories!(
    the_log_cannot_be_changed,
    what_was_changed_by_force_is_named,
    one_freezes_and_two_thaw,
    who_became_a_voter_during_the_freeze_has_no_voice,
);

impl Home {
    /// Runs statements on the database itself, as somebody who broke in would. `false`: the database refused.
    async fn force(&self, statements: &str) -> bool {
        let statements = AssertSqlSafe(statements.to_owned());
        match self {
            Self::Sqlite(folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join("townkeeper.db"));
                let mut conn = options.connect().await.unwrap();
                let done = sqlx::raw_sql(statements).execute(&mut conn).await.is_ok();
                conn.close().await.unwrap();
                done
            }
            Self::Postgres(url) => {
                let mut conn = PgConnection::connect(url).await.unwrap();
                sqlx::raw_sql(statements).execute(&mut conn).await.is_ok()
            }
        }
    }

    /// Takes the guards away.
    async fn disarm(&self) {
        let statements = match self {
            Self::Sqlite(_) => {
                "DROP TRIGGER audit_stays; DROP TRIGGER audit_keeps; DROP TRIGGER audit_head_grows; \
                 DROP TRIGGER audit_head_keeps"
            }
            Self::Postgres(_) => "DROP FUNCTION audit_append_only CASCADE",
        };
        assert!(self.force(statements).await, "the guards could not be taken away");
    }
}

/// A log of five acts.
async fn five(home: &Home) -> Store {
    let store = home.open().await;
    for n in 1..=5 {
        store.add_person(by(n), &format!("p{n}"), "Somebody", &[]).await.unwrap();
    }
    store
}

async fn bad(store: &Store) -> (bool, Option<i64>) {
    let AuditVerdict { whole, first_bad, .. } = store.verify_audit(W).await.unwrap();
    (whole, first_bad)
}

async fn the_log_cannot_be_changed(home: &Home) {
    let store = five(home).await;
    for statement in [
        "UPDATE audit SET subject = 'x' WHERE n = 2",
        "DELETE FROM audit WHERE n = 5",
        "UPDATE audit_head SET n = 4",
        "DELETE FROM audit_head",
    ] {
        assert!(!home.force(statement).await, "{statement}");
    }
    assert_eq!(bad(&store).await, (true, None));
    // The red twin: without the guards it can be.
    home.disarm().await;
    assert!(home.force("UPDATE audit SET subject = 'x' WHERE n = 2").await);
    assert_eq!(bad(&store).await, (false, Some(2)));
}

async fn what_was_changed_by_force_is_named(home: &Home) {
    let store = five(home).await;
    home.disarm().await;
    let copy = |n: i64| {
        format!(
            "INSERT INTO audit SELECT workspace, {n}, at_ms, actor, method, action, 'forged', before_hash, after_hash, \
             prev_hash, hash FROM audit WHERE n = 3"
        )
    };
    let steps = [
        (copy(6), 6),
        // One that follows the last, as an honest one would, but that no head knows.
        ("UPDATE audit SET prev_hash = (SELECT hash FROM audit_head) WHERE n = 6".to_owned(), 6),
        ("DELETE FROM audit WHERE n >= 5".to_owned(), 5),
        ("UPDATE audit SET actor = 'somebody else' WHERE n = 4".to_owned(), 4),
        ("DELETE FROM audit WHERE n = 3".to_owned(), 3),
        ("UPDATE audit SET hash = prev_hash WHERE n = 2".to_owned(), 2),
        ("DELETE FROM audit".to_owned(), 1),
    ];
    for (statement, n) in steps {
        assert!(home.force(&statement).await, "{statement}");
        assert_eq!(bad(&store).await, (false, Some(n)), "{statement}");
    }
    let verdict = store.verify_audit(W).await.unwrap();
    assert!(verdict.why.is_some_and(|why| why.contains("cut off")), "an emptied log is a cut one");
}

async fn one_freezes_and_two_thaw(home: &Home) {
    let store = home.open().await;
    store.add_person(by(1), "ada", "Ada", &[Role::Owner]).await.unwrap();
    store.add_person(by(1), "bob", "Bob", &[Role::Moderator]).await.unwrap();
    store.add_person(by(1), "eve", "Eve", &[Role::Editor]).await.unwrap();
    assert!(!store.frozen(W).await.unwrap().frozen);
    assert!(!store.thaw(by_whom("person:ada", 2)).await.unwrap().frozen, "there is nothing to thaw");

    let frozen = store.freeze(by_whom("person:bob", 10), "a bad link").await.unwrap();
    assert_eq!((frozen.frozen, frozen.since_ms, frozen.reason.as_str()), (true, Some(10), "a bad link"));
    assert!(!store.frozen("elsewhere").await.unwrap().frozen, "another community is not frozen with it");
    for nobody in ["person:eve", "person:unknown", "token:t", "operator", "host"] {
        assert_eq!(denied(store.thaw(by_whom(nobody, 11)).await), Denied::NoVoice, "{nobody}");
    }
    assert!(store.thaw(by_whom("person:ada", 12)).await.unwrap().frozen);
    assert_eq!(store.thaw(by_whom("person:ada", 13)).await.unwrap().votes, ["person:ada"], "twice is once");
    // Somebody freezes again: what was agreed before is void.
    let again = store.freeze(by(14), "another one").await.unwrap();
    assert_eq!((again.since_ms, again.reason.as_str(), again.votes.len()), (Some(10), "a bad link", 0));
    assert!(store.thaw(by_whom("person:bob", 15)).await.unwrap().frozen);
    assert!(!store.thaw(by_whom("person:ada", 16)).await.unwrap().frozen);
    assert!(!store.frozen(W).await.unwrap().frozen);
    let (_, log) = store.audit(W, 3).await.unwrap();
    assert_eq!(log.iter().map(|r| r.action.as_str()).collect::<Vec<_>>(), ["thaw", "thaw.vote", "freeze"]);
    assert_eq!(bad(&store).await, (true, None));
}

async fn who_became_a_voter_during_the_freeze_has_no_voice(home: &Home) {
    let store = home.open().await;
    store.add_person(by(1), "ada", "Ada", &[Role::Owner]).await.unwrap();
    store.add_person(by(1), "bob", "Bob", &[Role::Moderator]).await.unwrap();
    store.freeze(by(10), "").await.unwrap();
    store.add_person(by_whom("person:ada", 11), "puppet", "Puppet", &[Role::Moderator]).await.unwrap();
    assert!(store.thaw(by_whom("person:ada", 12)).await.unwrap().frozen);
    assert_eq!(denied(store.thaw(by_whom("person:puppet", 13)).await), Denied::NoVoice);
    assert!(store.frozen(W).await.unwrap().frozen);
    // A vote counts only while its voter may vote.
    store.set_role(by(14), "bob", Role::Moderator, false).await.unwrap();
    assert_eq!(denied(store.thaw(by_whom("person:bob", 15)).await), Denied::NoVoice);
    // Of those who could, one is left: the operator may fill in, so that nobody is locked out.
    assert!(!store.thaw(by(16)).await.unwrap().frozen);
}
