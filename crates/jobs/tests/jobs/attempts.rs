//! What becomes of jobs whose runners do as they should, and of those whose runners do not.

use crate::support::{Server, Setup, eventually, job, job_of, scripted};
use etlplus_core::job::{JobState, JobStatus};
use etlplus_core::ports::{Fact, History};
use etlplus_jobs::{CommandError, QueueFull, SubmitError};

use JobStatus::{Cancelled, Completed, Failed, Pending, Running};

#[tokio::test]
async fn a_job_waits_runs_and_completes_with_its_counts() {
    let server = Server::open().await;
    let mut managing = server.manage().await;
    let mut facts = server.facts();
    let id = managing.accept(job("complete")).await;
    facts.until_status(id, Completed).await;
    assert_eq!(facts.statuses(id), [Pending, Running, Completed]);
    assert_eq!(facts.lines(id), ["begin"]);
    let JobState::Completed { progress, .. } = server.state(id).await else { panic!("it is completed") };
    assert_eq!((progress.records_successful, progress.records_failed), (4, 1));
    let reading = managing.readings.recv().await.expect("it told a reading");
    assert_eq!((reading.sample.job, reading.sample.progress.bytes_read), (id, 40));
    eventually("the attempt directory is removed", async || server.attempt_folders() == 0).await;
}

#[tokio::test]
async fn a_burst_of_20_000_lines_is_recorded_whole_in_order_and_before_the_end() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let id = managing.accept(job("flood")).await;
    facts.until_status(id, Completed).await;
    let expected: Vec<String> = (0..20_000).map(|number| format!("line {number}")).collect();
    assert!(facts.lines(id) == expected, "{} lines came", facts.lines(id).len());
    assert!(matches!(facts.seen.last().expect("facts came").fact, Fact::Job { .. }), "the end comes last");
}

#[tokio::test]
async fn a_runner_that_is_killed_fails_its_job_with_the_signal_and_its_last_words() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let id = managing.accept(job("killed")).await;
    facts.until_status(id, Failed).await;
    let JobState::Failed { failure, .. } = server.state(id).await else { panic!("it failed") };
    assert_eq!(failure.code, "runner_died");
    for part in ["SIGKILL", "last words of the log", "last words of stderr"] {
        assert!(failure.message.contains(part), "{part} is not in {}", failure.message);
    }
    assert_eq!(facts.lines(id), ["last words of the log"]);
}

#[tokio::test]
async fn a_runner_that_ends_without_an_outcome_fails_its_job_with_the_exit_code() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let id = managing.accept(job("exits")).await;
    facts.until_status(id, Failed).await;
    let JobState::Failed { failure, .. } = server.state(id).await else { panic!("it failed") };
    assert!(failure.message.contains("exit code 7"), "{}", failure.message);
}

#[tokio::test]
async fn a_runner_that_speaks_nonsense_is_ended_and_others_go_on() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    for behave in ["huge_frame", "no_json", "unasked"] {
        let bad = managing.accept(job(behave)).await;
        let good = managing.accept(job("complete")).await;
        facts.until_status(bad, Failed).await;
        facts.until_status(good, Completed).await;
        let JobState::Failed { failure, .. } = server.state(bad).await else { panic!("it failed") };
        assert_eq!(failure.code, "runner_protocol", "{behave}: {}", failure.message);
    }
}

#[tokio::test]
async fn a_runner_that_takes_far_more_memory_than_its_limit_is_ended() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let id = managing.accept(job("greedy")).await;
    facts.until_status(id, Failed).await;
    let JobState::Failed { failure, .. } = server.state(id).await else { panic!("it failed") };
    assert_eq!(failure.code, "memory_limit");
    // The pipeline says nothing, so 1 GiB is its limit: twice that, and half a GiB for the program.
    assert!(
        failure.message.contains("held 1048576 MiB") && failure.message.contains("2560 MiB"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn a_program_that_is_no_runner_gets_no_task() {
    let server = Server::open().await;
    for (runner, code) in [
        (scripted(&["foreign"]), "runner_protocol"),
        (etlplus_jobs::RunnerProgram { program: "/bin/true".into(), arguments: Vec::new() }, "runner_protocol"),
        (
            etlplus_jobs::RunnerProgram { program: "/nowhere/at/all".into(), arguments: Vec::new() },
            "runner_not_started",
        ),
    ] {
        let managing = Setup { runner, ..server.setup() }.start().await;
        let mut facts = server.facts();
        let id = managing.accept(job("complete")).await;
        facts.until_status(id, Failed).await;
        let JobState::Failed { failure, .. } = server.state(id).await else { panic!("it failed") };
        assert_eq!(failure.code, code, "{}", failure.message);
        managing.end().await;
    }
}

#[tokio::test]
async fn a_runner_that_ends_its_output_and_lives_on_is_ended() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let id = managing.accept(job("deaf")).await;
    facts.until_status(id, Failed).await;
    let JobState::Failed { failure, .. } = server.state(id).await else { panic!("it failed") };
    assert_eq!(failure.code, "runner_died", "{}", failure.message);
}

#[tokio::test]
async fn a_line_that_was_cut_off_is_told_as_such() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let id = managing.accept(job("half_line")).await;
    facts.until_status(id, Completed).await;
    assert_eq!(facts.lines(id), ["whole", "(a damaged line of 21 bytes)"]);
}

