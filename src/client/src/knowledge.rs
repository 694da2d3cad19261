//! Changing the canonical base, from the other side.

use reqwest::Method;
use townkeeper_contract::knowledge::{
    ApproveBody, ChangeDetail, ChangeInfo, ChangeList, ItemHistory, NewChange, RollbackBody,
};

use crate::access::part;
use crate::{Client, ClientError};

impl Client {
    /// Everything that is published, as one signed file. Not checked here: `townkeeper_knowledge::bundle::open` does.
    pub async fn bundle(&self) -> Result<String, ClientError> {
        let response = self.send(self.request(Method::GET, "/v1/knowledge/bundle")).await?;
        response.text().await.map_err(|error| ClientError::Broken(error.to_string()))
    }

    /// Open changes, and the newest that have ended.
    pub async fn changes(&self) -> Result<ChangeList, ClientError> {
        self.call(Method::GET, "/v1/knowledge/changes").await
    }

    /// Puts a change, or an open one anew.
    pub async fn put_change(&self, new: &NewChange) -> Result<ChangeInfo, ClientError> {
        self.tell(Method::POST, "/v1/knowledge/changes", new).await
    }

    /// A change, its diff, and what the base would be with it.
    pub async fn change(&self, number: i64) -> Result<ChangeDetail, ClientError> {
        self.call(Method::GET, &format!("/v1/knowledge/changes/{number}")).await
    }

    /// Approves what was looked at: the change's hash, as it was then.
    pub async fn approve_change(&self, number: i64, hash: &str) -> Result<ChangeInfo, ClientError> {
        let body = ApproveBody { hash: hash.to_owned() };
        self.tell(Method::POST, &format!("/v1/knowledge/changes/{number}/approve"), &body).await
    }

    /// Takes an open change back.
    pub async fn withdraw_change(&self, number: i64) -> Result<ChangeInfo, ClientError> {
        self.call(Method::POST, &format!("/v1/knowledge/changes/{number}/withdraw")).await
    }

    /// Takes an item out of the base, at once.
    pub async fn withdraw_item(&self, item: &str) -> Result<ChangeInfo, ClientError> {
        self.call(Method::POST, &format!("/v1/knowledge/items/{}/withdraw", part(item))).await
    }

    /// Puts an earlier revision of an item as a change.
    pub async fn roll_back(&self, item: &str, to: i64) -> Result<ChangeInfo, ClientError> {
        self.tell(Method::POST, &format!("/v1/knowledge/items/{}/rollback", part(item)), &RollbackBody { to }).await
    }

    /// What an item said, newest first.
    pub async fn item_history(&self, item: &str) -> Result<ItemHistory, ClientError> {
        self.call(Method::GET, &format!("/v1/knowledge/items/{}/history", part(item))).await
    }
}
