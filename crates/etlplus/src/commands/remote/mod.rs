//! The commands that talk to a server.

mod alerts;
mod cancel;
mod config;
mod connections;
mod ended;
mod hold;
mod job;
mod jobs;
mod logs;
mod pipelines;
mod rejects;
mod schedules;
mod status;
mod submit;
mod token;
mod watch;

use std::path::Path;

use etlplus_api::{JobMonitoringData, JobStatus};
use etlplus_client::{Client, Error};
use etlplus_core::Failure;

use crate::cli::remote::{
    ConfigCommand, JobIdArgs, PipelineCommand, RemoteCommand, RemoteFormat, ServerArgs, WaitArgs,
};
use crate::exit::Exit;
use crate::output;

/// Does what was typed, on a runtime that ends with it. Ctrl-C ends the program; the server and its jobs go on.
///
/// # Errors
/// Where the server cannot be reached, refuses, or gives no answer that can be understood.
pub(super) fn execute(command: &RemoteCommand) -> Result<Exit, Failure> {
    if let RemoteCommand::Token(command) = command
        && let Some(data) = command.data()
    {
        return token::execute_in(data, command);
    }
    if let RemoteCommand::Config(ConfigCommand::Unset(arguments)) = command
        && let Some(data) = &arguments.data
    {
        return config::unset_in(data, &arguments.keys());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::bug(format!("cannot start a runtime: {error}")))?;
    runtime.block_on(async {
        match command {
            RemoteCommand::Pause(arguments) => hold::pause(arguments).await,
            RemoteCommand::Resume(arguments) => hold::resume(arguments).await,
            RemoteCommand::Retry(arguments) => hold::retry(arguments).await,
            RemoteCommand::Schedules(server) => schedules::execute(server).await,
            RemoteCommand::Alerts(arguments) => alerts::execute(arguments).await,
            RemoteCommand::Status(server) => status::execute(server).await,
            RemoteCommand::Config(command) => config::execute(command).await,
            RemoteCommand::Connections(arguments) => connections::execute(arguments).await,
            RemoteCommand::Token(command) => token::execute(command).await,
            RemoteCommand::Submit(arguments) => submit::execute(arguments).await,
            RemoteCommand::Jobs(arguments) => jobs::execute(arguments).await,
            RemoteCommand::Job(arguments) => job::execute(arguments).await,
            RemoteCommand::Wait(WaitArgs { job, timeout }) => ended::execute(job, *timeout).await,
            RemoteCommand::Logs(arguments) => logs::execute(arguments).await,
            RemoteCommand::Watch(arguments) => watch::execute(arguments).await,
            RemoteCommand::Cancel(arguments) => cancel::execute(arguments).await,
            RemoteCommand::Rejects(arguments) => rejects::execute(arguments).await,
            RemoteCommand::Pipelines(server) => pipelines::list(server).await,
            RemoteCommand::Pipeline(PipelineCommand::Put(arguments)) => pipelines::put(arguments).await,
        }
    })
}

/// The client of the server that was named, with the token that was given.
fn client(server: &ServerArgs) -> Result<Client, Failure> {
    let client = Client::new(&server.address()).map_err(failure)?;
    match server.token() {
        Some(token) => client.with_token(&token).map_err(failure),
        None => Ok(client),
    }
}

/// The client and the id that `arguments` name.
fn client_and_id(arguments: &JobIdArgs) -> Result<(Client, String), Failure> {
    Ok((client(&arguments.server)?, arguments.id.to_string()))
}

/// Why the server did not do what was asked, as the program tells it.
pub(super) fn failure(error: Error) -> Failure {
    let (code, message, remedy) = (error.code(), error.to_string(), error.remedy());
    match &error {
        // Where one thing is wrong, the problem says it by itself.
        Error::Problem(problem) if problem.errors.len() > 1 => {
            let items = problem.errors.iter().map(|item| match item.key.as_str() {
                "" => item.message.clone(),
                key => format!("{key}: {}", item.message),
            });
            let remedies: Vec<&str> = problem.errors.iter().map(|item| item.remedy.as_str()).collect();
            let messages: Vec<String> = std::iter::once(message).chain(items).collect();
            Failure::user(code, messages.join("; "), remedies.join("; "))
        }
        // The server does not know by which ways a command can be given its token.
        Error::Problem(problem) if problem.status == 401 => {
            Failure::user(code, message, format!("{remedy}; it goes into ETLPLUS_TOKEN, or --token"))
        }
        error if error.is_transient() => Failure::transient(code, message, remedy),
        _ => Failure::user(code, message, remedy),
    }
}

