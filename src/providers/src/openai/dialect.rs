//! Where the speakers of chat completions differ, one row each.

use crate::config::{BEARER, Vendor};

/// One vendor's habits.
#[derive(Debug)]
pub(crate) struct Dialect {
    pub(crate) vendor: Vendor,
    /// Usage comes only if `stream_options.include_usage` asks for it. Some others refuse the unknown field.
    pub(crate) asks_usage: bool,
    /// The bound is called `max_completion_tokens`; elsewhere `max_tokens`.
    pub(crate) completion_tokens: bool,
    /// `[DONE]` without any `finish_reason` is a whole answer; elsewhere it is a truncated one.
    pub(crate) done_completes: bool,
}

/// What all of them share.
const CHAT: Vendor = Vendor {
    name: "",
    base_url: None,
    root: "",
    path: "/chat/completions",
    needs_key: false,
    key: BEARER,
    headers: &[],
};

pub(crate) static OPENAI: Dialect = Dialect {
    vendor: Vendor { name: "openai", base_url: Some("https://api.openai.com/v1"), needs_key: true, ..CHAT },
    asks_usage: true,
    completion_tokens: true,
    done_completes: false,
};

pub(crate) static OPENROUTER: Dialect = Dialect {
    vendor: Vendor {
        name: "openrouter",
        base_url: Some("https://openrouter.ai/api/v1"),
        needs_key: true,
        headers: &[("x-title", "Townkeeper")],
        ..CHAT
    },
    asks_usage: true,
    completion_tokens: false,
    done_completes: false,
};

/// Ollama, where its `base_url` says that chat completions are wanted.
pub(crate) static OLLAMA: Dialect = Dialect {
    vendor: Vendor { name: "ollama", ..CHAT },
    asks_usage: true,
    completion_tokens: false,
    done_completes: false,
};

pub(crate) static COMPATIBLE: Dialect = Dialect {
    vendor: Vendor { name: "compatible", ..CHAT },
    asks_usage: false,
    completion_tokens: false,
    done_completes: true,
};
