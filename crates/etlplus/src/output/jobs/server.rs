//! The server itself: its health, who watches, who may ask, and what runs by the clock.

use std::fmt::Write;
use std::time::Duration;

use chrono::{DateTime, Utc};
use etlplus_api::{ConnectionKind, ConnectionList, Health, HealthStatus, ScheduleInfo, TokenInfo};
use etlplus_core::progress::grouped;

use super::grid::{Cell, cell, known, number, render, styled, text};
use super::time;
use crate::output::style::{ERROR, FAINT, GOOD, HELP, WARN};
use crate::output::{printable, units};

/// How the server is, part by part, with what to do about what does not work.
pub(crate) fn health(health: &Health) -> String {
    let (word, style) = health_word(health.status);
    let up = units::duration(Duration::from_secs(health.uptime_seconds));
    let mut shown = format!("server {style}{word}{style:#}, version {}, up {up}\n\n", printable(&health.version));
    for check in &health.checks {
        let (word, style) = health_word(check.status);
        let detail = check.detail.as_deref().map(|detail| format!("  {}", printable(detail))).unwrap_or_default();
        let _ = writeln!(shown, "  {:<12}{style}{word}{style:#}{detail}", printable(&check.name));
        if let Some(remedy) = &check.remedy {
            let _ = writeln!(shown, "  {:<12}{HELP}= help:{HELP:#} {}", "", printable(remedy));
        }
    }
    let jobs = health.jobs.map(|jobs| {
        format!("{} running, {} waiting, {} paused", grouped(jobs.running), grouped(jobs.waiting), grouped(jobs.paused))
    });
    let channels = format!("{} up, {} down", health.alert_channels.up, health.alert_channels.down);
    let facts = [("jobs", jobs), ("connections", Some(grouped(health.connections))), ("channels", Some(channels))];
    shown.push('\n');
    for (name, value) in facts {
        let _ = writeln!(shown, "  {name:<12}{}", value.as_deref().unwrap_or(super::UNKNOWN));
    }
    shown
}

fn health_word(status: HealthStatus) -> (&'static str, anstyle::Style) {
    match status {
        HealthStatus::Ok => ("ok", GOOD),
        HealthStatus::Degraded => ("degraded", WARN),
        HealthStatus::Failing => ("failing", ERROR),
    }
}

/// A line for each connection, and how many there may be.
pub(crate) fn connections(list: &ConnectionList, width: Option<usize>) -> String {
    let count = units::count(list.connections.len() as u64, "connection");
    let heading = format!("{count} of at most {}\n", grouped(list.max_connections));
    if list.connections.is_empty() {
        return heading;
    }
    let columns = [
        text("id"),
        text("kind"),
        text("who"),
        text("from"),
        text("since"),
        number("behind"),
        number("queued"),
        number("sent"),
        number("left out"),
        text("sees"),
    ];
    let cells = |connection: &etlplus_api::Connection| -> Vec<Cell> {
        let kind = match connection.kind {
            ConnectionKind::WebSocket => "websocket",
            ConnectionKind::Sse => "sse",
        };
        let filter = serde_json::to_string(&connection.filters).unwrap_or_default();
        vec![
            cell(&connection.connection_id),
            cell(kind),
            cell(&connection.principal),
            cell(&connection.remote_address),
            cell(&time(connection.connected_at)),
            cell(&grouped(connection.lag)),
            cell(&units::bytes(connection.queued_bytes)),
            cell(&units::bytes(connection.sent_bytes)),
            cell(&grouped(connection.conflated)),
            if connection.filters.is_empty() { styled("everything", FAINT) } else { cell(&filter) },
        ]
    };
    format!("{heading}\n{}", render(&columns, list.connections.iter().map(cells).collect(), width))
}

/// A line for each token, with whether it holds at `now`.
pub(crate) fn tokens(tokens: &[TokenInfo], now: DateTime<Utc>, width: Option<usize>) -> String {
    if tokens.is_empty() {
        return "there are no tokens: make one with `etlplus token create NAME --role ROLE`\n".to_owned();
    }
    let columns = [text("id"), text("name"), text("role"), text("state"), text("made"), text("expires")];
    let cells = |token: &TokenInfo| -> Vec<Cell> {
        let state = match (token.revoked_at, token.expires_at) {
            (Some(_), _) => styled("revoked", FAINT),
            (None, Some(at)) if at <= now => styled("expired", WARN),
            (None, _) => styled("holds", GOOD),
        };
        vec![
            cell(&token.id),
            cell(&token.name),
            cell(token.role.as_str()),
            state,
            cell(&time(token.created_at)),
            cell(&token.expires_at.map_or_else(|| "never".to_owned(), time)),
        ]
    };
    render(&columns, tokens.iter().map(cells).collect(), width)
}

