//! What is learnt from answers, from the other side. All of it needs a token.

use reqwest::Method;
use townkeeper_contract::id::EntryId;
use townkeeper_contract::learning::{CorrectionOrder, Corrections, GapList, TrendList};

use crate::{Client, ClientError};

impl Client {
    /// Puts answers right that came from older wordings of an entry, or says which they are.
    pub async fn correct(&self, entry: &EntryId, order: &CorrectionOrder) -> Result<Corrections, ClientError> {
        self.tell(Method::POST, &format!("/v1/knowledge/items/{entry}/corrections"), order).await
    }

    /// What was asked in vain.
    pub async fn gaps(&self) -> Result<GapList, ClientError> {
        self.call(Method::GET, "/v1/knowledge/gaps").await
    }

    /// How often each topic, or one, is asked about.
    pub async fn trend(&self, entry: Option<&EntryId>) -> Result<TrendList, ClientError> {
        let topic = entry.map(|entry| format!("?entry={entry}")).unwrap_or_default();
        self.call(Method::GET, &format!("/v1/knowledge/trend{topic}")).await
    }
}
