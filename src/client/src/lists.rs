//! Public lists: what is gone by, and fetching one now.

use reqwest::Method;
use townkeeper_contract::lists::{PublicList, PublicLists};

use crate::{Client, ClientError};

impl Client {
    /// The public lists that the daemon fetches.
    pub async fn public_lists(&self) -> Result<PublicLists, ClientError> {
        self.call(Method::GET, "/v1/shield/lists").await
    }

    /// Fetches one now; `failed` in the answer says why that brought nothing.
    pub async fn fetch_list(&self, name: &str) -> Result<PublicList, ClientError> {
        self.call(Method::POST, &format!("/v1/shield/lists/{name}/fetch")).await
    }
}
