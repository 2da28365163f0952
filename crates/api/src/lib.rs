//! What goes over the wire, and nothing else: bodies of REST, frames of the live channel, problems, close codes. Servers
//! and clients share it, so it knows neither. JSON is camelCase, but for the settings; times are RFC 3339 in UTC; what
//! cannot be known is `null`. Every type has its JSON schema, of which the OpenAPI and AsyncAPI documents are made.

mod access;
mod alert;
mod close;
mod config;
mod connection;
mod event;
mod filter;
mod health;
mod job;
mod live;
mod notification;
mod pipeline;
mod problem;
mod reject;
mod rest;
mod schedule;

pub use access::{CreateToken, CreatedToken, Login, Me, PrincipalKind, Role, Ticket, TokenInfo, TokenList};
pub use alert::{
    AlertEntry, AlertInfo, AlertList, AlertRule, AlertStatus, ChannelInfo, ChannelKind, ChannelList, DeliveryInfo,
    DeliveryState, DeliveryTry, TestSent,
};
pub use close::CloseCode;
pub use config::{
    AccessConfig, Applies, ConfigChange, ConfigEntry, ConfigOrigin, ConfigView, JobTrackingConfig, JobsConfig,
    KeepConfig, LogConfig, MonitoringConfig, NotificationsConfig, NumberOrText, RetentionConfig, ServerConfig,
    WebSocketConfig,
};
pub use connection::{Connection, ConnectionFilters, ConnectionKind, ConnectionList, ConnectionMessage};
pub use event::{AttemptInfo, AttemptOutcome, JobEvent, JobEvents};
pub use filter::{Filter, FilterClause, MessageType, SetFilters};
pub use health::{ChannelCounts, Health, HealthCheck, HealthStatus, JobCounts, Ready};
pub use job::{
    FailureInfo, FieldValue, JobLogMessage, JobMetrics, JobMonitoringData, JobOrigin, JobStatus, JobType, LogLevel,
    PolicyInfo, TargetInfo,
};
pub use live::{
    Auth, Bookmark, ClientFrame, ClientMessage, ConnectionAck, ErrorMessage, Frame, Gap, GapReason, JobMetricsUpdate,
    JobProgressUpdate, JobStatusUpdate, Limits, Position, ServerMessage, Snapshot, Subscribe,
};
pub use notification::{ChangedKey, NotificationKind, SettingsNotice, Severity, SystemNotification};
pub use pipeline::{
    FileMistake, PipelineInfo, PipelineList, PreviewRequest, PreviewStage, Previewed, PutPipeline, ValidatePipeline,
    Validated,
};
pub use problem::{Problem, ProblemItem};
pub use reject::{BrokenRule, RejectSample, RejectSummary, RejectedRow};
pub use rest::{JobList, LogPage, LogRow, MetricsSample, MetricsSeries, RejectsPage, Span, SubmitJob};
pub use schedule::{CatchUp, Overlap, ScheduleInfo, ScheduleList};

/// The subprotocol of the live channel (RFC 6455, section 1.9).
pub const SUBPROTOCOL: &str = "etlplus.v1";
