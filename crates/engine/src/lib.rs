//! The engine: reads, checks, transforms and loads real rows, streaming and in bounded memory.
//!
//! The only crate that knows DataFusion; sources and targets are in `etlplus-connectors`. Everybody else sees [`Engine`]
//! through [`etlplus_core::ports::Executor`].

mod checks;
mod failure;
mod input_from;
mod job;
mod memory;
mod plan;
mod preview;
mod run;
mod sql;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use etlplus_core::pipeline::JobSpec;
use etlplus_core::ports::{Control, Executor, RunPlan, RunReport, StagePreview};
use etlplus_core::{Failure, Mistake};

use self::input_from::InputFrom;

pub use etlplus_connectors::rejects::{ReadReject, RejectReader, Summaries};
pub use etlplus_connectors::{Inferred, InferredColumn, infer};

/// Runs jobs in this process. Each call has threads of its own, one for each core, and leaves none behind.
#[derive(Debug, Default)]
pub struct Engine {
    from: InputFrom,
    is_dry: bool,
}

impl Engine {
    /// An engine.
    pub fn new() -> Self {
        Self::default()
    }

    /// One whose jobs read the rows of the reject file at `path` in place of their source's. To be given jobs of a pipeline
    /// made by [`etlplus_core::pipeline::Pipeline::replaying`].
    pub fn replaying(path: PathBuf) -> Self {
        Self { from: InputFrom::Rejects(path), is_dry: false }
    }

    /// The same, whose runs check and transform every row and write nothing. What they report as loaded is what a run would
    /// load.
    pub fn dry(self) -> Self {
        Self { is_dry: true, ..self }
    }
}

impl Executor for Engine {
    fn check(&self, job: &JobSpec) -> Vec<Mistake> {
        block_on(async { Ok(job::check(job, &self.from).await) })
            .unwrap_or_else(|failure| vec![job::as_mistake(&failure, None)])
    }

    fn preview(&self, job: &JobSpec, rows: usize, control: &Arc<Control>) -> Result<Vec<StagePreview>, Failure> {
        block_on(preview::preview(job, &self.from, rows, control))
    }

    fn plan(&self, job: &JobSpec) -> Result<RunPlan, Failure> {
        block_on(plan::run_plan(job))
    }

    fn run(&self, job: &JobSpec, control: &Arc<Control>) -> RunReport {
        match self.is_dry {
            true => run::run_dry(job, &self.from, control),
            false => run::run(job, &self.from, control),
        }
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
    let runtime = builder.enable_all().thread_stack_size(STACK_BYTES).build().map_err(failed)?;
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("etlplus-job".to_owned()).stack_size(STACK_BYTES);
        let job = builder.spawn_scoped(scope, || runtime.block_on(work)).map_err(failed)?;
        job.join().unwrap_or_else(|_| Err(Failure::bug("the job's thread panicked")))
    })
}
