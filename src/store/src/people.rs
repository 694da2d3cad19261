//! People of a workspace, their roles, and the accounts on platforms that they have proven to be theirs.

use townkeeper_contract::BoxFuture;
use townkeeper_contract::access::{Identity, Member, Role};

use crate::audit::{self, Act, By};
use crate::db::{Conn, On, Row, keepable, sql};
use crate::error::Denied;
use crate::writer::Write;
use crate::{Store, StoreError, tokens};

/// What a linked account is called on its platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownName {
    pub platform: String,
    pub id: String,
    /// As shown to people.
    pub name: String,
    /// Empty: it has none.
    pub handle: String,
}

impl Store {
    /// Makes the workspace known. Its name follows the configuration.
    pub async fn open_workspace(&self, workspace: &str, name: &str, now_ms: i64) -> Result<(), StoreError> {
        self.write(OpenWorkspace { id: workspace.to_owned(), name: name.to_owned(), now_ms }).await
    }

    /// Everyone, the oldest first.
    pub async fn people(&self, workspace: &str) -> Result<Vec<Member>, StoreError> {
        load(&self.reads, workspace, None).await
    }

    /// A person by our id.
    pub async fn person(&self, workspace: &str, id: &str) -> Result<Option<Member>, StoreError> {
        Ok(load(&self.reads, workspace, Some(id)).await?.pop())
    }

    /// Whose account on a platform this is, if somebody has proven it.
    pub async fn person_of(&self, workspace: &str, platform: &str, id: &str) -> Result<Option<Member>, StoreError> {
        let row = sql("SELECT person FROM identity WHERE workspace = $1 AND platform = $2 AND id = $3")
            .bind(workspace)
            .bind(platform)
            .bind(id)
            .optional(&self.reads)
            .await?;
        match row {
            Some(row) => self.person(workspace, &row.text("person")?).await,
            None => Ok(None),
        }
    }

    /// Whether a person has nothing yet that lets them in: no account, token or session.
    pub async fn is_new(&self, workspace: &str, person: &str) -> Result<bool, StoreError> {
        let row = sql("SELECT (SELECT COUNT(*) FROM identity WHERE workspace = $1 AND person = $2) \
             + (SELECT COUNT(*) FROM token WHERE workspace = $1 AND person = $2) \
             + (SELECT COUNT(*) FROM session WHERE workspace = $1 AND person = $2) AS n")
        .bind(workspace)
        .bind(person)
        .one(&self.reads)
        .await?;
        Ok(row.int("n")? == 0)
    }

    /// Adds a person under an id that the caller made.
    pub async fn add_person(&self, by: By, id: &str, name: &str, roles: &[Role]) -> Result<Member, StoreError> {
        self.write(AddPerson { by, id: id.to_owned(), name: name.to_owned(), roles: roles.to_vec() }).await
    }

    /// Takes a person away, with roles, identities, sessions and links; their tokens are revoked, and those that
    /// they made for machines.
    pub async fn remove_person(&self, by: By, id: &str) -> Result<(), StoreError> {
        self.write(RemovePerson { by, id: id.to_owned() }).await
    }

    /// Gives a role, or takes it. The last owner stays one.
    pub async fn set_role(&self, by: By, person: &str, role: Role, held: bool) -> Result<Member, StoreError> {
        self.write(SetRole { by, person: person.to_owned(), role, held }).await
    }

    /// What linked accounts were last seen to be called on their platforms; nothing follows from it but that nobody else may
    /// look like them.
    pub async fn shown_names(&self, workspace: &str) -> Result<Vec<ShownName>, StoreError> {
        let rows = sql("SELECT platform, id, name, handle FROM identity \
             WHERE workspace = $1 AND (name <> '' OR handle <> '') ORDER BY platform, id");
        let shown = |row: &Row| {
            let (platform, id) = (row.text("platform")?, row.text("id")?);
            Ok(ShownName { platform, id, name: row.text("name")?, handle: row.text("handle")? })
        };
        rows.bind(workspace).all(&self.reads).await?.iter().map(shown).collect()
    }

    /// Notes what linked accounts of the team are called. One that is linked no more is nobody's.
    pub async fn show_names(&self, workspace: &str, shown: Vec<ShownName>) -> Result<(), StoreError> {
        self.write(ShowNames { workspace: workspace.to_owned(), shown }).await
    }

