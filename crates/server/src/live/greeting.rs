//! The first frame of a connection.

use etlplus_api::{ConnectionAck, Limits, ServerMessage};
use etlplus_core::ports::LogPosition;
use etlplus_core::settings::WebSocketSettings;
use uuid::Uuid;

use super::bounds::{BAD_MESSAGES_MAX, FILTER_CLAUSES_MAX, FILTER_VALUES_MAX, MESSAGE_BYTES_MAX};
use crate::wire;

/// What a client should know of its connection.
pub(super) fn ack(connection: Uuid, settings: &WebSocketSettings, position: LogPosition) -> ServerMessage {
    ServerMessage::ConnectionAck(ConnectionAck {
        connection_id: connection.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        heartbeat_interval: settings.heartbeat_interval.as_secs().max(1),
        limits: Limits {
            max_message_bytes: MESSAGE_BYTES_MAX as u64,
            max_filter_clauses: FILTER_CLAUSES_MAX as u64,
            max_filter_values: FILTER_VALUES_MAX as u64,
            max_bad_messages: u64::from(BAD_MESSAGES_MAX),
            message_queue_size: settings.message_queue_size as u64,
        },
        position: wire::position(position),
    })
}
