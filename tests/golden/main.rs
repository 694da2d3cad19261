//! The golden path: the built binary, wire fakes of everything outside, the real client. One file a story.

mod bad_input;
mod browser;
mod cli;
mod daemon;
mod hostile;
mod kill;
mod lifecycle;
mod model;
mod telegram;
mod web;
