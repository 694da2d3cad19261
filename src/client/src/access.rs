//! People, tokens, audit, freeze and keys, from the other side.

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use townkeeper_contract::access::{
    AuditList, AuditVerdict, CreatedToken, EraseBody, Erased, FreezeBody, FreezeState, LinkCode, LoginLink, Me, Member,
    MemberList, NewMember, NewToken, PublicKey, Role, TokenInfo, TokenList, WellKnown,
};
use townkeeper_contract::place::{PlaceChange, PlaceInfo, PlaceList};

use crate::{Client, ClientError, read};

impl Client {
    /// Who we are to the daemon.
    pub async fn me(&self) -> Result<Me, ClientError> {
        self.call(Method::GET, "/v1/me").await
    }

    pub async fn people(&self) -> Result<MemberList, ClientError> {
        self.call(Method::GET, "/v1/people").await
    }

    pub async fn add_person(&self, new: &NewMember) -> Result<Member, ClientError> {
        self.tell(Method::POST, "/v1/people", new).await
    }

    pub async fn remove_person(&self, person: &str) -> Result<(), ClientError> {
        self.send(self.request(Method::DELETE, &format!("/v1/people/{}", part(person)))).await.map(drop)
    }

    /// Erases somebody who wants to be forgotten.
    pub async fn erase(&self, body: &EraseBody) -> Result<Erased, ClientError> {
        self.tell(Method::POST, "/v1/erase", body).await
    }

    /// Gives a role, or takes it.
    pub async fn set_role(&self, person: &str, role: Role, held: bool) -> Result<Member, ClientError> {
        let method = if held { Method::PUT } else { Method::DELETE };
        self.call(method, &format!("/v1/people/{}/roles/{role}", part(person))).await
    }

    /// Takes an account on a platform from a person.
    pub async fn unlink(&self, person: &str, platform: &str, id: &str) -> Result<Member, ClientError> {
        let (person, platform, id) = (part(person), part(platform), part(id));
        self.call(Method::DELETE, &format!("/v1/people/{person}/identities/{platform}/{id}")).await
    }

    pub async fn places(&self) -> Result<PlaceList, ClientError> {
        self.call(Method::GET, "/v1/places").await
    }

    /// Sets something for a place.
    pub async fn set_place(&self, account: &str, place: &str, change: &PlaceChange) -> Result<PlaceInfo, ClientError> {
        self.tell(Method::PUT, &format!("/v1/places/{}/{}", part(account), part(place)), change).await
    }

    /// A code to say in a chat.
    pub async fn link_code(&self, person: &str) -> Result<LinkCode, ClientError> {
        self.call(Method::POST, &format!("/v1/people/{}/link", part(person))).await
    }

    /// A link that opens a session.
    pub async fn login_link(&self, person: &str) -> Result<LoginLink, ClientError> {
        self.call(Method::POST, &format!("/v1/people/{}/login", part(person))).await
    }

    /// Ends every session of a person.
    pub async fn sign_out(&self, person: &str) -> Result<(), ClientError> {
        self.send(self.request(Method::DELETE, &format!("/v1/people/{}/sessions", part(person)))).await.map(drop)
    }

    pub async fn tokens(&self) -> Result<TokenList, ClientError> {
        self.call(Method::GET, "/v1/tokens").await
    }

    pub async fn create_token(&self, new: &NewToken) -> Result<CreatedToken, ClientError> {
        self.tell(Method::POST, "/v1/tokens", new).await
    }

    pub async fn revoke_token(&self, token: &str) -> Result<TokenInfo, ClientError> {
        self.call(Method::DELETE, &format!("/v1/tokens/{}", part(token))).await
    }

    /// The newest records, newest first.
    pub async fn audit(&self, limit: u32) -> Result<AuditList, ClientError> {
        self.call(Method::GET, &format!("/v1/audit?limit={limit}")).await
    }

    pub async fn verify_audit(&self) -> Result<AuditVerdict, ClientError> {
        self.call(Method::GET, "/v1/audit/verify").await
    }

    pub async fn frozen(&self) -> Result<FreezeState, ClientError> {
        self.call(Method::GET, "/v1/freeze").await
    }

    /// Returns when nothing is under way any more.
    pub async fn freeze(&self, reason: &str) -> Result<FreezeState, ClientError> {
        self.tell(Method::POST, "/v1/freeze", &FreezeBody { reason: reason.to_owned() }).await
    }

    /// Agrees to go on.
    pub async fn thaw(&self) -> Result<FreezeState, ClientError> {
        self.call(Method::POST, "/v1/thaw").await
    }

    /// The keys that sign for the workspace. Needs no token.
    pub async fn well_known(&self) -> Result<WellKnown, ClientError> {
        self.call(Method::GET, "/.well-known/townkeeper.json").await
    }

    /// A new key signs from now on. The keys that are published.
    pub async fn rotate_key(&self) -> Result<Vec<PublicKey>, ClientError> {
        self.call(Method::POST, "/v1/key/rotate").await
    }

    pub(crate) async fn call<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, ClientError> {
        read(self.send(self.request(method, path)).await?).await
    }

    pub(crate) async fn tell<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        read(self.send(self.request(method, path).json(body)).await?).await
    }
}

/// Text as one part of a path: what has a meaning there loses it.
pub(crate) fn part(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'@');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
