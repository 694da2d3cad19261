//! Scratch.
mod daemon;
mod hostile;
mod model;
mod web;
mod kill;