#[tokio::test]
async fn jobs_take_their_turn_and_no_more_run_than_may() {
    let server = Server::open().await;
    let managing = server.manage_one().await;
    let mut facts = server.facts();
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(managing.accept(job("complete")).await);
    }
    for id in &ids {
        facts.until_status(*id, Completed).await;
    }
    let without_submits: Vec<_> = facts.moves().into_iter().filter(|(_, status)| *status != Pending).collect();
    let one_after_another: Vec<_> = ids.iter().flat_map(|id| [(*id, Running), (*id, Completed)]).collect();
    assert_eq!(without_submits, one_after_another);
}

#[tokio::test]
async fn cancel_ends_a_waiting_job_at_once_and_a_running_one_when_its_runner_is_gone() {
    let server = Server::open().await;
    let managing = server.manage_one().await;
    let mut facts = server.facts();
    let running = managing.accept(job("waits")).await;
    let waiting = managing.accept(job("complete")).await;
    facts.until(|recorded| matches!(recorded.fact, Fact::Log { .. })).await;

    let cancelled = managing.jobs.cancel(waiting).await.expect("it can be cancelled");
    assert_eq!(cancelled.state.status(), Cancelled);
    let asked = managing.jobs.cancel(running).await.expect("it can be cancelled");
    assert_eq!(asked.state.status(), Running, "its runner is still there");
    facts.until_status(running, Cancelled).await;
    assert_eq!(facts.statuses(running), [Pending, Running, Running, Cancelled]);
    assert_eq!(facts.statuses(waiting), [Pending, Cancelled]);

    assert!(matches!(managing.jobs.cancel(running).await, Err(CommandError::Illegal(_))), "it has ended");
    let nobody = etlplus_core::ids::JobId::from_uuid(uuid::Uuid::from_u128(1));
    assert!(matches!(managing.jobs.cancel(nobody).await, Err(CommandError::Unknown)));
}

#[tokio::test]
async fn a_runner_has_nothing_of_the_servers_environment_but_what_it_needs() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    // What cargo gave this process is as little the runner's business as a secret of the server's.
    let ours: Vec<String> = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
    let secrets: Vec<_> = ours.iter().filter(|name| name.starts_with("CARGO")).collect();
    assert!(!secrets.is_empty(), "{ours:?}");
    let id = managing.accept(job("environment")).await;
    facts.until_status(id, Completed).await;
    let given = facts.lines(id);
    assert!(secrets.iter().all(|name| !given.contains(name)), "{given:?}");
    for name in ["PATH", "HOME", "TMPDIR"] {
        assert_eq!(given.iter().any(|given| given == name), ours.iter().any(|ours| ours == name), "{name}: {given:?}");
    }
}

#[tokio::test]
async fn a_runner_has_the_secrets_that_its_pipeline_names() {
    let server = Server::open().await;
    let managing = server.manage().await;
    let mut facts = server.facts();
    let lookup = "lookups:
  prices: { postgres: { url: 'postgres://etl@127.0.0.1/shop', password: '${CARGO_PKG_NAME}', table: prices } }";
    let id = managing.accept(job_of("named", lookup, "environment")).await;
    facts.until_status(id, Completed).await;
    let given = facts.lines(id);
    assert!(given.iter().any(|name| name == "CARGO_PKG_NAME"), "{given:?}");
    assert!(!given.iter().any(|name| name == "CARGO_PKG_VERSION"), "{given:?}");
}

#[tokio::test]
async fn readings_are_recorded_only_while_they_are_to_be_collected() {
    let server = Server::open().await;
    let setup = server.setup().with(|settings| {
        settings.monitoring.job_tracking.metrics_collection_enabled = false;
    });
    let mut managing = setup.start().await;
    let mut facts = server.facts();
    let samples = async |id| {
        let limit = std::num::NonZeroUsize::new(100).expect("it is not zero");
        server.store.samples(id, limit).await.expect("the store answers").len()
    };
    let silent = managing.accept(job("complete")).await;
    facts.until_status(silent, Completed).await;
    let told = managing.readings.recv().await.expect("readings are told");
    assert_eq!(told.sample.job, silent, "those who watch see them");
    assert_eq!(samples(silent).await, 0);
    managing.change(|settings| settings.monitoring.job_tracking.metrics_collection_enabled = true);
    let recorded = managing.accept(job("complete")).await;
    facts.until_status(recorded, Completed).await;
    assert!(samples(recorded).await > 0);
    assert_eq!(samples(silent).await, 0);
}

#[tokio::test]
async fn a_full_queue_refuses_and_what_does_not_fit_is_named() {
    let server = Server::open().await;
    let managing = server.manage_one().await;
    managing.change(|settings| settings.jobs.max_queued_jobs = 1);
    let mut facts = server.facts();
    let running = managing.accept(job("waits")).await;
    facts.until_status(running, Running).await;
    managing.jobs.submit(job("complete")).await.expect("one may wait");
    let refused = managing.jobs.submit(job("complete")).await;
    assert!(matches!(refused, Err(SubmitError::QueueFull(QueueFull { waiting: 1 }))), "{refused:?}");

    let mut wrong = job("complete");
    wrong.definition.pipeline = "name: x\nsuorce: {}\n".to_owned();
    managing.change(|settings| settings.jobs.max_queued_jobs = 100);
    assert!(matches!(managing.jobs.submit(wrong).await, Err(SubmitError::Mistakes(mistakes)) if mistakes.len() > 1));
    let mut unfit = job("complete");
    unfit.definition.parameters.insert("speed".to_owned(), "high".to_owned());
    assert!(
        matches!(managing.jobs.submit(unfit).await, Err(SubmitError::Arguments(errors)) if errors[0].name == "speed")
    );
}
