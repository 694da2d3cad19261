//! Tokens: who holds the secret may do what the token's scopes say. Only the secret's SHA-256 is here.

use townkeeper_contract::BoxFuture;
use townkeeper_contract::access::{Permission, Role, TokenInfo};

use crate::audit::{self, Act, By};
use crate::db::{Conn, Row, sql};
use crate::error::Denied;
use crate::writer::Write;
use crate::{Store, StoreError, people};

/// How exactly the last use is kept.
const USE_REST_MS: i64 = 60_000;

/// A token that was shown and is good now.
#[derive(Clone, Debug)]
pub struct HeldToken {
    pub info: TokenInfo,
    /// Of its person, today; empty for a machine's.
    pub roles: Vec<Role>,
}

impl Store {
    /// Keeps a token by the hash of its secret.
    pub async fn create_token(&self, by: By, info: TokenInfo, hash: String) -> Result<TokenInfo, StoreError> {
        self.write(CreateToken { by, info, hash }).await
    }

    /// Every token, revoked and expired ones too, newest first.
    pub async fn tokens(&self, workspace: &str) -> Result<Vec<TokenInfo>, StoreError> {
        let rows = sql("SELECT * FROM token WHERE workspace = $1 ORDER BY created_ms DESC, id DESC")
            .bind(workspace)
            .all(&self.reads)
            .await?;
        rows.iter().map(decode).collect()
    }

    /// Ends a token. One that has ended already stays as it was.
    pub async fn revoke_token(&self, by: By, id: &str) -> Result<TokenInfo, StoreError> {
        self.write(RevokeToken { by, id: id.to_owned() }).await
    }

    /// Whether another workspace has a good token with this hash.
    pub async fn is_foreign(&self, workspace: &str, hash: &str) -> Result<bool, StoreError> {
        let row = sql("SELECT COUNT(*) AS n FROM token WHERE hash = $1 AND workspace <> $2 AND revoked_ms IS NULL")
            .bind(hash)
            .bind(workspace)
            .one(&self.reads)
            .await?;
        Ok(row.int("n")? > 0)
    }

    /// The token with this hash, if it is good; its use is noted, at most once a minute.
    pub async fn use_token(&self, workspace: &str, hash: &str, now_ms: i64) -> Result<Option<HeldToken>, StoreError> {
        let row =
            sql("SELECT * FROM token WHERE workspace = $1 AND hash = $2 AND revoked_ms IS NULL AND expires_ms > $3")
                .bind(workspace)
                .bind(hash)
                .bind(now_ms)
                .optional(&self.reads)
                .await?;
        let Some(row) = row else { return Ok(None) };
        let info = decode(&row)?;
        let roles = match &info.person {
            Some(person) => self.person(workspace, person).await?.map(|person| person.roles).unwrap_or_default(),
            None => Vec::new(),
        };
        if info.last_used_ms.is_none_or(|last| now_ms - last >= USE_REST_MS) {
            self.write(Used { workspace: workspace.to_owned(), id: info.id.clone(), now_ms }).await?;
        }
        Ok(Some(HeldToken { info, roles }))
    }
}

struct CreateToken {
    by: By,
    info: TokenInfo,
    hash: String,
}

impl Write for CreateToken {
    type Out = TokenInfo;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<TokenInfo, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            if let Some(person) = &self.info.person {
                people::one(tx, &self.by.workspace, person).await?;
            }
            let scopes: Vec<&str> = self.info.scopes.iter().map(|scope| scope.as_str()).collect();
            sql("INSERT INTO token (workspace, id, person, name, scopes, hash, created_ms, expires_ms, maker) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
            .bind(&self.by.workspace)
            .bind(&self.info.id)
            .bind(self.info.person.as_ref())
            .bind(&self.info.name)
            .bind(scopes.join(" "))
            .bind(&self.hash)
            .bind(self.info.created_ms)
            .bind(self.info.expires_ms)
            .bind(&self.by.actor)
            .execute(&mut *tx)
            .await?;
            let info = one(tx, &self.by.workspace, &self.info.id).await?;
            let act = Act { action: "token.create", subject: &info.id, before: None, after: Some(&info) };
            log.append(tx, act).await?;
            Ok(info)
        })
    }
}

struct RevokeToken {
    by: By,
    id: String,
}

impl Write for RevokeToken {
    type Out = TokenInfo;

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<TokenInfo, StoreError>> {
        Box::pin(async move {
            let mut log = audit::begin(tx, &self.by).await?;
            let before = one(tx, &self.by.workspace, &self.id).await?;
            if before.revoked_ms.is_some() {
                return Ok(before);
            }
            sql("UPDATE token SET revoked_ms = $3 WHERE workspace = $1 AND id = $2")
                .bind(&self.by.workspace)
                .bind(&self.id)
                .bind(self.by.now_ms)
                .execute(&mut *tx)
                .await?;
            let after = one(tx, &self.by.workspace, &self.id).await?;
            let act = Act { action: "token.revoke", subject: &self.id, before: Some(&before), after: Some(&after) };
            log.append(tx, act).await?;
            Ok(after)
        })
    }
}

struct Used {
    workspace: String,
    id: String,
    now_ms: i64,
}

impl Write for Used {
    type Out = ();

    fn apply<'a>(&'a self, tx: &'a mut Conn) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            sql("UPDATE token SET last_used_ms = $3 WHERE workspace = $1 AND id = $2")
                .bind(&self.workspace)
                .bind(&self.id)
                .bind(self.now_ms)
                .execute(tx)
                .await?;
            Ok(())
        })
    }
}

/// Ends a person's tokens, and what they made for machines, and what those made.
pub(crate) async fn revoke_all(tx: &mut Conn, by: &By, person: &str) -> Result<(), StoreError> {
    sql("WITH RECURSIVE theirs (id) AS ( \
             SELECT id FROM token WHERE workspace = $1 AND (person = $2 OR maker = 'person:' || $2) \
             UNION SELECT t.id FROM token t JOIN theirs ON t.maker = 'token:' || theirs.id WHERE t.workspace = $1 \
         ) UPDATE token SET revoked_ms = $3 \
         WHERE workspace = $1 AND revoked_ms IS NULL AND id IN (SELECT id FROM theirs)")
    .bind(&by.workspace)
    .bind(person)
    .bind(by.now_ms)
    .execute(tx)
    .await?;
    Ok(())
}

async fn one(tx: &mut Conn, workspace: &str, id: &str) -> Result<TokenInfo, StoreError> {
    let row = sql("SELECT * FROM token WHERE workspace = $1 AND id = $2").bind(workspace).bind(id).optional(tx).await?;
    row.map_or_else(|| Err(Denied::NotThere("token").into()), |row| decode(&row))
}

fn decode(row: &Row) -> Result<TokenInfo, StoreError> {
    Ok(TokenInfo {
        id: row.text("id")?,
        name: row.text("name")?,
        person: row.opt_text("person")?,
        scopes: row.text("scopes")?.split(' ').filter_map(Permission::named).collect(),
        created_ms: row.int("created_ms")?,
        expires_ms: row.int("expires_ms")?,
        last_used_ms: row.opt_int("last_used_ms")?,
        revoked_ms: row.opt_int("revoked_ms")?,
    })
}
