//! Checks and previews in a short-lived runner: SQL and files of others can exhaust a stack or a memory, and must not do so
//! in the server.

use std::process::Stdio;
use std::time::Duration;

use etlplus_core::job::JobDefinition;
use etlplus_core::pipeline::ArgumentError;
use etlplus_core::ports::StagePreview;
use etlplus_core::{Failure, Mistake};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::options::RunnerProgram;
use crate::program::{Runner, nonsense, secrets};
use crate::protocol::{FromRunner, Task};
use crate::runner::{Unfit, nobody, spec};

/// How long a check or a preview may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The pipeline has mistakes; all of them.
    #[error("the pipeline has mistakes")]
    Mistakes(Vec<Mistake>),
    /// Parameters do not fit; all of them.
    #[error("parameters do not fit")]
    Arguments(Vec<ArgumentError>),
    /// It was tried and failed.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// Others are at it.
    #[error("other checks and previews are under way: ask again in a moment")]
    Busy,
}

/// See [`crate::Jobs::validate`].
pub(crate) async fn validate(program: &RunnerProgram, definition: JobDefinition) -> Result<Vec<Mistake>, InspectError> {
    let definition = checked(definition).await?;
    match ask(program, definition.pipeline.clone(), Task::Check(definition)).await? {
        FromRunner::Checked(mistakes) => Ok(mistakes),
        other => Err(unasked(&other)),
    }
}

/// See [`crate::Jobs::preview`].
pub(crate) async fn preview(
    program: &RunnerProgram,
    definition: JobDefinition,
    rows: u16,
) -> Result<Vec<StagePreview>, InspectError> {
    let definition = checked(definition).await?;
    match ask(program, definition.pipeline.clone(), Task::Preview { definition, rows }).await? {
        FromRunner::Previewed(previews) => Ok(previews?),
        other => Err(unasked(&other)),
    }
}

/// What can be checked without a process.
async fn checked(definition: JobDefinition) -> Result<JobDefinition, InspectError> {
    let checking = definition.clone();
    let checked = spawn_blocking(move || spec(nobody(), &checking).map(|_| ()));
    match checked.await {
        Ok(Ok(())) => Ok(definition),
        Ok(Err(Unfit::Pipeline(mistakes))) => Err(InspectError::Mistakes(mistakes)),
        Ok(Err(Unfit::Arguments(errors))) => Err(InspectError::Arguments(errors)),
        Err(_) => Err(Failure::bug("the check of the pipeline panicked").into()),
    }
}

/// Asks a runner, which is killed where nobody waits for the answer any more.
async fn ask(program: &RunnerProgram, text: String, task: Task) -> Result<FromRunner, Failure> {
    let secrets = spawn_blocking(move || secrets(&text)).await.unwrap_or_default();
    let mut runner = Runner::spawn(program, secrets, Stdio::null(), true)?;
    let answer = timeout(TIMEOUT, async {
        runner.greet(task).await?;
        match runner.output.next().await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(ended()),
            Err(error) => Err(nonsense(&error.to_string())),
        }
    });
    let answer = answer.await.unwrap_or_else(|_| Err(too_long()));
    runner.kill();
    let _ = runner.child.wait().await;
    answer
}

fn ended() -> Failure {
    let message = "the process that looked at the pipeline ended without an answer";
    Failure::limit("inspection_died", message, "look at its SQL and at the size of its files; it may need less memory")
}

fn too_long() -> Failure {
    let message = format!("the pipeline was not looked at within {} s", TIMEOUT.as_secs());
    Failure::limit("inspection_timed_out", message, "try it with smaller files")
}

fn unasked(answer: &FromRunner) -> InspectError {
    nonsense(&format!("it answered what nobody asked: {:.200}", format!("{answer:?}"))).into()
}
