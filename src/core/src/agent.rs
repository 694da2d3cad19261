//! The agent: who answers, and with what. Its prompt is in [`crate::prompt`], its tools are in [`crate::tools`].

use std::time::Duration;

use crate::{budget, flood};

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The name people see.
    pub name: String,
    /// Markdown: tone and manners. Facts belong into the base.
    pub persona: String,
    /// The longest answer asked of a model, in its tokens.
    pub max_output_tokens: u32,
    /// How long people wait for a model's first words before they get the abstention instead, all vendors together.
    pub first_content: Duration,
    pub budget: budget::Limits,
    pub flood: flood::Limits,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            name: "Townkeeper".to_owned(),
            persona: "You keep a community's questions and answers. You are calm, kind and brief.".to_owned(),
            max_output_tokens: 600,
            first_content: Duration::from_secs(10),
            budget: budget::Limits::default(),
            flood: flood::Limits::default(),
        }
    }
}