    /// Takes an account on a platform from a person.
    pub async fn unlink(&self, by: By, person: &str, platform: &str, id: &str) -> Result<Member, StoreError> {
        let (person, platform, id) = (person.to_owned(), platform.to_owned(), id.to_owned());
        self.write(Unlink { by, person, platform, id }).await
    }
}

struct OpenWorkspace {
    id: String,
    name: String,
    now_ms: i64,
}

impl Write for OpenWorkspace {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            sql("INSERT INTO workspace (id, name, created_ms) VALUES ($1, $2, $3) \
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name")
            .bind(&self.id)
            .bind(&self.name)
            .bind(self.now_ms)
            .execute(tx)
            .await?;
            Ok(())
        })
    }
}

struct AddPerson {
    by: By,
    id: String,
    name: String,
    roles: Vec<Role>,
}

impl Write for AddPerson {
    type Out = Member;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Member, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            sql("INSERT INTO person (workspace, id, name, created_ms) VALUES ($1, $2, $3, $4)")
                .bind(&self.by.workspace)
                .bind(&self.id)
                .bind(&self.name)
                .bind(self.by.now_ms)
                .execute(&mut *tx)
                .await?;
            for role in &self.roles {
                grant(tx, &self.by, &self.id, *role).await?;
            }
            let member = one(tx, &self.by.workspace, &self.id).await?;
            let act = Act { action: "person.add", subject: &self.id, before: None, after: Some(&member) };
            log.append(tx, act).await?;
            Ok(member)
        })
    }
}

struct RemovePerson {
    by: By,
    id: String,
}

impl Write for RemovePerson {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let before = one(tx, &self.by.workspace, &self.id).await?;
            for statement in [
                "DELETE FROM role WHERE workspace = $1 AND person = $2",
                "DELETE FROM identity WHERE workspace = $1 AND person = $2",
                "DELETE FROM session WHERE workspace = $1 AND person = $2",
                "DELETE FROM login_link WHERE workspace = $1 AND person = $2",
                "DELETE FROM link_code WHERE workspace = $1 AND person = $2",
                "DELETE FROM person WHERE workspace = $1 AND id = $2",
            ] {
                sql(statement).bind(&self.by.workspace).bind(&self.id).execute(&mut *tx).await?;
            }
            tokens::revoke_all(tx, &self.by, &self.id).await?;
            keep_an_owner(tx, &self.by.workspace, &before).await?;
            let act = Act { action: "person.remove", subject: &self.id, before: Some(&before), after: None };
            log.append(tx, act).await
        })
    }
}

struct SetRole {
    by: By,
    person: String,
    role: Role,
    held: bool,
}

impl Write for SetRole {
    type Out = Member;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Member, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let before = one(tx, &self.by.workspace, &self.person).await?;
            if before.roles.contains(&self.role) == self.held {
                return Ok(before);
            }
            let action = if self.held {
                grant(tx, &self.by, &self.person, self.role).await?;
                "person.role.grant"
            } else {
                sql("DELETE FROM role WHERE workspace = $1 AND person = $2 AND role = $3")
                    .bind(&self.by.workspace)
                    .bind(&self.person)
                    .bind(self.role.as_str())
                    .execute(&mut *tx)
                    .await?;
                keep_an_owner(tx, &self.by.workspace, &before).await?;
                hide_names(tx, &self.by.workspace, &self.person).await?;
                "person.role.take"
            };
            let after = one(tx, &self.by.workspace, &self.person).await?;
            let act = Act { action, subject: &self.person, before: Some(&before), after: Some(&after) };
            log.append(tx, act).await?;
            Ok(after)
        })
    }
}

struct Unlink {
    by: By,
    person: String,
    platform: String,
    id: String,
}

impl Write for Unlink {
    type Out = Member;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<Member, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let before = one(tx, &self.by.workspace, &self.person).await?;
            let gone = sql("DELETE FROM identity WHERE workspace = $1 AND person = $2 AND platform = $3 AND id = $4")
                .bind(&self.by.workspace)
                .bind(&self.person)
                .bind(&self.platform)
                .bind(&self.id)
                .execute(&mut *tx)
                .await?;
            if gone == 0 {
                return Err(Denied::NotThere("linked account").into());
            }
            let after = one(tx, &self.by.workspace, &self.person).await?;
            let act =
                Act { action: "person.unlink", subject: &self.person, before: Some(&before), after: Some(&after) };
            log.append(tx, act).await?;
            Ok(after)
        })
    }
}

