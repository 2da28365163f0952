//! One module for each command. A command answers with how it ended, or with the failure that kept it from its work.

pub(crate) mod config;
mod demo;
mod init;
pub(crate) mod load;
mod plan;
mod preview;
mod rejects;
mod remote;
mod run;
mod schema;
mod serve;
mod test;
mod validate;

use etlplus_core::Failure;
use etlplus_core::ids::JobId;
use etlplus_engine::Engine;
use uuid::Uuid;

use crate::cli::Command;
use crate::cli::remote::{RejectsArgs, RemoteCommand};
use crate::exit::Exit;

/// Does what was typed.
///
/// # Errors
/// Where a command cannot do its work.
pub(crate) fn execute(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Validate(arguments) => validate::execute(&Engine::new(), &arguments),
        Command::Schema => schema::execute(),
        Command::Preview(arguments) => preview::execute(&Engine::new(), &arguments),
        Command::Plan(arguments) => plan::execute(&Engine::new(), &arguments),
        Command::Init(arguments) => init::execute(&arguments),
        Command::Run(arguments) => run::execute(&Engine::new(), &arguments),
        Command::Test(arguments) => test::execute(&Engine::new(), &arguments),
        Command::Demo(arguments) => demo::execute(&Engine::new(), &arguments),
        Command::Serve(arguments) => serve::execute(&arguments),
        Command::Runner => Ok(if etlplus_jobs::runner::run(&Engine::new()) { Exit::Done } else { Exit::Error }),
        Command::Remote(RemoteCommand::Rejects(RejectsArgs { command: Some(command), .. })) => {
            rejects::execute(&command)
        }
        Command::Remote(command) => remote::execute(&command),
    }
}

/// A job's id, which sorts by the time at which it was made.
fn new_job_id() -> JobId {
    JobId::from_uuid(Uuid::now_v7())
}
