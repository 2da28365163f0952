//! What follows from facts: alerts that are raised and resolved, and the channels that each goes to. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use etlplus_core::job::{JobFact, JobHeader, JobState, JobStatus};
use etlplus_core::ports::{Alert, AlertRecord, AlertRule, AlertStatus, Consequences, Fact, Recorded};
use etlplus_core::settings::NotificationSettings;

/// The code of the failure of a job that was ended because it took too long.
pub const TIMEOUT_CODE: &str = "job_timeout";

/// The alerts that follow from `facts`, and the channels that the alerts among the facts go to. `firing` are those that
/// fire as the store has it, be it that their own facts are among `facts` or come after them: a success that comes after
/// a failure in the log resolves it, wherever the alert about it was recorded.
///
/// What the settings switch off is not raised and not sent. What is firing is resolved all the same, or it would fire
/// for ever.
pub fn consequences(facts: &[Recorded], firing: &[AlertRecord], settings: &NotificationSettings) -> Consequences {
    let mut rules = Rules {
        settings,
        firing: firing.iter().map(|record| (record.alert.fingerprint(), record.alert.clone())).collect(),
        out: Consequences::default(),
    };
    for recorded in facts {
        match &recorded.fact {
            Fact::Job { job, fact } => rules.job_moved(job, fact),
            Fact::Alert(alert) => {
                let channels = rules.channels_of(alert);
                if !channels.is_empty() {
                    rules.out.deliveries.push((recorded.offset, channels));
                }
            }
            Fact::Log { .. } | Fact::Settings(_) => {}
        }
    }
    rules.out
}

/// Whether something can follow from the fact.
pub(crate) fn is_relevant(fact: &Fact) -> bool {
    match fact {
        Fact::Job { fact, .. } => fact.state.status().is_terminal(),
        Fact::Alert(_) => true,
        Fact::Log { .. } | Fact::Settings(_) => false,
    }
}

/// Whether the settings want alerts of this rule.
pub(crate) fn is_wanted(rule: AlertRule, settings: &NotificationSettings) -> bool {
    settings.enabled
        && match rule {
            AlertRule::JobFailed => settings.job_failure_alerts,
            // It is both: a job that failed, and one that took too long.
            AlertRule::JobTimedOut => settings.job_failure_alerts || settings.timeout_warnings,
            AlertRule::JobTimeoutNear => settings.timeout_warnings,
            AlertRule::Memory | AlertRule::Cpu | AlertRule::Disk | AlertRule::Connections => settings.resource_alerts,
            AlertRule::ChannelBroken => settings.channel_alerts,
            AlertRule::Test => true,
        }
}

struct Rules<'a> {
    settings: &'a NotificationSettings,
    /// What is firing, by fingerprint.
    firing: BTreeMap<String, Arc<Alert>>,
    out: Consequences,
}

impl Rules<'_> {
    fn job_moved(&mut self, job: &JobHeader, fact: &JobFact) {
        let status = fact.state.status();
        if !status.is_terminal() || fact.from == Some(status) {
            return;
        }
        self.resolve(job, &fact.state);
        let JobState::Failed { attempt, finished_at, failure, .. } = &fact.state else { return };
        let rule = if failure.code == TIMEOUT_CODE { AlertRule::JobTimedOut } else { AlertRule::JobFailed };
        if !is_wanted(rule, self.settings) {
            return;
        }
        // Each failed job is told, be it that the pipeline's alert is firing already.
        self.raise(Alert {
            rule,
            labels: [("pipeline".to_owned(), job.pipeline.clone())].into(),
            status: AlertStatus::Firing,
            at: *finished_at,
            message: format!(
                "job {} of pipeline {} failed at attempt {attempt}: {} ({})",
                job.id, job.pipeline, failure.message, failure.code
            ),
            remedy: failure.remedy.clone(),
            job: Some(job.id),
        });
    }

    /// Resolves what no longer holds, now that the job has ended: the warning about it, and, where it has completed, the
    /// failures of its pipeline.
    fn resolve(&mut self, job: &JobHeader, state: &JobState) {
        let completed = state.status() == JobStatus::Completed;
        let ends = |alert: &Alert| match alert.rule {
            AlertRule::JobFailed | AlertRule::JobTimedOut => {
                completed && alert.labels.get("pipeline") == Some(&job.pipeline)
            }
            AlertRule::JobTimeoutNear => alert.job == Some(job.id),
            AlertRule::Memory
            | AlertRule::Cpu
            | AlertRule::Disk
            | AlertRule::Connections
            | AlertRule::ChannelBroken
            | AlertRule::Test => false,
        };
        let ended: Vec<_> = self.firing.values().filter(|alert| ends(alert)).cloned().collect();
        for alert in ended {
            self.raise(Alert {
                status: AlertStatus::Resolved,
                at: state.since(),
                message: format!("job {} of pipeline {} is {}", job.id, job.pipeline, state.status()),
                remedy: "nothing needs to be done".to_owned(),
                job: Some(job.id),
                ..(*alert).clone()
            });
        }
    }

    fn raise(&mut self, alert: Alert) {
        match alert.status {
            AlertStatus::Firing => self.firing.insert(alert.fingerprint(), Arc::new(alert.clone())),
            AlertStatus::Resolved => self.firing.remove(&alert.fingerprint()),
        };
        self.out.alerts.push(alert);
    }

    /// Whom the alert is told: everybody, except that a channel is not told by itself that it is broken.
    fn channels_of(&self, alert: &Alert) -> Vec<String> {
        let is_told = match alert.status {
            AlertStatus::Firing => is_wanted(alert.rule, self.settings),
            AlertStatus::Resolved => self.settings.enabled,
        };
        if !is_told || alert.rule == AlertRule::Test {
            return Vec::new();
        }
        let about = (alert.rule == AlertRule::ChannelBroken).then(|| alert.labels.get("channel")).flatten();
        let names = self.settings.channels.iter().map(|channel| &channel.name);
        names.filter(|name| Some(*name) != about).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
