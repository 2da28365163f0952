//! Every active job at one moment, in parts that every client takes.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use etlplus_api::{Frame, JobLogMessage, JobMonitoringData, MessageType, ServerMessage, Snapshot};
use etlplus_core::ports::Fact;
use etlplus_core::settings::JobTrackingSettings;
use etlplus_monitor::{LiveJob, LiveView};
use serde::Serialize;

use super::bounds::{JOB_LOG_BYTES_MAX, SNAPSHOT_LOG_BYTES_MAX, SNAPSHOT_PART_BYTES_MAX};
use super::client::answer;
use super::filter::{Filter, Subject};
use crate::wire;

/// Gives `take` the parts of the snapshot, the last one without `more`: every active job that the filter shows, each with
/// those of its last lines that it lets through. A part is at most [`SNAPSHOT_PART_BYTES_MAX`] long, unless it is one job.
pub(super) fn parts(
    view: &LiveView,
    filter: &Filter,
    settings: &JobTrackingSettings,
    now: DateTime<Utc>,
    mut take: impl FnMut(Frame),
) {
    let part = |jobs, more| {
        let mut frame = answer(ServerMessage::Snapshot(Snapshot { jobs, more }), now, None);
        frame.position = Some(wire::position(view.position()));
        frame
    };
    let room = SNAPSHOT_PART_BYTES_MAX - json_bytes(&part(Vec::new(), false));
    let mut bytes_left = SNAPSHOT_LOG_BYTES_MAX;
    let (mut jobs, mut bytes) = (Vec::<JobMonitoringData>::new(), 0);
    for job in view.jobs().filter(|job| filter.shows(&job.header, job.state.status())) {
        let lines = if settings.log_streaming_enabled { lines(job, filter, &mut bytes_left) } else { Vec::new() };
        let job = wire::of_live(job, lines, now);
        // With the comma before it.
        let added = json_bytes(&job) + 1;
        if !jobs.is_empty() && bytes + added > room {
            take(part(std::mem::take(&mut jobs), true));
            bytes = 0;
        }
        jobs.push(job);
        bytes += added;
    }
    take(part(jobs, false));
}

/// How long the value is as JSON.
fn json_bytes(value: &impl Serialize) -> usize {
    struct Count(usize);

    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).expect("wire types have only text keys and finite numbers");
    count.0
}

/// The job's last lines that the filter lets through, oldest first, as far as there is room for their text.
fn lines(job: &LiveJob, filter: &Filter, bytes_left: &mut usize) -> Vec<JobLogMessage> {
    let mut room = JOB_LOG_BYTES_MAX.min(*bytes_left);
    let fits = |fact: &Fact| {
        let Fact::Log { line, .. } = fact else { return None };
        let (kind, level) = (MessageType::JobLogMessage, Some(wire::level(line.level)));
        let subject = Subject::of(&job.header, Some(job.state.status()), kind, level);
        if !filter.lets_through(subject) {
            return None;
        }
        // Once a line does not fit, no older one is shown either: there would be a hole.
        let left = room.checked_sub(line.message.len());
        *bytes_left -= room.min(line.message.len());
        room = left.unwrap_or(0);
        left.and_then(|_| wire::log_message(fact))
    };
    let mut lines: Vec<_> = job.recent_logs.iter().rev().map(|line| &line.fact).filter_map(fits).collect();
    lines.reverse();
    lines
}
