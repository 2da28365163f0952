//! What a store should say, in memory and as plain as can be; with a job manager's part of the work, which holds the states,
//! asks the core, and says what is to be recorded.

use std::collections::BTreeMap;

use etlplus_core::job::{Cause, JobFact, JobState};
use etlplus_core::ports::{AlertRecord, AlertStatus, Change, Consequences, Fact, Recorded};

use super::{Happening, with_attempt};
use crate::examples::*;

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) jobs: BTreeMap<usize, JobState>,
    /// The jobs in the order in which they were accepted.
    accepted: Vec<usize>,
    /// All that ever happened, with whether it was forgotten.
    facts: Vec<(Recorded, bool)>,
    pub(crate) oldest: u64,
    cursor: usize,
    pub(crate) settings: u64,
}

/// A job that fails or is cancelled raises an alert about it, and one that completes resolves it.
pub(crate) fn raise_and_resolve(facts: &[Recorded], _: &[AlertRecord]) -> Consequences {
    let mut consequences = Consequences::default();
    for recorded in facts {
        match &recorded.fact {
            Fact::Job { job, fact: JobFact { cause: Cause::Failed | Cause::Cancel, .. } } => {
                consequences.alerts.push(firing(&job.id.to_string(), 1));
            }
            Fact::Job { job, fact: JobFact { cause: Cause::Completed | Cause::Retry, .. } } => {
                consequences.alerts.push(resolved(&job.id.to_string(), 2));
            }
            Fact::Alert(_) => consequences.deliveries.push((recorded.offset, vec!["log".to_owned()])),
            _ => {}
        }
    }
    consequences
}

impl Model {
    pub(crate) fn last(&self) -> u64 {
        self.facts.len() as u64
    }

    pub(crate) fn facts_after_oldest(&self) -> impl Iterator<Item = &Recorded> {
        self.facts.iter().skip(self.oldest as usize).map(|(recorded, _)| recorded)
    }

    /// The places of the alerts that are firing.
    pub(crate) fn firing(&self) -> Vec<u64> {
        let mut firing = BTreeMap::new();
        for (recorded, _) in &self.facts {
            let Fact::Alert(alert) = &recorded.fact else { continue };
            match alert.status {
                AlertStatus::Firing => firing.insert(alert.fingerprint(), recorded.offset.get()),
                AlertStatus::Resolved => firing.remove(&alert.fingerprint()),
            };
        }
        let mut places: Vec<_> = firing.into_values().collect();
        places.sort_unstable();
        places
    }

    fn push(&mut self, fact: Fact) {
        let offset = etlplus_core::ids::Offset::from_number(self.last() + 1);
        self.facts.push((Recorded { offset, fact }, false));
    }

    pub(crate) fn advance(&mut self, most: usize) -> usize {
        let facts: Vec<_> = self.facts.iter().skip(self.cursor).take(most).map(|(fact, _)| fact.clone()).collect();
        self.cursor += facts.len();
        for alert in raise_and_resolve(&facts, &[]).alerts {
            self.push(Fact::Alert(alert.into()));
        }
        facts.len()
    }

    /// What is to be recorded where something happens to the job `number`.
    pub(crate) fn record(&mut self, number: usize, happening: Happening) -> Vec<Change> {
        if let Happening::Settings = happening {
            let change = settings(self.settings, "{}");
            self.settings += 1;
            if let Change::Settings { change, .. } = &change {
                self.push(Fact::Settings(change.clone().into()));
            }
            return vec![change];
        }
        let job = || header(number).into();
        let Some(state) = self.jobs.get(&number) else {
            let first = JobFact::submitted(header(number).submitted_at, None);
            self.jobs.insert(number, first.state.clone());
            self.accepted.push(number);
            self.push(Fact::Job { job: job(), fact: first });
            return vec![submit(number)];
        };
        match happening {
            Happening::Lines(count) => {
                let change = log(number, count);
                if let Change::Log { attempt, lines, .. } = &change {
                    for line in lines {
                        self.push(Fact::Log { job: job(), attempt: *attempt, line: line.clone() });
                    }
                }
                vec![change]
            }
            Happening::Input(input) => {
                let input = with_attempt(*input, state.attempt());
                let Ok(step) = state.apply(input, at(self.facts.len() as i64)) else { return vec![] };
                self.jobs.insert(number, step.state);
                for fact in &step.facts {
                    self.push(Fact::Job { job: job(), fact: fact.clone() });
                }
                let change = |fact| Change::Move { job: job_id(number), fact, report: None };
                step.facts.into_iter().map(change).collect()
            }
            Happening::Settings | Happening::Advance(_) | Happening::Prune(..) => vec![],
        }
    }

    /// Forgets, and says how many jobs and lines.
    pub(crate) fn prune(&mut self, jobs_max: Option<u64>, lines_max: Option<u64>) -> (u64, u64) {
        let (mut jobs, mut lines) = (0, 0);
        let has_ended = |state: &JobState| state.status().is_terminal();
        let ended = |model: &Self| model.jobs.values().filter(|state| has_ended(state)).count() as u64;
        if let Some(max) = jobs_max {
            for number in self.accepted.clone() {
                let is_ended = self.jobs.get(&number).is_some_and(has_ended);
                if ended(self) > max && is_ended && self.all_shown(number) {
                    self.jobs.remove(&number);
                    self.accepted.retain(|accepted| *accepted != number);
                    jobs += 1;
                    lines += self.forget(|fact| fact.job().is_some_and(|job| job.id == job_id(number)), usize::MAX);
                }
            }
        }
        // A change of settings before the oldest place is nowhere to be seen, whether it is forgotten or not.
        if let Some(max) = lines_max {
            let kept = self.facts.iter().filter(|(fact, gone)| !gone && is_line(&fact.fact)).count();
            let ended: Vec<_> =
                self.jobs.iter().filter(|(_, state)| has_ended(state)).map(|(number, _)| job_id(*number)).collect();
            let may_go = |fact: &Fact| is_line(fact) && fact.job().is_some_and(|job| ended.contains(&job.id));
            lines += self.forget(may_go, kept.saturating_sub(max as usize));
        }
        (jobs, lines)
    }

    /// Whether the rules were shown all that is known of a job.
    fn all_shown(&self, number: usize) -> bool {
        let of_the_job = |fact: &Fact| fact.job().is_some_and(|job| job.id == job_id(number));
        self.facts.iter().skip(self.cursor).all(|(recorded, _)| !of_the_job(&recorded.fact))
    }

    /// Forgets the first `most` facts that may go of those that the rules were shown, and says how many lines they were.
    fn forget(&mut self, may_go: impl Fn(&Fact) -> bool, most: usize) -> u64 {
        let mut lines = 0;
        let shown = self.facts.iter_mut().take(self.cursor);
        for (recorded, gone) in shown.filter(|(recorded, gone)| !gone && may_go(&recorded.fact)).take(most) {
            *gone = true;
            self.oldest = self.oldest.max(recorded.offset.get());
            lines += u64::from(is_line(&recorded.fact));
        }
        lines
    }
}

fn is_line(fact: &Fact) -> bool {
    matches!(fact, Fact::Log { .. })
}
