//! What goes over the wire, and nothing else: bodies of REST, frames of the live channel, problems, close codes. Servers
//! and clients share it, so it knows neither. JSON is camelCase; times are RFC 3339 in UTC; what cannot be known is `null`.

mod close;
mod config;
mod job;
mod live;
mod problem;
mod rest;

pub use close::CloseCode;
pub use config::{ConfigView, JobTrackingConfig, MonitoringConfig, WebSocketConfig};
pub use job::{
    BrokenRule, FailureInfo, JobLogMessage, JobMetrics, JobMonitoringData, JobStatus, JobType, LogLevel, RejectSample,
    RejectSummary, RejectedRow, TargetInfo,
};
pub use live::{
    ClientFrame, ClientMessage, ConnectionAck, ErrorMessage, Filter, FilterClause, Frame, JobMetricsUpdate,
    JobProgressUpdate, JobStatusUpdate, Limits, MessageType, Position, ServerMessage, SetFilters, Snapshot,
};
pub use problem::{Problem, ProblemItem};
pub use rest::{
    Connection, ConnectionKind, ConnectionList, FileMistake, JobList, LogPage, LogRow, MetricsSample, MetricsSeries,
    PipelineInfo, PipelineList, PreviewRequest, PreviewStage, Previewed, PutPipeline, RejectsPage, SubmitJob,
    ValidatePipeline, Validated,
};

/// The subprotocol of the live channel (RFC 6455, section 1.9).
pub const SUBPROTOCOL: &str = "etlplus.v1";
