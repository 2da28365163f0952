//! `etlplus serve`: the server until it is told to end.

use etlplus_core::Failure;

use crate::cli::serve::ServeArgs;
use crate::exit::Exit;
use crate::{output, server};

/// Runs the server, and says where it listens.
pub(super) fn execute(arguments: &ServeArgs) -> Result<Exit, Failure> {
    server::run(arguments, async |address| {
        output::data(&format!("{address}\n"))?;
        std::future::pending().await
    })
}
