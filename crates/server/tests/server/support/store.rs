//! A store in memory: it records, then tells, as the real one does.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, Utc};
use etlplus_bus::{Bus, Publisher, bus};
use etlplus_core::ids::{AttemptNumber, Epoch, JobId, Offset};
use etlplus_core::job::{JobDefinition, JobFact, JobHeader};
use etlplus_core::log::LogLine;
use etlplus_core::ports::*;
use uuid::Uuid;

use super::held::Held;

pub(crate) struct MemoryStore(Mutex<Inner>, Held);

pub(super) struct Inner {
    publisher: Option<Publisher>,
    position: LogPosition,
    jobs: BTreeMap<JobId, JobRecord>,
    definitions: BTreeMap<JobId, JobDefinition>,
    lines: BTreeMap<JobId, Vec<StoredLine>>,
    samples: Vec<Sample>,
    facts: Vec<Recorded>,
    pipelines: BTreeMap<String, StoredPipeline>,
    keys: BTreeMap<String, (String, JobId)>,
    pub(super) alerts: Vec<AlertRecord>,
    pub(super) tokens: Vec<TokenRecord>,
    is_away: bool,
    is_full: bool,
}

impl MemoryStore {
    pub(crate) fn new() -> (Arc<Self>, Bus) {
        let position = LogPosition { epoch: Epoch::from_uuid(Uuid::now_v7()), offset: Offset::START };
        let (publisher, bus) = bus(position);
        let inner = Inner {
            publisher: Some(publisher),
            position,
            jobs: BTreeMap::new(),
            definitions: BTreeMap::new(),
            lines: BTreeMap::new(),
            samples: Vec::new(),
            facts: Vec::new(),
            pipelines: BTreeMap::new(),
            keys: BTreeMap::new(),
            alerts: Vec::new(),
            tokens: Vec::new(),
            is_away: false,
            is_full: false,
        };
        (Arc::new(Self(Mutex::new(inner), Held::default())), bus)
    }

    /// Lets changes of tokens and pipelines be recorded and not answered, or answered again.
    pub(crate) fn hold_answers(&self, is_held: bool) {
        self.1.set(is_held);
    }

    /// An answer that comes once answers are not held.
    pub(super) fn held<'a, T: 'a>(&'a self, answer: Answer<'a, T>) -> Answer<'a, T> {
        self.1.keep(answer)
    }

    /// Lets every call fail, or no longer.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.0.lock().unwrap().is_away = is_away;
    }

    /// Lets nothing be recorded, or everything again. What was recorded can be read.
    pub(crate) fn set_full(&self, is_full: bool) {
        self.0.lock().unwrap().is_full = is_full;
    }

    pub(crate) fn apply(&self, changes: Vec<Change>) -> LogPosition {
        let mut inner = self.0.lock().unwrap();
        let before = inner.facts.len();
        for change in changes {
            inner.change(change);
        }
        let told = inner.facts[before..].to_vec();
        if let Some(publisher) = &inner.publisher {
            publisher.publish(told);
        }
        inner.position
    }

    /// No fact comes any more, as where the writer is gone.
    pub(crate) fn end_bus(&self) {
        self.0.lock().unwrap().publisher = None;
    }

    pub(crate) fn position(&self) -> LogPosition {
        self.0.lock().unwrap().position
    }

    pub(super) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(MutexGuard<'_, Inner>) -> T,
    ) -> Answer<'_, Result<T, StoreUnavailable>> {
        let inner = self.0.lock().unwrap();
        let answer = if inner.is_away { Err(away()) } else { Ok(read(inner)) };
        Box::pin(std::future::ready(answer))
    }

    /// Changes what is kept, whatever a test wants there.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }
}

fn away() -> StoreUnavailable {
    StoreUnavailable { message: "the disk is away".to_owned(), remedy: "bring it back".to_owned() }
}

