//! Patterns that moderators look for: checked before they are kept, and gone by from the next message on.

use townkeeper_contract::pattern::ScamPattern;
use townkeeper_shield::patterns::{MOST, Pattern};
use townkeeper_store::By;

use crate::{Engine, EngineError};

impl Engine {
    /// Writes a pattern, or another in its place. [`EngineError::Pattern`] says why one is not taken.
    pub async fn set_pattern(&self, by: By, name: &str, regex: &str) -> Result<ScamPattern, EngineError> {
        Pattern { name: name.to_owned(), regex: regex.to_owned() }.check()?;
        let most = i64::try_from(MOST).unwrap_or(i64::MAX);
        let written = self.house.store.set_pattern(by, name, regex, most).await?;
        self.house.shield.learn(&self.house).await?;
        Ok(written)
    }

    /// Removes a pattern.
    pub async fn remove_pattern(&self, by: By, name: &str) -> Result<(), EngineError> {
        self.house.store.remove_pattern(by, name).await?;
        Ok(self.house.shield.learn(&self.house).await?)
    }
}