/// A line for each pipeline that runs by the clock.
pub(crate) fn schedules(schedules: &[ScheduleInfo], width: Option<usize>) -> String {
    if schedules.is_empty() {
        return "no pipeline that the server keeps has a schedule\n".to_owned();
    }
    let columns = [text("pipeline"), text("cron"), text("time zone"), text("next"), text("last")];
    let cells = |schedule: &ScheduleInfo| -> Vec<Cell> {
        vec![
            cell(&schedule.pipeline),
            cell(&schedule.cron),
            cell(&schedule.timezone),
            known(schedule.next_at.map(time)),
            known(schedule.last_at.map(time)),
        ]
    };
    render(&columns, schedules.iter().map(cells).collect(), width)
}

#[cfg(test)]
mod tests {
    use etlplus_api::{
        CatchUp, ChannelCounts, Connection, FilterClause, HealthCheck, JobCounts, Overlap, Position, Role,
    };

    use super::super::examples::{at, plain};
    use super::*;

    #[test]
    fn health_says_what_does_not_work_and_what_to_do() {
        let check = |name: &str, detail: Option<&str>| HealthCheck {
            name: name.to_owned(),
            status: if detail.is_some() { HealthStatus::Degraded } else { HealthStatus::Ok },
            detail: detail.map(str::to_owned),
            remedy: detail.map(|_| "make room".to_owned()),
        };
        let told = Health {
            status: HealthStatus::Degraded,
            version: "0.1.0".to_owned(),
            started_at: at(0),
            uptime_seconds: 11_400,
            checks: vec![check("live", None), check("store", Some("the disk is full"))],
            jobs: Some(JobCounts { running: 2, waiting: 1_000, paused: 0 }),
            connections: 3,
            alert_channels: ChannelCounts { up: 1, down: 0 },
        };
        let expected = "\
server degraded, version 0.1.0, up 3 h 10 min

  live        ok
  store       degraded  the disk is full
              = help: make room

  jobs        2 running, 1,000 waiting, 0 paused
  connections 3
  channels    1 up, 0 down
";
        assert_eq!(plain(&health(&told)), expected);
        let unknown = Health { jobs: None, ..told };
        assert!(plain(&health(&unknown)).contains("  jobs        -\n"));
    }

    #[test]
    fn connections_are_listed_with_what_they_see() {
        let connection = |filters: Vec<FilterClause>| Connection {
            connection_id: "c1".to_owned(),
            kind: ConnectionKind::WebSocket,
            principal: "token ci".to_owned(),
            remote_address: "127.0.0.1:5".to_owned(),
            connected_at: at(0),
            filters,
            position: Position { epoch: "e".to_owned(), offset: 1 },
            lag: 1_000,
            queued_bytes: 0,
            sent_bytes: 2_048,
            conflated: 7,
        };
        let one = FilterClause { pipelines: Some(vec!["orders".to_owned()]), ..FilterClause::default() };
        let list =
            ConnectionList { connections: vec![connection(vec![]), connection(vec![one])], max_connections: 1000 };
        let expected = "\
2 connections of at most 1,000

id  kind       who       from         since                 behind  queued     sent  left out  sees
c1  websocket  token ci  127.0.0.1:5  2026-01-01T00:00:00Z   1,000     0 B  2.0 KiB         7  everything
c1  websocket  token ci  127.0.0.1:5  2026-01-01T00:00:00Z   1,000     0 B  2.0 KiB         7  [{\"pipelines\":[\"orders\"]}]
";
        assert_eq!(plain(&connections(&list, None)), expected);
    }

    #[test]
    fn tokens_hold_expire_and_are_revoked() {
        let token = |name: &str, expires: Option<i64>, revoked: Option<i64>| TokenInfo {
            id: "1".to_owned(),
            name: name.to_owned(),
            role: Role::Operator,
            created_at: at(0),
            expires_at: expires.map(at),
            revoked_at: revoked.map(at),
        };
        let list =
            [token("a", None, None), token("b", Some(10), None), token("c", Some(11), None), token("d", None, Some(1))];
        let expected = "\
id  name  role      state    made                  expires
1   a     operator  holds    2026-01-01T00:00:00Z  never
1   b     operator  expired  2026-01-01T00:00:00Z  2026-01-01T00:00:10Z
1   c     operator  holds    2026-01-01T00:00:00Z  2026-01-01T00:00:11Z
1   d     operator  revoked  2026-01-01T00:00:00Z  never
";
        assert_eq!(plain(&tokens(&list, at(10), None)), expected);
    }

    #[test]
    fn schedules_are_listed_with_their_next_time() {
        let schedule = ScheduleInfo {
            pipeline: "orders".to_owned(),
            cron: "0 6 * * *".to_owned(),
            timezone: "Europe/Vienna".to_owned(),
            catch_up: CatchUp::Latest,
            overlap: Overlap::Queue,
            next_at: Some(at(0)),
            last_at: None,
        };
        let expected = "\
pipeline  cron       time zone      next                  last
orders    0 6 * * *  Europe/Vienna  2026-01-01T00:00:00Z  -
";
        assert_eq!(plain(&schedules(&[schedule], None)), expected);
        assert!(schedules(&[], None).contains("no pipeline"));
    }
}
