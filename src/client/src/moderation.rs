//! Moderation and the outbox, from the other side. All of it needs a token.

use reqwest::Method;
use townkeeper_contract::moderation::{DeliveryList, DeliveryState, ModerationList, ModerationNumber, NewModeration};

use crate::{Client, ClientError};

impl Client {
    /// The newest acts.
    pub async fn moderation(&self) -> Result<ModerationList, ClientError> {
        self.call(Method::GET, "/v1/moderation").await
    }

    /// Has something done.
    pub async fn moderate(&self, new: &NewModeration) -> Result<ModerationNumber, ClientError> {
        self.tell(Method::POST, "/v1/moderation", new).await
    }

    /// Takes an act back.
    pub async fn undo(&self, number: i64) -> Result<ModerationNumber, ClientError> {
        self.call(Method::POST, &format!("/v1/moderation/{number}/undo")).await
    }

    /// What is in this state.
    pub async fn outbox(&self, state: DeliveryState) -> Result<DeliveryList, ClientError> {
        self.call(Method::GET, &format!("/v1/outbox?state={state}")).await
    }
}
