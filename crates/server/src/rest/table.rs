//! Every route. One that is not here does not exist, and each has what one must be allowed to do.

use etlplus_api as api;
use etlplus_api::MessageType;
use etlplus_core::access::Action::{Administer, Author, Greet, RunJobs, Watch};

use super::forms::{LEVELS, STATUSES, enumeration, etags, key, list, number, short_text, text, time, uuid};
use super::route::Route;
use super::{
    alerts, config, connections, events, health, jobs, logs, metrics, metrics_text, monitor, page, pipelines, rejects,
    schedules, session, tokens,
};
use crate::{documents, live};

const EVENT_STREAM: &str = "text/event-stream";
const NDJSON: &str = "application/x-ndjson";
const TEXT: &str = "text/plain; charset=utf-8";

/// All routes.
pub(crate) fn routes() -> Vec<Route> {
    let groups = [page_routes(), live_routes(), job_routes(), job_parts(), monitor_routes(), connection_routes()];
    let others = [pipeline_routes(), alert_routes(), access_routes(), own_routes()];
    groups.into_iter().chain(others).flatten().collect()
}

fn page_routes() -> Vec<Route> {
    vec![
        Route::get("/", Greet, page::index).says("page", "The page").answers_as(200, "text/html; charset=utf-8"),
        Route::get("/app.js", Greet, page::script)
            .says("page", "The page's script")
            .answers_as(200, "text/javascript; charset=utf-8"),
        Route::get("/style.css", Greet, page::style)
            .says("page", "The page's style")
            .answers_as(200, "text/css; charset=utf-8"),
    ]
}

fn live_routes() -> Vec<Route> {
    let socket = |path| {
        Route::get(path, Watch, live::upgrade)
            .says("live", "The live channel as a WebSocket")
            .query("ticket", text(), "A ticket of POST /api/tickets, for browsers that cannot send a header")
            .query("start", enumeration(&["subscribe"]), "Nothing is told before the client has sent subscribe")
            .answers_nothing(101)
            .problems(&[(422, "bad_parameter")])
            .problems(&[(426, "upgrade_required"), (426, "bad_websocket_version"), (400, "bad_handshake")])
            .problems(&[(503, "websocket_disabled"), (503, "too_many_connections"), (503, "live_unavailable")])
            .on_live_port()
            .becomes_socket()
    };
    let events = Route::get("/api/events", Watch, live::events)
        .says("live", "The live channel as server-sent events")
        .query("ticket", text(), "A ticket of POST /api/tickets, for browsers that cannot send a header")
        .query("jobId", list(uuid()), "Of these jobs")
        .query("pipeline", list(text()), "Of jobs of these pipelines")
        .query("tag", list(text()), "Of jobs that have one of these tags")
        .query("type", list(enumeration(&MessageType::ALL.map(MessageType::as_str))), "Messages of these types")
        .query("status", list(enumeration(&STATUSES)), "Of jobs in one of these statuses")
        .query("minLevel", enumeration(&LEVELS), "Log lines at this level or above")
        .query("since", text(), "EPOCH:OFFSET, the id of the last event that was seen: the stream goes on after it")
        .header("Last-Event-ID", text(), "The same, where a browser connects again")
        .answers_as(200, EVENT_STREAM)
        .problems(&[(422, "bad_parameter"), (503, "too_many_connections"), (503, "live_unavailable")]);
    vec![socket("/ws"), socket("/api/ws"), events]
}