async fn grant(tx: &mut Conn, by: &By, person: &str, role: Role) -> Result<(), StoreError> {
    sql("INSERT INTO role (workspace, person, role, granted_ms) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace, person, role) DO NOTHING")
    .bind(&by.workspace)
    .bind(person)
    .bind(role.as_str())
    .bind(by.now_ms)
    .execute(tx)
    .await?;
    Ok(())
}

/// What platforms call somebody is known of the team alone.
async fn hide_names(tx: &mut Conn, workspace: &str, person: &str) -> Result<(), StoreError> {
    sql("UPDATE identity SET name = '', handle = '' WHERE workspace = $1 AND person = $2 \
         AND NOT EXISTS (SELECT 1 FROM role WHERE workspace = $1 AND person = $2)")
    .bind(workspace)
    .bind(person)
    .execute(tx)
    .await?;
    Ok(())
}

/// Refuses what would leave a workspace that had an owner without one.
async fn keep_an_owner(tx: &mut Conn, workspace: &str, before: &Member) -> Result<(), StoreError> {
    let row =
        sql("SELECT COUNT(*) AS n FROM role WHERE workspace = $1 AND role = 'owner'").bind(workspace).one(tx).await?;
    let orphaned = before.roles.contains(&Role::Owner) && row.int("n")? == 0;
    if orphaned { Err(Denied::LastOwner.into()) } else { Ok(()) }
}

/// A person inside a transaction; [`Denied::NotThere`] where there is none in this workspace.
pub(crate) async fn one(tx: &mut Conn, workspace: &str, id: &str) -> Result<Member, StoreError> {
    load(tx, workspace, Some(id)).await?.pop().ok_or_else(|| Denied::NotThere("person").into())
}

async fn load<'c>(on: impl Into<On<'c>>, workspace: &str, id: Option<&str>) -> Result<Vec<Member>, StoreError> {
    let rows =
        sql("SELECT p.id, p.name, p.created_ms, r.role, i.platform, i.id AS account, i.proven_ms FROM person p \
         LEFT JOIN role r ON r.workspace = p.workspace AND r.person = p.id \
         LEFT JOIN identity i ON i.workspace = p.workspace AND i.person = p.id \
         WHERE p.workspace = $1 AND (p.id = $2 OR $3 = 1) ORDER BY p.created_ms, p.id, r.role, i.platform, i.id")
        .bind(workspace)
        .bind(id.unwrap_or_default())
        .bind(i64::from(id.is_none()))
        .all(on)
        .await?;
    let mut people: Vec<Member> = Vec::new();
    for row in &rows {
        let id = row.text("id")?;
        if people.last().is_none_or(|last| last.id != id) {
            let (name, created_ms) = (row.text("name")?, row.int("created_ms")?);
            people.push(Member { id, name, roles: Vec::new(), identities: Vec::new(), created_ms });
        }
        if let Some(person) = people.last_mut() {
            fill(person, row)?;
        }
    }
    Ok(people)
}

struct ShowNames {
    workspace: String,
    shown: Vec<ShownName>,
}

impl Write for ShowNames {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            for ShownName { platform, id, name, handle } in &self.shown {
                // Whoever left the team meanwhile is called nothing.
                sql("UPDATE identity SET name = $4, handle = $5 WHERE workspace = $1 AND platform = $2 AND id = $3 \
                     AND EXISTS (SELECT 1 FROM role WHERE workspace = $1 AND role.person = identity.person)")
                .bind(&self.workspace)
                .bind(platform)
                .bind(id)
                .bind(keepable(name).as_ref())
                .bind(keepable(handle).as_ref())
                .execute(&mut *tx)
                .await?;
            }
            Ok(())
        })
    }
}

/// A person's roles and accounts come in every combination; each is taken once.
fn fill(person: &mut Member, row: &Row) -> Result<(), StoreError> {
    if let Some(role) = row.opt_text("role")?.and_then(|word| Role::named(&word))
        && !person.roles.contains(&role)
    {
        person.roles.push(role);
        person.roles.sort_unstable();
    }
    if let (Some(platform), Some(id)) = (row.opt_text("platform")?, row.opt_text("account")?) {
        let identity = Identity { platform, id, proven_ms: row.int("proven_ms")? };
        if !person.identities.contains(&identity) {
            person.identities.push(identity);
        }
    }
    Ok(())
}
