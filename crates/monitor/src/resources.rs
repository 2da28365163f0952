//! Watches what the machine has left, and records an alert where it is little.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use etlplus_core::ports::{Alert, AlertRule, AlertStatus, Alerts, Change, Clock, Ledger, StoreUnavailable, Versioned};
use etlplus_core::settings::NotificationSettings;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::machine::Machine;
use crate::threshold::Judge;

/// How often resources are read.
pub const READ_EVERY: Duration = Duration::from_secs(2);

/// Percent of each resource in use; `None` where that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ResourceUse {
    /// Memory.
    pub memory: Option<f64>,
    /// Processor.
    pub cpu: Option<f64>,
    /// Disk of the data folder.
    pub disk: Option<f64>,
    /// Connections of the live channel, of the most that there may be.
    pub connections: Option<f64>,
}

/// Where readings come from.
pub trait Resources: Send {
    /// What is in use now. It may read files of the kernel, and returns at once.
    fn read(&mut self) -> ResourceUse;
}

/// The machine, and a count of the connections in percent.
impl<F: FnMut() -> Option<f64> + Send> Resources for (Machine, F) {
    fn read(&mut self) -> ResourceUse {
        let (machine, connections) = self;
        ResourceUse { memory: machine.memory(), cpu: machine.cpu(), disk: machine.disk(), connections: connections() }
    }
}

/// The watch.
pub struct ResourceWatch<R> {
    resources: R,
    settings: watch::Receiver<Arc<Versioned>>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    judges: BTreeMap<AlertRule, Judge>,
}

impl<R: Resources> ResourceWatch<R> {
    /// A watch that goes on from the alerts that an earlier one left firing.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub async fn start(
        resources: R,
        settings: watch::Receiver<Arc<Versioned>>,
        ledger: Arc<dyn Ledger>,
        alerts: &dyn Alerts,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreUnavailable> {
        let firing = alerts.firing().await?;
        let status = |rule| match firing.iter().any(|record| record.alert.rule == rule) {
            true => AlertStatus::Firing,
            false => AlertStatus::Resolved,
        };
        let judges = RULES.into_iter().map(|rule| (rule, Judge::new(status(rule)))).collect();
        Ok(Self { resources, settings, ledger, clock, judges })
    }

    /// Reads every `every` until `shutdown`.
    pub async fn run(mut self, every: Duration, shutdown: CancellationToken) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            self.look().await;
        }
    }

    /// Reads once, and records what follows.
    pub async fn look(&mut self) {
        let reading = self.resources.read();
        let settings = self.settings.borrow().clone();
        let notifications = &settings.values.monitoring.notifications;
        let is_on = notifications.enabled && notifications.resource_alerts;
        for rule in RULES {
            let Some(judge) = self.judges.get_mut(&rule) else { continue };
            let (used, threshold) = of_rule(rule, &reading, notifications);
            let status = match used {
                _ if !is_on => (judge.status() == AlertStatus::Firing).then_some(AlertStatus::Resolved),
                Some(used) => judge.judge(used, threshold),
                None => None,
            };
            let Some(status) = status else { continue };
            let alert = alert(rule, status, used.filter(|_| is_on), threshold, self.clock.now());
            match self.ledger.record(vec![Change::Alert(alert)]).await {
                Ok(_) => judge.moved(status),
                // It is judged anew with the next reading.
                Err(error) => tracing::warn!(%error, %rule, "an alert cannot be recorded"),
            }
        }
    }
}

const RULES: [AlertRule; 4] = [AlertRule::Memory, AlertRule::Cpu, AlertRule::Disk, AlertRule::Connections];

/// What is in use of a rule's resource, and the rule's threshold, both in percent.
fn of_rule(rule: AlertRule, reading: &ResourceUse, settings: &NotificationSettings) -> (Option<f64>, f64) {
    match rule {
        AlertRule::Memory => (reading.memory, settings.memory_threshold),
        AlertRule::Cpu => (reading.cpu, settings.cpu_threshold),
        AlertRule::Disk => (reading.disk, settings.disk_threshold),
        _ => (reading.connections, settings.connections_threshold),
    }
}

fn alert(
    rule: AlertRule,
    status: AlertStatus,
    used: Option<f64>,
    threshold: f64,
    at: chrono::DateTime<chrono::Utc>,
) -> Alert {
    let (what, remedy) = match rule {
        AlertRule::Memory => (
            "memory of the machine",
            "see with `etlplus jobs --status RUNNING` what runs; lower jobs.max_concurrent_jobs or limits.memory of pipelines",
        ),
        AlertRule::Cpu => (
            "processor time of the machine",
            "see with `etlplus jobs --status RUNNING` what runs; lower jobs.max_concurrent_jobs, or give it more cores",
        ),
        AlertRule::Disk => {
            ("disk of the data folder", "make room there, or keep less: see the settings under retention")
        }
        _ => (
            "places of the live channel",
            "see who watches in /api/monitor/connections; raise monitoring.websocket.max_connections",
        ),
    };
    let (message, remedy) = match (status, used) {
        (AlertStatus::Firing, Some(used)) => {
            (format!("{used:.0} % of the {what} is in use, and the threshold is {threshold:.0} %"), remedy)
        }
        (_, Some(used)) => (format!("{used:.0} % of the {what} is in use"), "nothing has to be done"),
        (_, None) => (format!("the {what} is not watched any more"), "nothing has to be done"),
    };
    Alert { rule, labels: BTreeMap::new(), status, at, message, remedy: remedy.to_owned(), job: None }
}
