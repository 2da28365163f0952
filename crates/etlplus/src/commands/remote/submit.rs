//! `etlplus submit`: hands a job to a server.

use etlplus_api::{JobMonitoringData, Problem, Span, SubmitJob};
use etlplus_client::Error;
use etlplus_core::{Failure, Mistake, Position, duration};

use super::{absolute_folder, client, ended, exit_of, failure, tell_ended};
use crate::cli::remote::{RemoteFormat, SubmitArgs};
use crate::commands::load::TextFile;
use crate::exit::Exit;
use crate::output;

/// Submits a job, and waits for its end where that is asked for.
pub(super) async fn execute(arguments: &SubmitArgs) -> Result<Exit, Failure> {
    let client = client(&arguments.server)?;
    let format = arguments.server.output;
    let file = arguments.file.as_deref().map(|file| TextFile::read(file, "pipeline file")).transpose()?;
    let wanted = job(file.as_ref(), arguments)?;
    let answer = match &arguments.key {
        Some(key) => client.submit_with_key(&wanted, key).await,
        None => client.submit(&wanted).await,
    };
    let job = match answer {
        Ok(job) => job,
        Err(error) => return tell_refused(error, file.as_ref(), format),
    };
    tell_accepted(&job, arguments)?;
    if !arguments.wait {
        return Ok(Exit::Done);
    }
    let job = ended::until_ended(&client, &job.job_id).await?;
    tell_ended(&job, format)?;
    Ok(exit_of(job.status))
}

fn job(file: Option<&TextFile>, arguments: &SubmitArgs) -> Result<SubmitJob, Failure> {
    Ok(SubmitJob {
        pipeline: arguments.pipeline.clone(),
        definition: file.map(|file| file.text.clone()),
        folder: file.map(|file| absolute_folder(&file.path)).transpose()?,
        parameters: arguments.settings(),
        as_of: arguments.as_of,
        log_level: arguments.log_level,
        priority: arguments.priority,
        timeout: arguments.timeout.map(|timeout| Span::Text(duration::show(timeout))),
        not_before: arguments.at,
    })
}

fn tell_accepted(job: &JobMonitoringData, arguments: &SubmitArgs) -> Result<(), Failure> {
    let id = output::printable(&job.job_id);
    if arguments.server.output == RemoteFormat::Json {
        return output::json(job);
    }
    output::data(&format!("{id}\n"))?;
    if !arguments.wait {
        output::talk(&format!("submitted; see what it does with `etlplus watch {id}` or `etlplus logs {id} --follow`"));
    }
    Ok(())
}

/// Tells why the server refused: mistakes in the file as `validate` tells them, all else as a failure.
pub(super) fn tell_refused(error: Error, file: Option<&TextFile>, format: RemoteFormat) -> Result<Exit, Failure> {
    let (Error::Problem(problem), Some(file)) = (&error, file) else { return Err(failure(error)) };
    let mistakes = mistakes(problem);
    if mistakes.is_empty() {
        return Err(failure(error));
    }
    match format {
        RemoteFormat::Json => output::json(problem)?,
        RemoteFormat::Table => file.report(&mistakes),
    }
    Ok(Exit::Error)
}

/// What a problem finds wrong in a pipeline file; nothing, unless all of it has a place there.
fn mistakes(problem: &Problem) -> Vec<Mistake> {
    let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let found: Option<Vec<Mistake>> = problem
        .errors
        .iter()
        .map(|item| {
            Some(Mistake {
                position: Position { line: place(item.line?), column: place(item.column?) },
                key: item.key.clone(),
                message: item.message.clone(),
                remedy: item.remedy.clone(),
            })
        })
        .collect();
    found.unwrap_or_default()
}
