//! The sections `[agent]`, `[budget]` and `[flood]`, and the agent they make.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};
use townkeeper_contract::money::Money;
use townkeeper_core::budget::Prices;
use townkeeper_core::{Agent, budget, flood};
use townkeeper_providers::ProviderConfig;

use crate::settings::Settings;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AgentSection {
    /// The name people see.
    pub(crate) name: String,
    /// Tone and manners, in Markdown. Facts belong into the base.
    pub(crate) persona: String,
    /// The longest answer asked of a model, in its tokens.
    pub(crate) max_output_tokens: u32,
    /// Seconds until people get "I don't know" and a ticket, where no model has said a word by then.
    pub(crate) first_content_s: f64,
}

impl Default for AgentSection {
    fn default() -> Self {
        let Agent { name, persona, max_output_tokens, first_content, .. } = Agent::default();
        Self { name, persona, max_output_tokens, first_content_s: first_content.as_secs_f64() }
    }
}

/// What models may cost; a day is one of UTC. Tokens are those of questions and answers together. 0: no model is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BudgetSection {
    pub(crate) person_tokens_per_day: u64,
    pub(crate) workspace_tokens_per_day: u64,
    /// At the prices of each `[[provider]]`, which then must have some. Unset: no limit but that of the tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) workspace_money_per_day: Option<Money>,
    /// The currency of all these amounts; only shown.
    pub(crate) currency: String,
}

impl Default for BudgetSection {
    fn default() -> Self {
        let budget::Limits { person_tokens_per_day, workspace_tokens_per_day, workspace_money_per_day, currency } =
            budget::Limits::default();
        Self { person_tokens_per_day, workspace_tokens_per_day, workspace_money_per_day, currency }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FloodSection {
    /// Messages of one person in a minute that may reach a model.
    pub(crate) messages_per_minute: u32,
    /// In groups: messages in a row, each at once upon our answer or each the same, until a writer counts as a machine.
    pub(crate) reply_depth: u32,
}

impl Default for FloodSection {
    fn default() -> Self {
        let flood::Limits { messages_per_minute, reply_depth } = flood::Limits::default();
        Self { messages_per_minute, reply_depth }
    }
}

impl Settings {
    /// What a vendor takes. Refuses half a price; and none at all where money has a limit, which then would not hold.
    pub(crate) fn prices(&self, provider: &ProviderConfig) -> anyhow::Result<Prices> {
        match (provider.price_per_million_input, provider.price_per_million_output) {
            (Some(input), Some(output)) => Ok(Prices { input, output }),
            (None, None) if self.budget.workspace_money_per_day.is_none() => Ok(Prices::default()),
            _ => bail!(
                "model {}: set price_per_million_input and price_per_million_output, 0 where it costs nothing; \
                 [budget] workspace_money_per_day needs them for every [[provider]], and neither goes without the other",
                provider.model
            ),
        }
    }

    /// The agent that the sections describe.
    pub(crate) fn agent(&self) -> anyhow::Result<Agent> {
        let wait = "[agent] first_content_s must be a number of seconds above 0";
        let first_content = Duration::try_from_secs_f64(self.agent.first_content_s).context(wait)?;
        ensure!(!first_content.is_zero(), wait);
        Ok(Agent {
            name: self.agent.name.clone(),
            persona: self.agent.persona.clone(),
            max_output_tokens: self.agent.max_output_tokens,
            first_content,
            budget: budget::Limits {
                person_tokens_per_day: self.budget.person_tokens_per_day,
                workspace_tokens_per_day: self.budget.workspace_tokens_per_day,
                workspace_money_per_day: self.budget.workspace_money_per_day,
                currency: self.budget.currency.clone(),
            },
            flood: flood::Limits {
                messages_per_minute: self.flood.messages_per_minute,
                reply_depth: self.flood.reply_depth,
            },
        })
    }
}
