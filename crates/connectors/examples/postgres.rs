//! Moves rows between a CSV file and PostgreSQL with nothing of the query engine in between, to be measured:
//! `cargo run --release -p etlplus-connectors --example postgres -- PIPELINE.yaml`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use etlplus_connectors::target::Load;
use etlplus_connectors::{Intake, Memory, Reservation, source, target};
use etlplus_core::Failure;
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::{JobSpec, parse};
use etlplus_core::ports::Control;

#[derive(Debug)]
struct Unlimited;

impl Memory for Unlimited {
    fn reserve(&self, _name: &str) -> Box<dyn Reservation> {
        Box::new(Unlimited)
    }
}

impl Reservation for Unlimited {
    fn try_resize(&mut self, _bytes: usize) -> bool {
        true
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("name a pipeline file")?;
    let pipeline = parse(&std::fs::read_to_string(&path)?).map_err(|mistakes| format!("{mistakes:#?}"))?;
    let folder = Path::new(&path).parent().unwrap_or(Path::new("."));
    let id = JobId::from_uuid(uuid::Uuid::now_v7());
    let job = JobSpec::new(id, Arc::new(pipeline), folder, &BTreeMap::new(), chrono::Utc::now());
    let job = job.map_err(|errors| format!("{errors:?}"))?;
    Ok(run(&job).await?)
}

async fn run(job: &JobSpec) -> Result<(), Failure> {
    let opened = source::open(&job.pipeline().source, job, None).await?;
    let mut intake = Intake::start(opened, &Unlimited);
    let target = target::of(job);
    let load = Load { schema: intake.schema(), control: Arc::new(Control::default()) };
    let mut loader = target.start(load).await?;
    while let Some(rows) = intake.next().await? {
        loader.write(rows.batch).await?;
    }
    loader.finish(None).await?.commit().await.map(drop)
}
