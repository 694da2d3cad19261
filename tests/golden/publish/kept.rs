//! A death in the middle of a publication leaves what was published or what is: never half of it.

use townkeeper_contract::access::Role;
use townkeeper_contract::knowledge::ChangeState;

use super::{NEW, approve, hasty, link, moved};
use crate::daemon::{Daemon, PATIENCE};
use crate::people::with_role;

#[tokio::test]
async fn a_death_while_publishing_leaves_no_half_of_it() {
    for (fault, revision) in [("knowledge.publish:1", 1), ("knowledge.swap:1", 2)] {
        let home = hasty();
        let mut daemon = Daemon::start_with_fault(&home, fault).await.expect("it starts");
        let (_, ada) = with_role(&daemon, &home, "Ada", Role::Editor).await;
        let (_, bob) = with_role(&daemon, &home, "Bob", Role::Editor).await;
        let number = ada.put_change(&moved()).await.unwrap().number;
        approve(&ada, number).await.unwrap();
        assert!(approve(&bob, number).await.is_err(), "{fault}: it did not die");
        daemon.gone().await;
        let published = {
            let store = townkeeper_store::Store::open(&home.data()).await.unwrap();
            let published = store.published_base(crate::daemon::WORKSPACE).await.unwrap();
            assert!(store.verify_audit(crate::daemon::WORKSPACE).await.unwrap().whole);
            store.close().await;
            published
        };
        assert_eq!(published.revision, revision, "{fault}");
        let text = published.documents.iter().find(|(item, _)| item == "official-link.md").unwrap().1.clone();
        assert_eq!(
            (text.contains("{link.guide}"), text.contains("{link.portal}")),
            (revision == 2, revision == 1),
            "{fault}"
        );

        // It had its voices: the next life makes it live, once.
        let daemon = Daemon::start(&home).await;
        let live = async { while !link(&daemon).await.contains(NEW) {} };
        tokio::time::timeout(PATIENCE, live).await.expect("nobody publishes it");
        let list = daemon.operator(&home).changes().await.unwrap();
        assert_eq!((list.revision, list.changes[0].state), (2, ChangeState::Published));
    }
}
