//! `etlplus rejects inspect|replay`: reject files, looked at and loaded once they are corrected.

mod inspect;
mod replay;

use etlplus_core::Failure;

use crate::cli::rejects::RejectsCommand;
use crate::exit::Exit;

/// Does what was typed.
pub(super) fn execute(command: &RejectsCommand) -> Result<Exit, Failure> {
    match command {
        RejectsCommand::Inspect(arguments) => inspect::execute(arguments),
        RejectsCommand::Replay(arguments) => replay::execute(arguments),
    }
}
