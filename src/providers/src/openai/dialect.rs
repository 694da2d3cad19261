//! Where the speakers of chat completions differ, one row each.

use crate::config::Kind;

/// One vendor's habits.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// As in the configuration, logs and metrics.
    pub(crate) name: &'static str,
    /// Where the API begins unless the configuration says otherwise.
    pub(crate) base_url: Option<&'static str>,
    pub(crate) needs_key: bool,
    /// Sent with every request; names in lower case.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// Usage comes only if `stream_options.include_usage` asks for it. Some others refuse the unknown field.
    pub(crate) asks_usage: bool,
    /// The bound is called `max_completion_tokens`; elsewhere `max_tokens`.
    pub(crate) completion_tokens: bool,
    /// `[DONE]` without any `finish_reason` is a whole answer; elsewhere it is a truncated one.
    pub(crate) done_completes: bool,
}

static OPENAI: Dialect = Dialect {
    name: "openai",
    base_url: Some("https://api.openai.com/v1"),
    needs_key: true,
    headers: &[],
    asks_usage: true,
    completion_tokens: true,
    done_completes: false,
};

static OPENROUTER: Dialect = Dialect {
    name: "openrouter",
    base_url: Some("https://openrouter.ai/api/v1"),
    needs_key: true,
    headers: &[("x-title", "Townkeeper")],
    asks_usage: true,
    completion_tokens: false,
    done_completes: false,
};

static OLLAMA: Dialect = Dialect {
    name: "ollama",
    base_url: Some("http://127.0.0.1:11434/v1"),
    needs_key: false,
    headers: &[],
    asks_usage: true,
    completion_tokens: false,
    done_completes: false,
};

static COMPATIBLE: Dialect = Dialect {
    name: "compatible",
    base_url: None,
    needs_key: false,
    headers: &[],
    asks_usage: false,
    completion_tokens: false,
    done_completes: true,
};

impl Dialect {
    pub(crate) fn of(kind: Kind) -> &'static Self {
        match kind {
            Kind::OpenAi => &OPENAI,
            Kind::OpenRouter => &OPENROUTER,
            Kind::Ollama => &OLLAMA,
            Kind::Compatible => &COMPATIBLE,
        }
    }
}