fn job_routes() -> Vec<Route> {
    let command = |route: Route, summary| {
        route.says("jobs", summary).answers::<api::JobMonitoringData>(202).problems(&[
            (404, "job_not_found"),
            (503, "store_unavailable"),
            (503, "shutting_down"),
        ])
    };
    vec![
        Route::post("/api/jobs", RunJobs, jobs::submit)
            .says("jobs", "Submits a job")
            .header("Idempotency-Key", key(), "The same key with the same body is the same job")
            .takes::<api::SubmitJob>()
            .answers::<api::JobMonitoringData>(202)
            .with_header("Location", "The address of the job's status")
            .answers::<api::JobMonitoringData>(200)
            .with_header("Location", "The address of the job that was made before")
            .problems(&[(400, "bad_idempotency_key"), (422, "key_reused")])
            .problems(&[(422, "bad_body"), (422, "pipeline_invalid"), (422, "parameters_invalid")])
            .problems(&[(503, "queue_full"), (503, "shutting_down"), (503, "store_unavailable")])
            .starts_work(),
        Route::get("/api/jobs/{id}/status", Watch, jobs::status)
            .says("jobs", "Everything about one job")
            .answers::<api::JobMonitoringData>(200)
            .problems(&[(404, "job_not_found"), (503, "store_unavailable")]),
        command(Route::post("/api/jobs/{id}/cancel", RunJobs, jobs::cancel), "Asks a job to stop for good")
            .problems(&[(409, "job_ended")]),
        command(Route::post("/api/jobs/{id}/pause", RunJobs, jobs::pause), "Holds a job between two batches")
            .problems(&[(409, "illegal_move"), (409, "too_many_paused")]),
        command(Route::post("/api/jobs/{id}/resume", RunJobs, jobs::resume), "Lets a job that is paused go on")
            .problems(&[(409, "illegal_move")]),
        command(
            Route::post("/api/jobs/{id}/retry", RunJobs, jobs::retry),
            "Tries a job once more that has not succeeded",
        )
        .problems(&[(409, "illegal_move"), (503, "queue_full")]),
    ]
}

fn job_parts() -> Vec<Route> {
    vec![
        Route::get("/api/jobs/{id}/logs", Watch, logs::logs)
            .says("jobs", "A job's log: a page, a download, or as it grows, by what the client accepts")
            .query("after", number(0, None), "Lines after this place")
            .query("limit", number(1, Some(10_000)), "At most so many lines")
            .query("tail", number(1, Some(1000)), "So many of the last lines")
            .query("level", enumeration(&LEVELS), "Lines at this level or above")
            .query("q", short_text(), "Lines whose message holds this text, in any case unless it has a capital letter")
            .query("regex", short_text(), "Lines whose message matches this regular expression")
            .query("step", short_text(), "Lines said in this step")
            .query("attempt", number(1, None), "Lines of this attempt")
            .query("since", time(), "Lines said at this time or later")
            .query("until", time(), "Lines said before this time")
            .header("Last-Event-ID", text(), "Where a stream that broke off goes on")
            .answers::<api::LogPage>(200)
            .answers_as(200, NDJSON)
            .answers_as(200, EVENT_STREAM)
            .problems(&[(404, "job_not_found"), (422, "bad_parameter"), (503, "too_many_connections")]),
        Route::get("/api/jobs/{id}/metrics", Watch, metrics::metrics)
            .says("jobs", "A job's readings over time")
            .query("limit", number(1, Some(5000)), "At most so many of the last readings")
            .answers::<api::MetricsSeries>(200)
            .problems(&[(404, "job_not_found"), (422, "bad_parameter"), (503, "store_unavailable")]),
        Route::get("/api/jobs/{id}/rejects", Watch, rejects::rejects)
            .says("jobs", "Rows that a job rejected")
            .query("after", number(0, None), "Rows after this line of the reject file")
            .query("limit", number(1, Some(1000)), "At most so many rows")
            .answers::<api::RejectsPage>(200)
            .problems(&[(404, "job_not_found"), (410, "reject_file_gone"), (422, "bad_parameter")])
            .problems(&[(500, "reject_file_damaged"), (500, "reject_file_unreadable"), (503, "store_unavailable")]),
        Route::get("/api/jobs/{id}/events", Watch, events::events)
            .says("jobs", "The moves of a job, in order, and its attempts")
            .query("limit", number(1, Some(2000)), "At most so many of the last moves")
            .answers::<api::JobEvents>(200)
            .problems(&[(404, "job_not_found"), (503, "store_unavailable")]),
    ]
}

