//! The golden path: the built binary, wire fakes of everything outside, the real client. One file a story.

mod daemon;
mod model;
mod web;