impl Inner {
    fn tell(&mut self, fact: Fact) -> Offset {
        self.position.offset = self.position.offset.next();
        self.facts.push(Recorded { offset: self.position.offset, fact });
        self.position.offset
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Submit(job) => {
                let NewJob { header, definition, policy, not_before, idempotency, .. } = *job;
                let (header, fact) = (Arc::new(header), JobFact::submitted(Utc::now(), not_before));
                let record = JobRecord { header: header.clone(), policy, state: fact.state.clone(), report: None };
                self.definitions.insert(header.id, definition);
                if let Some(IdempotencyKey { key, digest }) = idempotency {
                    self.keys.insert(key, (digest, header.id));
                }
                self.jobs.insert(header.id, record);
                self.tell(Fact::Job { job: header, fact });
            }
            Change::Move { job, fact, report } => {
                let record = self.jobs.get_mut(&job).expect("the job is there");
                record.state = fact.state.clone();
                record.report = report.or(record.report.take());
                let job = record.header.clone();
                self.tell(Fact::Job { job, fact });
            }
            Change::Log { job, attempt, lines, .. } => lines.into_iter().for_each(|line| self.log(job, attempt, line)),
            Change::Sample(sample) => self.samples.push(sample),
            Change::Alert(alert) => {
                let alert = Arc::new(alert);
                let offset = self.tell(Fact::Alert(alert.clone()));
                let position = LogPosition { offset, ..self.position };
                self.alerts.push(AlertRecord { position, alert, deliveries: Vec::new() });
            }
            Change::Settings { change, .. } => {
                self.tell(Fact::Settings(Arc::new(change)));
            }
        }
    }

    /// Why the changes cannot be recorded, where a submit was accepted before.
    fn duplicate(&self, changes: &[Change]) -> Option<LedgerError> {
        let keys = changes.iter().filter_map(|change| match change {
            Change::Submit(job) => job.idempotency.as_ref(),
            _ => None,
        });
        keys.into_iter().find_map(|IdempotencyKey { key, digest }| {
            let (known, job) = self.keys.get(key)?;
            Some(LedgerError::Duplicate { key: key.clone(), job: *job, is_same: known == digest })
        })
    }

    fn log(&mut self, job: JobId, attempt: AttemptNumber, line: LogLine) {
        let header: Arc<JobHeader> = self.jobs[&job].header.clone();
        let offset = self.tell(Fact::Log { job: header, attempt, line: line.clone() });
        self.lines.entry(job).or_default().push(StoredLine { offset, attempt, line });
    }
}

impl Ledger for MemoryStore {
    fn record(&self, changes: Vec<Change>) -> Answer<'_, Result<LogPosition, LedgerError>> {
        let inner = self.0.lock().unwrap();
        let refused = if inner.is_away || inner.is_full { Some(away().into()) } else { inner.duplicate(&changes) };
        drop(inner);
        let recorded = refused.map_or_else(|| Ok(self.apply(changes)), Err);
        Box::pin(std::future::ready(recorded))
    }
}

impl History for MemoryStore {
    fn recording_fault(&self) -> Option<StoreUnavailable> {
        self.0.lock().unwrap().is_full.then(away)
    }

