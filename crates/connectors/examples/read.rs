//! Reads the source of each named pipeline and prints what came: rows, rejects, seconds of the wall and of the processor.
//! The reader by itself, without SQL and without a target:
//!
//! `cargo run --release -p etlplus-connectors --example read -- PIPELINE.yaml...`

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use etlplus_connectors::{Intake, Memory, Reservation, source};
use etlplus_core::ids::JobId;
use etlplus_core::pipeline::{self, JobSpec};

/// Grants whatever is asked for.
#[derive(Debug)]
struct Unlimited;

impl Memory for Unlimited {
    fn reserve(&self, _: &str) -> Box<dyn Reservation> {
        Box::new(Self)
    }
}

impl Reservation for Unlimited {
    fn try_resize(&mut self, _: usize) -> bool {
        true
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    for file in std::env::args_os().skip(1) {
        read(Path::new(&file)).await?;
    }
    Ok(())
}

async fn read(file: &Path) -> Result<(), Box<dyn Error>> {
    let pipeline = pipeline::parse(&std::fs::read_to_string(file)?).map_err(|mistakes| format!("{mistakes:?}"))?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let job = JobSpec::new(
        JobId::from_uuid(uuid::Uuid::now_v7()),
        Arc::new(pipeline),
        folder,
        &BTreeMap::new(),
        chrono::Utc::now(),
    )
    .map_err(|errors| format!("{errors:?}"))?;
    let start = Instant::now();
    let opened = source::open(&job.pipeline().source, &job, None).await?;
    let mut intake = Intake::start(opened, &Unlimited);
    let (mut rows, mut rejects, mut bytes) = (0, 0, 0);
    while let Some(block) = intake.next().await? {
        rows += block.batch.num_rows();
        rejects += block.rejects.len();
        bytes += block.bytes;
    }
    let seconds = start.elapsed().as_secs_f64();
    let rate = bytes as f64 / seconds / 1e6;
    let name = file.display();
    writeln!(
        std::io::stdout(),
        "{name}: {rows} rows, {rejects} rejects, {bytes} bytes, {seconds:.3} s, {rate:.0} MB/s"
    )?;
    Ok(())
}
