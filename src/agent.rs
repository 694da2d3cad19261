//! The sections `[agent]`, `[budget]` and `[flood]`, and the agent they make.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use townkeeper_core::{Agent, budget, flood};

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

/// Tokens of models, questions and answers together; a day is one of UTC. 0: no model is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BudgetSection {
    pub(crate) person_tokens_per_day: u64,
    pub(crate) workspace_tokens_per_day: u64,
}

impl Default for BudgetSection {
    fn default() -> Self {
        let budget::Limits { person_tokens_per_day, workspace_tokens_per_day } = budget::Limits::default();
        Self { person_tokens_per_day, workspace_tokens_per_day }
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
            },
            flood: flood::Limits {
                messages_per_minute: self.flood.messages_per_minute,
                reply_depth: self.flood.reply_depth,
            },
        })
    }
}
