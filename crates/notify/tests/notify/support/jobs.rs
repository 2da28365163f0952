//! Jobs that fail and jobs that complete.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use etlplus_core::ids::{AttemptNumber, JobId};
use etlplus_core::job::{JobDefinition, JobFact, JobHeader, JobInput, JobPolicy, JobType};
use etlplus_core::ports::{Change, Clock, NewJob};
use etlplus_core::{Counters, Failure, LogLevel, LogLine};
use uuid::Uuid;

use super::World;

const FIRST: AttemptNumber = AttemptNumber::FIRST;

pub(crate) fn job_id(number: usize) -> JobId {
    JobId::from_uuid(Uuid::from_u128(0x0197_0000_0000_7000_8000_0000_0000_0000 + number as u128))
}

impl World {
    /// A job says `lines` and fails with `code`.
    pub(crate) async fn fail_job(&self, number: usize, pipeline: &str, code: &str, lines: &[&str]) {
        let failure = Failure::transient(code, format!("{code} happened"), "mend it");
        self.record(life(number, pipeline, self.clock.now(), lines, |attempt| JobInput::Failed {
            attempt,
            failure,
            progress: None,
            retry_at: None,
        }))
        .await;
    }

    pub(crate) async fn complete_job(&self, number: usize, pipeline: &str) {
        let progress = Counters::default().read();
        self.record(life(number, pipeline, self.clock.now(), &[], |attempt| JobInput::Completed { attempt, progress }))
            .await;
    }
}

fn life(
    number: usize,
    pipeline: &str,
    at: DateTime<Utc>,
    lines: &[&str],
    end: impl FnOnce(AttemptNumber) -> JobInput,
) -> Vec<Change> {
    let job = job_id(number);
    let header = JobHeader {
        id: job,
        pipeline: pipeline.to_owned(),
        job_type: JobType::Load,
        tags: Vec::new(),
        submitted_at: at,
    };
    let definition = JobDefinition {
        pipeline: "name: orders\n".to_owned(),
        folder: "/srv/pipelines".into(),
        parameters: BTreeMap::new(),
        as_of: at,
        log_level: LogLevel::Info,
    };
    let new = NewJob {
        header,
        definition,
        policy: JobPolicy::default(),
        not_before: None,
        idempotency: None,
        scheduled_for: None,
    };
    let pending = JobFact::submitted(at, None).state;
    let started = pending.apply(JobInput::Start { attempt: FIRST }, at).expect("the move is legal");
    let ended = started.state.apply(end(FIRST), at).expect("the move is legal");
    let moved = |fact: &JobFact| Change::Move { job, fact: fact.clone(), report: None };
    let line = |(message, line): (&&str, u64)| LogLine::new(line, at, LogLevel::Error, (*message).to_owned());
    let said = lines.iter().zip(1..).map(line);
    let log = Change::Log { job, attempt: FIRST, lines: said.collect(), spool_bytes: 1 };
    vec![Change::Submit(Box::new(new)), moved(&started.facts[0]), log, moved(&ended.facts[0])]
}