fn monitor_routes() -> Vec<Route> {
    vec![
        Route::get("/api/monitor/jobs", Watch, monitor::jobs)
            .says("monitor", "Jobs, the latest first")
            .query("status", list(enumeration(&STATUSES)), "In one of these statuses")
            .query("pipeline", short_text(), "Of this pipeline")
            .query("type", enumeration(&["FULL_ETL", "EXTRACT", "TRANSFORM", "LOAD"]), "Of this kind")
            .query("tag", short_text(), "With this tag")
            .query("from", time(), "Accepted at this time or later")
            .query("until", time(), "Accepted before this time")
            .query("q", short_text(), "Whose id, pipeline, tags or failure hold this text")
            .query("cursor", uuid(), "nextCursor of the page before")
            .query("limit", number(1, Some(500)), "At most so many jobs")
            .answers::<api::JobList>(200)
            .problems(&[(422, "bad_parameter"), (503, "store_unavailable")]),
        Route::get("/api/monitor/config", Watch, config::show)
            .says("monitor", "The settings, each with where it comes from")
            .answers::<api::ConfigView>(200)
            .with_header("ETag", "The version"),
        Route::post("/api/monitor/config", Administer, config::change)
            .says("monitor", "Changes settings, all of what is given or nothing")
            .header("If-Match", etags(), "The ETag of the settings that the change is made for, or several")
            .takes::<api::ConfigChange>()
            .answers::<api::ConfigView>(200)
            .with_header("ETag", "The version that the change made")
            .problems(&[
                (400, "bad_if_match"),
                (412, "stale_settings"),
                (422, "settings_invalid"),
                (503, "store_unavailable"),
            ]),
    ]
}

fn connection_routes() -> Vec<Route> {
    let gone = &[(404, "connection_not_found"), (503, "live_unavailable")];
    vec![
        Route::get("/api/monitor/connections", Watch, connections::list)
            .says("monitor", "Who watches")
            .answers::<api::ConnectionList>(200)
            .problems(&[(503, "live_unavailable")]),
        Route::put("/api/monitor/connections/{id}/filters", Administer, connections::set_filters)
            .says("monitor", "Gives a connection another filter, as if it had asked for it")
            .takes::<api::ConnectionFilters>()
            .answers_nothing(204)
            .problems(gone)
            .problems(&[(422, "bad_body")]),
        Route::post("/api/monitor/connections/{id}/messages", Administer, connections::send)
            .says("monitor", "Tells one connection something")
            .takes::<api::ConnectionMessage>()
            .answers_nothing(204)
            .problems(gone)
            .problems(&[(422, "bad_body")]),
        Route::delete("/api/monitor/connections/{id}", Administer, connections::close)
            .says("monitor", "Closes a connection, with the word that it should not come back")
            .answers_nothing(204)
            .problems(gone),
    ]
}

fn pipeline_routes() -> Vec<Route> {
    let looked_at = &[(422, "bad_body"), (422, "pipeline_invalid"), (503, "inspect_busy")];
    vec![
        Route::get("/api/pipelines", Watch, pipelines::list)
            .says("pipelines", "Pipelines that are kept")
            .answers::<api::PipelineList>(200)
            .problems(&[(503, "store_unavailable")]),
        Route::get("/api/pipelines/{name}", Watch, pipelines::show)
            .says("pipelines", "A pipeline with its text")
            .answers::<api::PipelineInfo>(200)
            .problems(&[(404, "pipeline_not_found"), (503, "store_unavailable")]),
        Route::put("/api/pipelines/{name}", Author, pipelines::put)
            .says("pipelines", "Keeps a pipeline")
            .takes::<api::PutPipeline>()
            .answers::<api::PipelineInfo>(200)
            .problems(&[(422, "bad_body"), (422, "pipeline_invalid"), (503, "store_unavailable")]),
        Route::post("/api/pipelines/validate", Author, pipelines::validate)
            .says("pipelines", "Every mistake of a pipeline")
            .takes::<api::ValidatePipeline>()
            .answers::<api::Validated>(200)
            .problems(looked_at),
        Route::post("/api/pipelines/preview", Author, pipelines::preview)
            .says("pipelines", "The first rows after each stage of a pipeline")
            .takes::<api::PreviewRequest>()
            .answers::<api::Previewed>(200)
            .problems(looked_at)
            .problems(&[(422, "parameters_invalid")]),
        Route::get("/api/schedules", Watch, schedules::list)
            .says("pipelines", "The schedules of pipelines, with their next times")
            .answers::<api::ScheduleList>(200)
            .problems(&[(503, "store_unavailable")]),
    ]
}

