//! The golden path: the built binary, wire fakes of everything outside, the real client. One file a story.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot be set up must fail")]

mod acts;
mod agent;
mod bad_input;
mod browser;
mod burst;
mod canary;
mod cli;
mod corrections;
mod daemon;
mod database;
mod discord;
mod faces;
mod freeze;
mod gaps;
mod hostile;
mod init;
mod keeping;
mod kill;
mod knowledge;
mod lifecycle;
mod live;
mod model;
mod money;
mod nodes;
mod nodes_freeze;
mod openapi;
mod people;
mod places;
mod publish;
mod telegram;
mod thousand;
mod vendors;
mod web;
mod websocket;
mod workspaces;
