//! The command line of ETL Plus: it composes the engine with the core, and talks to people.

mod cli;
mod clock;
mod commands;
mod demo;
mod exit;
mod interrupt;
mod output;
mod server;
mod usage;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;
use exit::Exit;

fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    match commands::execute(command) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::error(&failure);
            Exit::Error.into()
        }
    }
}
