//! The first frames of a connection.

use chrono::{DateTime, Utc};
use etlplus_api::{ConnectionAck, Frame, JobLogMessage, Limits, MessageType, ServerMessage, Snapshot};
use etlplus_core::ports::{Fact, LogPosition};
use etlplus_monitor::{LiveJob, LiveView};
use uuid::Uuid;

use super::bounds::{
    BAD_MESSAGES_MAX, FILTER_CLAUSES_MAX, FILTER_VALUES_MAX, JOB_LOG_BYTES_MAX, MESSAGE_BYTES_MAX,
    SNAPSHOT_LOG_BYTES_MAX,
};
use super::client::answer;
use super::filter::{Filter, Subject};
use crate::options::Options;
use crate::wire;

/// What a client should know of its connection.
pub(super) fn ack(connection: Uuid, options: &Options, position: LogPosition) -> ServerMessage {
    ServerMessage::ConnectionAck(ConnectionAck {
        connection_id: connection.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        heartbeat_interval: options.heartbeat_interval.as_secs().max(1),
        limits: Limits {
            max_message_bytes: MESSAGE_BYTES_MAX as u64,
            max_filter_clauses: FILTER_CLAUSES_MAX as u64,
            max_filter_values: FILTER_VALUES_MAX as u64,
            max_bad_messages: u64::from(BAD_MESSAGES_MAX),
            message_queue_size: options.message_queue_size as u64,
        },
        position: wire::position(position),
    })
}

/// Every active job that the filter shows, each with those of its last lines that it lets through.
pub(super) fn snapshot(view: &LiveView, filter: &Filter, options: &Options, now: DateTime<Utc>) -> Frame {
    let shown = view.jobs().filter(|job| filter.shows(&job.header, job.state.status()));
    let mut bytes_left = SNAPSHOT_LOG_BYTES_MAX;
    let with_lines = |job: &LiveJob| {
        let lines = if options.log_streaming_enabled { lines(job, filter, &mut bytes_left) } else { Vec::new() };
        wire::of_live(job, lines, now)
    };
    let jobs = shown.map(with_lines).collect();
    let mut frame = answer(ServerMessage::Snapshot(Snapshot { jobs }), now, None);
    frame.position = Some(wire::position(view.position()));
    frame
}

/// The job's last lines that the filter lets through, oldest first, as far as there is room for their text.
fn lines(job: &LiveJob, filter: &Filter, bytes_left: &mut usize) -> Vec<JobLogMessage> {
    let mut room = JOB_LOG_BYTES_MAX.min(*bytes_left);
    let fits = |fact: &Fact| {
        let Fact::Log { line, .. } = fact else { return None };
        let (kind, level) = (MessageType::JobLogMessage, Some(wire::level(line.level)));
        let subject = Subject { job: &job.header, status: Some(job.state.status()), kind, level };
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
