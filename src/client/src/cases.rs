//! What the shield found, and what a moderator says about it.

use reqwest::Method;
use townkeeper_contract::case::{Case, CaseDecided, CaseList, CaseWord, NewCaseWord};
use townkeeper_contract::policy::ShieldPolicy;

use crate::{Client, ClientError};

impl Client {
    /// The newest cases, newest first.
    pub async fn cases(&self) -> Result<CaseList, ClientError> {
        self.call(Method::GET, "/v1/cases").await
    }

    /// The newest below a number; `open`: that nobody decided.
    pub async fn cases_before(&self, open: bool, before: Option<i64>) -> Result<CaseList, ClientError> {
        let before = before.map(|number| format!("&before={number}")).unwrap_or_default();
        self.call(Method::GET, &format!("/v1/cases?open={open}{before}")).await
    }

    /// One case.
    pub async fn case(&self, number: i64) -> Result<Case, ClientError> {
        self.call(Method::GET, &format!("/v1/cases/{number}")).await
    }

    /// What is done about what, where and to whom.
    pub async fn shield_policy(&self) -> Result<ShieldPolicy, ClientError> {
        self.call(Method::GET, "/v1/shield/policy").await
    }

    /// Says something about a case.
    pub async fn say_of_case(&self, number: i64, word: CaseWord) -> Result<CaseDecided, ClientError> {
        self.tell(Method::POST, &format!("/v1/cases/{number}"), &NewCaseWord { word }).await
    }
}
