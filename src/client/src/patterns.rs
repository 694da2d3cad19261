//! Patterns that moderators look for.

use reqwest::Method;
use townkeeper_contract::pattern::{NewPattern, PatternList, ScamPattern};

use crate::access::part;
use crate::{Client, ClientError};

impl Client {
    /// Every pattern, by name.
    pub async fn patterns(&self) -> Result<PatternList, ClientError> {
        self.call(Method::GET, "/v1/shield/patterns").await
    }

    /// Writes a pattern, or another in its place.
    pub async fn set_pattern(&self, name: &str, regex: &str) -> Result<ScamPattern, ClientError> {
        let new = NewPattern { regex: regex.to_owned() };
        self.tell(Method::PUT, &format!("/v1/shield/patterns/{}", part(name)), &new).await
    }

    /// Removes a pattern.
    pub async fn remove_pattern(&self, name: &str) -> Result<(), ClientError> {
        self.send(self.request(Method::DELETE, &format!("/v1/shield/patterns/{}", part(name)))).await.map(drop)
    }
}