    fn job(&self, job: JobId) -> Answer<'_, Result<Option<JobRecord>, StoreUnavailable>> {
        self.read(|inner| inner.jobs.get(&job).cloned())
    }

    fn definition(&self, job: JobId) -> Answer<'_, Result<Option<JobDefinition>, StoreUnavailable>> {
        self.read(|inner| inner.definitions.get(&job).cloned())
    }

    fn by_idempotency_key(&self, key: String) -> Answer<'_, Result<Option<(JobId, String)>, StoreUnavailable>> {
        self.read(|inner| inner.keys.get(&key).map(|(digest, job)| (*job, digest.clone())))
    }

    fn jobs(&self, query: JobQuery) -> Answer<'_, Result<Vec<JobRecord>, StoreUnavailable>> {
        self.read(|inner| {
            let is_asked = |record: &&JobRecord| {
                let header = &record.header;
                (query.statuses.is_empty() || query.statuses.contains(&record.state.status()))
                    && query.pipeline.as_ref().is_none_or(|pipeline| *pipeline == header.pipeline)
                    && query.job_type.is_none_or(|job_type| job_type == header.job_type)
                    && query.tag.as_ref().is_none_or(|tag| header.tags.contains(tag))
                    && query.from.is_none_or(|from| header.submitted_at >= from)
                    && query.until.is_none_or(|until| header.submitted_at < until)
                    && query.text.as_ref().is_none_or(|text| header.pipeline.contains(text.as_str()))
                    && query.before.is_none_or(|before| header.id < before)
            };
            inner.jobs.values().rev().filter(is_asked).take(query.limit.get()).cloned().collect()
        })
    }

    fn snapshot(&self) -> Answer<'_, Result<Snapshot, StoreUnavailable>> {
        self.read(|inner| {
            let active = inner.jobs.values().filter(|record| !record.state.status().is_terminal());
            Snapshot { position: inner.position, jobs: active.cloned().collect() }
        })
    }

    fn facts_after(&self, place: LogPosition, limit: NonZeroUsize) -> Answer<'_, Result<Vec<Recorded>, HistoryError>> {
        let facts = self.read(move |inner| {
            let after = inner.facts.iter().filter(|fact| fact.offset > place.offset);
            after.take(limit.get()).cloned().collect()
        });
        Box::pin(async { Ok(facts.await?) })
    }

    fn moves(&self, job: JobId, limit: NonZeroUsize) -> Answer<'_, Result<Vec<(Offset, JobFact)>, StoreUnavailable>> {
        self.read(move |inner| {
            let moves = inner.facts.iter().filter_map(|recorded| match &recorded.fact {
                Fact::Job { job: header, fact } if header.id == job => Some((recorded.offset, fact.clone())),
                _ => None,
            });
            let moves: Vec<_> = moves.collect();
            moves[moves.len().saturating_sub(limit.get())..].to_vec()
        })
    }

    fn log(&self, query: LogQuery) -> Answer<'_, Result<Vec<StoredLine>, StoreUnavailable>> {
        self.read(|inner| {
            let lines = inner.lines.get(&query.job).into_iter().flatten();
            let loud: Vec<StoredLine> = lines.filter(|line| line.line.level >= query.min_level).cloned().collect();
            match query.range {
                LogRange::After(after) => {
                    loud.into_iter().filter(|line| line.offset > after).take(query.limit.get()).collect()
                }
                LogRange::Last => loud[loud.len().saturating_sub(query.limit.get())..].to_vec(),
            }
        })
    }

    fn search(&self, search: LogSearch) -> Answer<'_, Result<LogFound, StoreUnavailable>> {
        self.read(|inner| {
            // A few lines are looked at by one call, so that whoever asks has to go on.
            let lines: Vec<_> =
                inner.lines.get(&search.job).into_iter().flatten().filter(|line| line.offset > search.after).collect();
            let looked_at = &lines[..lines.len().min(100)];
            let found: Vec<_> = looked_at.iter().filter(|line| search.is_match(line)).collect();
            let lines_found: Vec<StoredLine> =
                found.iter().take(search.limit.get()).map(|line| (**line).clone()).collect();
            let next = match (found.len() > lines_found.len(), lines.len() > looked_at.len()) {
                (true, _) => lines_found.last(),
                (false, true) => looked_at.last().copied(),
                (false, false) => None,
            };
            LogFound { next: next.map(|line| line.offset), lines: lines_found }
        })
    }

    fn samples(&self, job: JobId, limit: NonZeroUsize) -> Answer<'_, Result<Vec<Sample>, StoreUnavailable>> {
        self.read(|inner| {
            let samples: Vec<Sample> = inner.samples.iter().filter(|sample| sample.job == job).cloned().collect();
            samples[samples.len().saturating_sub(limit.get())..].to_vec()
        })
    }

    fn spool_position(
        &self,
        _job: JobId,
        _attempt: AttemptNumber,
    ) -> Answer<'_, Result<SpoolPosition, StoreUnavailable>> {
        self.read(|_| SpoolPosition::default())
    }
}

impl Schedules for MemoryStore {
    fn schedule_marks(&self) -> Answer<'_, Result<Vec<(String, DateTime<Utc>)>, StoreUnavailable>> {
        self.read(|_| Vec::new())
    }

    fn mark_schedule(&self, _pipeline: String, _at: DateTime<Utc>) -> Answer<'_, Result<(), StoreUnavailable>> {
        self.read(|_| ())
    }
}

impl Retention for MemoryStore {
    fn prune(&self, _limits: RetentionLimits, _step: NonZeroUsize) -> Answer<'_, Result<Pruned, StoreUnavailable>> {
        self.read(|_| Pruned::default())
    }
}

impl Pipelines for MemoryStore {
    fn put_pipeline(
        &self,
        name: String,
        definition: String,
        folder: PathBuf,
        at: DateTime<Utc>,
    ) -> Answer<'_, Result<StoredPipeline, StoreUnavailable>> {
        self.held(self.read(|mut inner| {
            let version = inner.pipelines.get(&name).map_or(1, |kept| kept.version + 1);
            let kept = StoredPipeline { name: name.clone(), version, definition, folder, updated_at: at };
            inner.pipelines.insert(name, kept.clone());
            kept
        }))
    }

    fn pipeline(&self, name: String) -> Answer<'_, Result<Option<StoredPipeline>, StoreUnavailable>> {
        self.read(|inner| inner.pipelines.get(&name).cloned())
    }

    fn pipelines(&self) -> Answer<'_, Result<Vec<StoredPipeline>, StoreUnavailable>> {
        self.read(|inner| inner.pipelines.values().cloned().collect())
    }
}
