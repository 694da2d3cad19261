//! The conformance cases: what vendors and the proxies before them send, over a loopback server, each whole, byte by
//! byte, and with comments between lines. Tests carry the ids of the cases.
//!
//! F1–F16 are in `framing`, C1–C30 in `chat`, `tools` and `failures`, A1–A11 in `anthropic`, O1–O3 in `ollama`;
//! `request` and `anthropic_request` look at what we send, and `fake` at the scripted server that other crates test with.

#[cfg(test)]
mod cases {
    mod anthropic;
    mod anthropic_request;
    mod chat;
    mod failures;
    mod fake;
    mod framing;
    mod ollama;
    mod request;
    mod tools;
}
#[cfg(test)]
mod run;
#[cfg(test)]
mod server;
