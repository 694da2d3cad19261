//! What is learnt from answers, from the other side. All of it needs a token.

use reqwest::Method;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::learning::{CorrectionOrder, Corrections};

use crate::{Client, ClientError};

impl Client {
    /// Puts answers right that came from older wordings of an entry, or says which they are.
    pub async fn correct(&self, entry: &EntryId, order: &CorrectionOrder) -> Result<Corrections, ClientError> {
        self.tell(Method::POST, &format!("/v1/knowledge/items/{entry}/corrections"), order).await
    }
}
