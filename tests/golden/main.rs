//! The golden path: the built binary, wire fakes of everything outside, the real client. One file a story.

mod browser;
mod daemon;
mod hostile;
mod kill;
mod lifecycle;
mod model;
mod telegram;
mod web;
