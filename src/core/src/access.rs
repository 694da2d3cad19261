//! Who may do what: the one table of roles and permissions, and the rule of thawing.

use townkeeper_contract::access::{Permission, Role};

/// What a role allows.
pub fn permissions(role: Role) -> &'static [Permission] {
    use Permission as P;
    match role {
        Role::Owner => P::ALL,
        Role::Moderator => &[P::ReadTickets, P::WorkTickets, P::Moderate, P::ReadAudit, P::Freeze, P::Thaw],
        Role::Editor => &[P::ReadTickets, P::EditKnowledge, P::ApproveKnowledge],
        Role::Announcer => &[P::Announce],
    }
}

/// Whether a role allows something.
pub fn allows(role: Role, permission: Permission) -> bool {
    permissions(role).contains(&permission)
}

/// Whether any of these roles allows it. Nobody without a role may do anything.
pub fn may(roles: &[Role], permission: Permission) -> bool {
    roles.iter().any(|role| allows(*role, permission))
}

/// Everything that these roles allow.
pub fn all(roles: &[Role]) -> Vec<Permission> {
    Permission::ALL.iter().copied().filter(|permission| may(roles, *permission)).collect()
}

/// What a person's token allows today: its scopes, but never more than the person may.
pub fn bound(scopes: &[Permission], roles: &[Role]) -> Vec<Permission> {
    scopes.iter().copied().filter(|scope| may(roles, *scope)).collect()
}

/// Somebody who may thaw today, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    /// As the audit log writes them: `person:<id>`.
    pub actor: String,
    pub granted_ms: i64,
}

/// How many different voices it takes to thaw.
pub const VOICES: usize = 2;

/// The operator, who holds the host but is no person of the workspace.
pub const OPERATOR: &str = "operator";

/// Which of these votes count, each once. `voters`: who may thaw today.
///
/// Who was given that while the town was frozen has no voice, or whoever stole one account would make a second voter; and
/// the operator's has none where two people could vote when it began. Only where too few are left may these fill in, so
/// that nobody is locked out.
pub fn voices<'a>(votes: &'a [String], voters: &[Voter], frozen_ms: i64) -> Vec<&'a str> {
    let elders = voters.iter().filter(|voter| voter.granted_ms <= frozen_ms).count();
    let has_voice = |vote: &&str| {
        let voter = voters.iter().find(|voter| voter.actor == *vote);
        let elder = voter.is_some_and(|voter| voter.granted_ms <= frozen_ms);
        elder || voter.is_some() && elders == 0 || *vote == OPERATOR && elders < VOICES
    };
    let mut counted: Vec<&str> = votes.iter().map(String::as_str).filter(has_voice).collect();
    counted.sort_unstable();
    counted.dedup();
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_roles_is_as_written_down() {
        let table = [
            (Permission::ReadTickets, "owner moderator editor"),
            (Permission::WorkTickets, "owner moderator"),
            (Permission::EditKnowledge, "owner editor"),
            (Permission::ApproveKnowledge, "owner editor"),
            (Permission::Announce, "owner announcer"),
            (Permission::Moderate, "owner moderator"),
            (Permission::ManagePeople, "owner"),
            (Permission::ManageTokens, "owner"),
            (Permission::ReadAudit, "owner moderator"),
            (Permission::Freeze, "owner moderator"),
            (Permission::Thaw, "owner moderator"),
            (Permission::Operate, "owner"),
        ];
        assert_eq!(table.map(|(permission, _)| permission), Permission::ALL, "every permission is decided on");
        for (permission, who) in table {
            let roles: Vec<&str> =
                Role::ALL.iter().filter(|role| allows(**role, permission)).map(|role| role.as_str()).collect();
            assert_eq!(roles.join(" "), who, "{permission}");
            assert!(!may(&[], permission), "without a role nobody may {permission}");
        }
    }

    #[test]
    fn a_token_never_allows_more_than_its_person() {
        let scopes = [Permission::Freeze, Permission::ManageTokens];
        assert_eq!(bound(&scopes, &[Role::Moderator]), [Permission::Freeze]);
        assert_eq!(bound(&scopes, &[Role::Announcer, Role::Editor]), []);
        assert_eq!(bound(&scopes, &[Role::Owner]), scopes);
    }

    /// How many voices these votes have, in a freeze that began at 10. Voters: `name@granted`.
    fn count(votes: &str, voters: &str) -> usize {
        let votes: Vec<String> = votes.split_whitespace().map(str::to_owned).collect();
        let voter = |text: &str| {
            let (actor, granted) = text.split_once('@').expect("a voter");
            Voter { actor: actor.to_owned(), granted_ms: granted.parse().expect("a time") }
        };
        let voters: Vec<Voter> = voters.split_whitespace().map(voter).collect();
        voices(&votes, &voters, 10).len()
    }

    #[test]
    fn two_people_who_could_before_it_began_thaw() {
        assert_eq!(count("ada bob", "ada@1 bob@10"), VOICES);
        assert_eq!(count("ada ada", "ada@1 bob@1"), 1, "twice the same is once");
        assert_eq!(count("ada bob", "ada@1"), 1, "bob may not");
        assert_eq!(count("ada new", "ada@1 bob@1 new@11"), 1, "made a voter during the freeze");
        assert_eq!(count("operator ada", "ada@1 bob@1"), 1, "two people could; the host is none");
        // Where too few are left.
        assert_eq!(count("operator ada", "ada@1 new@11"), VOICES);
        assert_eq!(count("ada new", "ada@1 new@11"), 1);
        assert_eq!(count("operator new", "new@11"), VOICES);
        assert_eq!(count("operator", ""), 1, "alone it is never enough");
    }

    #[test]
    fn words_read_back() {
        for permission in Permission::ALL {
            assert_eq!(Permission::named(permission.as_str()), Some(*permission));
            let json = serde_json::to_string(permission).expect("a word");
            assert_eq!(json, format!("\"{permission}\""), "one word everywhere");
        }
        for role in Role::ALL {
            assert_eq!(serde_json::to_string(role).expect("a word"), format!("\"{role}\""));
        }
        assert_eq!(Role::named("Owner"), None);
    }
}