fn alert_routes() -> Vec<Route> {
    vec![
        Route::get("/api/alerts", Watch, alerts::list)
            .says("alerts", "Alerts, the latest first, with what became of them on their way")
            .query("rule", enumeration(&api::AlertRule::ALL.map(api::AlertRule::as_str)), "Raised by this rule")
            .query("status", enumeration(&["firing", "resolved"]), "Firing or resolved")
            .query("jobId", uuid(), "About this job")
            .query("active", enumeration(&["true", "false"]), "Only those whose reason still holds")
            .query("cursor", number(0, None), "nextCursor of the page before")
            .query("limit", number(1, Some(500)), "At most so many alerts")
            .answers::<api::AlertList>(200)
            .problems(&[(422, "bad_parameter"), (503, "store_unavailable")]),
        Route::get("/api/alerts/channels", Watch, alerts::channels)
            .says("alerts", "The channels by which alerts leave")
            .answers::<api::ChannelList>(200),
        Route::post("/api/alerts/channels/{name}/test", Administer, alerts::test)
            .says("alerts", "Sends a test alert by one channel")
            .answers::<api::TestSent>(200)
            .problems(&[(404, "channel_not_found"), (502, "channel_failed"), (503, "shutting_down")]),
    ]
}

fn access_routes() -> Vec<Route> {
    vec![
        Route::post("/api/tickets", Watch, session::ticket)
            .says("access", "A ticket that opens the live channel once, within 30 seconds")
            .answers::<api::Ticket>(201)
            .problems(&[(503, "too_many_tickets")]),
        Route::post("/api/login", Greet, session::login)
            .says("access", "Takes a token and sets the page's cookie")
            .takes::<api::Login>()
            .answers::<api::Me>(200)
            .problems(&[(401, "token_unknown"), (401, "token_expired"), (401, "token_revoked")])
            .problems(&[(422, "bad_body"), (429, "too_many_logins")]),
        Route::post("/api/logout", Greet, session::logout)
            .says("access", "Takes the page's cookie away")
            .answers_nothing(204),
        Route::get("/api/me", Watch, session::me)
            .says("access", "Who the server takes one for, and what one may do")
            .answers::<api::Me>(200),
        Route::get("/api/tokens", Administer, tokens::list)
            .says("access", "All tokens, without their texts")
            .answers::<api::TokenList>(200)
            .problems(&[(503, "store_unavailable")]),
        Route::post("/api/tokens", Administer, tokens::create)
            .says("access", "Makes a token, whose text is told this once")
            .takes::<api::CreateToken>()
            .answers::<api::CreatedToken>(201)
            .problems(&[(409, "token_name_taken"), (409, "too_many_tokens"), (422, "bad_body")])
            .problems(&[(503, "store_unavailable")]),
        Route::delete("/api/tokens/{id}", Administer, tokens::revoke)
            .says("access", "Revokes a token; what it opened is closed within five seconds")
            .answers::<api::TokenInfo>(200)
            .problems(&[(404, "token_not_found"), (503, "store_unavailable")]),
    ]
}

fn own_routes() -> Vec<Route> {
    vec![
        Route::get("/livez", Greet, async || "ok")
            .says("health", "Whether the server lives")
            .answers_as(200, TEXT)
            .on_live_port(),
        Route::get("/readyz", Greet, health::ready)
            .says("health", "Whether the server takes work, with the reasons")
            .answers::<api::Ready>(200)
            .answers::<api::Ready>(503),
        Route::get("/api/health", Watch, health::health)
            .says("health", "How the server is, part by part")
            .answers::<api::Health>(200),
        Route::get("/metrics", Watch, metrics_text::metrics)
            .says("health", "The server's metrics as Prometheus reads them")
            .answers_as(200, "text/plain; version=0.0.4; charset=utf-8"),
        Route::get("/api/openapi.json", Watch, documents::openapi)
            .says("documents", "This interface as OpenAPI 3.1")
            .answers_as(200, "application/json"),
        Route::get("/api/asyncapi.json", Watch, documents::asyncapi)
            .says("documents", "The live channel as AsyncAPI 3")
            .answers_as(200, "application/json"),
    ]
}
