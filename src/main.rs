//! The daemon: parse the command line, call the command, turn an error into an exit code.

mod access;
mod agent;
mod api;
mod ask;
mod backup;
#[cfg(feature = "bench")]
mod bench;
#[cfg(feature = "bench")]
mod bench_bare;
#[cfg(feature = "bench")]
mod bench_cards;
#[cfg(feature = "bench")]
mod bench_daemon;
#[cfg(feature = "bench")]
mod bench_discord;
#[cfg(feature = "bench")]
mod bench_load;
#[cfg(feature = "bench")]
mod bench_painted;
#[cfg(feature = "bench")]
mod bench_platforms;
#[cfg(feature = "bench")]
mod bench_reconnects;
#[cfg(feature = "bench")]
mod bench_store;
mod brands;
mod cases;
mod cli;
mod corpus;
mod database;
mod doctor;
mod evaluate;
mod export;
mod guarding;
mod import;
mod init;
mod knowledge;
mod learning;
mod lint;
mod moderate;
mod out;
mod pack;
mod patterns;
#[cfg_attr(
    not(any(feature = "telegram", feature = "discord")),
    expect(dead_code, unreachable_code, unused_imports, unused_variables, reason = "a build without any adapter")
)]
mod places;
mod platforms;
mod policy;
mod public_lists;
mod publish;
mod restore;
mod retention;
mod scorecard;
mod serve;
mod settings;
mod shield;
mod vectors;
mod workspaces;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // Before anything makes a TLS client: with more than one crypto provider in the tree none is chosen by itself.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed already");
    }
    match cli::run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            out::error(&error);
            ExitCode::FAILURE
        }
    }
}