/// As [`failure`], for what was asked about the job `id`.
fn job_failure(id: &str) -> impl Fn(Error) -> Failure {
    move |error| match error.code() {
        "job_not_found" => {
            Failure::user("job_not_found", format!("there is no job {id}"), "`etlplus jobs` lists those that are there")
        }
        _ => failure(error),
    }
}

/// How the command ends that asked for the end of a job.
fn exit_of(status: JobStatus) -> Exit {
    match status {
        JobStatus::Failed | JobStatus::Cancelled => Exit::JobFailed,
        JobStatus::Pending | JobStatus::Running | JobStatus::Paused | JobStatus::Completed => Exit::Done,
    }
}

/// Tells how a job has ended, and why it failed.
fn tell_ended(job: &JobMonitoringData, format: RemoteFormat) -> Result<(), Failure> {
    match format {
        RemoteFormat::Json => output::json(job)?,
        RemoteFormat::Table => output::talk(&output::jobs::ended(job)),
    }
    Ok(())
}

/// The folder that a pipeline file's relative paths start at, as the server has to be told it.
pub(super) fn absolute_folder(file: &Path) -> Result<String, Failure> {
    let unusable = |why: String| {
        let message = format!("cannot tell a server where {} is: {why}", file.display());
        Failure::user("folder_unusable", message, "name the file by another path")
    };
    let absolute = std::path::absolute(file).map_err(|error| unusable(error.to_string()))?;
    let folder = absolute.parent().ok_or_else(|| unusable("it is in no folder".to_owned()))?;
    folder.to_str().map(str::to_owned).ok_or_else(|| unusable("its folder's name is no UTF-8".to_owned()))
}

#[cfg(test)]
mod tests {
    use etlplus_api::{Problem, ProblemItem};

    use super::*;

    #[test]
    fn a_problem_is_told_with_each_thing_that_is_wrong() {
        let item = |key: &str, message: &str, remedy: &str| ProblemItem {
            key: key.to_owned(),
            line: None,
            column: None,
            message: message.to_owned(),
            remedy: remedy.to_owned(),
        };
        let problem = Problem {
            code: "parameters_unfit".to_owned(),
            title: "Unprocessable Content".to_owned(),
            status: 422,
            detail: "2 parameters do not fit".to_owned(),
            remedy: "mend them".to_owned(),
            errors: vec![item("country", "has no value", "give one"), item("", "all wrong", "begin anew")],
        };
        let told = failure(Error::Problem(Box::new(problem.clone())));
        assert_eq!(told.code, "parameters_unfit");
        assert_eq!(told.message, "2 parameters do not fit; country: has no value; all wrong");
        assert_eq!(told.remedy, "give one; begin anew");
        for few in [Vec::new(), vec![item("country", "has no value", "give one")]] {
            let told = failure(Error::Problem(Box::new(Problem { errors: few, ..problem.clone() })));
            assert_eq!((told.message.as_str(), told.remedy.as_str()), ("2 parameters do not fit", "mend them"));
        }
    }

    #[test]
    fn who_is_not_known_hears_where_the_token_goes() {
        let problem = |status: u16| Problem {
            code: "not_authenticated".to_owned(),
            title: "Unauthorized".to_owned(),
            status,
            detail: "a token is needed".to_owned(),
            remedy: "send one".to_owned(),
            errors: Vec::new(),
        };
        let told = failure(Error::Problem(Box::new(problem(401))));
        assert_eq!(told.remedy, "send one; it goes into ETLPLUS_TOKEN, or --token");
        assert_eq!(failure(Error::Problem(Box::new(problem(403)))).remedy, "send one");
    }

    #[test]
    fn a_job_that_is_not_there_is_named() {
        let problem = Problem {
            code: "job_not_found".to_owned(),
            title: "Not Found".to_owned(),
            status: 404,
            detail: "there is no job with this id".to_owned(),
            remedy: "look".to_owned(),
            errors: Vec::new(),
        };
        let told = job_failure("j1")(Error::Problem(Box::new(problem)));
        assert_eq!(told.message, "there is no job j1");
        assert!(told.remedy.contains("etlplus jobs"));
    }

    #[test]
    fn a_folder_is_absolute() {
        let here = std::env::current_dir().expect("there is a folder");
        assert_eq!(absolute_folder(Path::new("orders.yaml")).ok().as_deref(), here.to_str());
        assert_eq!(absolute_folder(Path::new("/data/in/orders.yaml")).ok().as_deref(), Some("/data/in"));
        assert!(absolute_folder(Path::new("/")).is_err());
    }
}
