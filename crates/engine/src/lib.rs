//! The engine: reads, checks, transforms and loads real rows, streaming and in bounded memory.
//!
//! The only crate that knows Arrow and DataFusion. Everybody else sees [`Engine`] through
//! [`etlplus_core::ports::Executor`].

mod check;
mod failure;
mod infer;
mod intake;
mod job;
mod preview;
mod reject_file;
mod run;
mod source;
mod sql;
mod target;

use std::sync::Arc;
use std::thread;

use etlplus_core::pipeline::JobSpec;
use etlplus_core::ports::{Control, Executor, RunReport, StagePreview};
use etlplus_core::{Failure, Mistake};

pub use infer::{Inferred, InferredColumn, infer};

/// Runs jobs in this process. Each call has threads of its own, one for each core, and leaves none behind.
#[derive(Debug, Default)]
pub struct Engine;

impl Engine {
    /// An engine.
    pub fn new() -> Self {
        Self
    }
}

impl Executor for Engine {
    fn check(&self, job: &JobSpec) -> Vec<Mistake> {
        block_on(async { Ok(job::check(job).await) }).unwrap_or_else(|failure| vec![job::as_mistake(&failure, None)])
    }

    fn preview(&self, job: &JobSpec, rows: usize, control: &Arc<Control>) -> Result<Vec<StagePreview>, Failure> {
        block_on(preview::preview(job, rows, control))
    }

    fn run(&self, job: &JobSpec, control: &Arc<Control>) -> RunReport {
        run::run(job, control)
    }
}

/// The stack of each thread that may walk a syntax tree or a plan. Only what is used of it is ever backed by memory.
const STACK_BYTES: usize = 64 << 20;

/// Runs `work` on threads of its own.
fn block_on<T: Send>(work: impl Future<Output = Result<T, Failure>> + Send) -> Result<T, Failure> {
    let failed = |error: std::io::Error| {
        Failure::transient("no_threads", format!("cannot start threads: {error}"), "raise the limit of processes")
    };
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.enable_time().thread_stack_size(STACK_BYTES).build().map_err(failed)?;
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("etlplus-job".to_owned()).stack_size(STACK_BYTES);
        let job = builder.spawn_scoped(scope, || runtime.block_on(work)).map_err(failed)?;
        job.join().unwrap_or_else(|_| Err(Failure::bug("the job's thread panicked")))
    })
}
