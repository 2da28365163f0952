//! A job's log: a page, a download, or as it grows, by what the client accepts.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use etlplus_api::LogPage;
use etlplus_core::access::Principal;
use etlplus_core::ids::{JobId, Offset};
use etlplus_core::ports::{
    Answer, Fact, JobRecord, LogFound, LogQuery, LogRange, LogSearch, StoreUnavailable, StoredLine,
};

use super::JobOf;
use super::jobs::find;
use super::log_query::LogFilter;
use super::log_stream::{download, follow};
use crate::access::Caller;
use crate::app::App;
use crate::peer::Peer;
use crate::problem::{Refusal, item};
use crate::query::Parameters;
use crate::wire;

/// Lines of a page where no number is asked for.
const LINES_DEFAULT: usize = 1000;
/// The most lines of a page.
const LINES_MAX: usize = 10_000;
/// The most of the last lines: they are read at once, and each may have 16 KiB.
const TAIL_MAX: NonZeroUsize = NonZeroUsize::new(1000).expect("it is not zero");
/// Lines that are read from the store at once, for the same reason.
const CHUNK: NonZeroUsize = NonZeroUsize::new(500).expect("it is not zero");
/// A page ends early beyond so many bytes of text.
const PAGE_BYTES_MAX: usize = 8 << 20;
/// A page of a search ends beyond so much time, with what was found by then.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(1);

/// The lines of a job that were asked for, read chunk by chunk.
pub(super) struct Lines {
    pub(super) app: Arc<App>,
    pub(super) record: JobRecord,
    /// Who reads.
    pub(super) principal: Principal,
    filter: LogFilter,
    after: Offset,
    /// So many of the last lines come first.
    tail: Option<NonZeroUsize>,
    /// At most so many; all where it is left out.
    limit: Option<usize>,
}

/// `GET /api/jobs/{id}/logs`.
pub(super) async fn logs(
    State(app): State<Arc<App>>,
    JobOf(job): JobOf,
    caller: Caller,
    request: Request,
) -> Result<Response, Refusal> {
    let mut parameters = Parameters::of(request.uri())?;
    let after = parameters.number("after", 0, u64::MAX);
    let limit = parameters.number("limit", 1, LINES_MAX);
    let filter = LogFilter::take(&mut parameters);
    let tail = parameters.number("tail", NonZeroUsize::MIN, TAIL_MAX);
    if tail.is_some() && (after.is_some() || limit.is_some()) {
        parameters.fault(item("tail", "comes beside after or limit", "give the last lines or those after a place"));
    }
    if tail.is_some() && filter.is_search() {
        parameters.fault(item("tail", "comes beside a search", "search after a place: all lines are after 0"));
    }
    parameters.finish()?;
    let record = find(&app, job).await?;
    let form = wanted(request.headers());
    if form != Form::Page {
        // It lasts as long as the client takes, or the job runs.
        let Some(peer) = request.extensions().get::<Peer>() else { return Err(Refusal::internal()) };
        peer.exchange(app.live.slot()?);
    }
    let seen = last_event_id(request.headers());
    let lines = Lines {
        app,
        record,
        principal: caller.0,
        filter,
        after: Offset::from_number(after.unwrap_or(0).max(seen.unwrap_or(0))),
        // Who comes back has had the last lines already.
        tail: tail.filter(|_| seen.is_none()),
        limit,
    };
    // There is no request after a stream, since its connection has no place among those of HTTP any more.
    let close = (header::CONNECTION, HeaderValue::from_static("close"));
    match form {
        Form::Page if lines.filter.is_search() => lines.found_page().await,
        Form::Page => lines.page().await,
        Form::Download => {
            let name = HeaderValue::try_from(format!("attachment; filename=\"{job}.log.ndjson\""));
            let kind = HeaderValue::from_static("application/x-ndjson");
            let name = name.map_err(|_| Refusal::internal())?;
            let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name), close];
            Ok((headers, download(lines)).into_response())
        }
        Form::Follow => {
            let no_gathering = (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
            let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            Ok(([kind, no_gathering, close], follow(lines)).into_response())
        }
    }
}

impl Lines {
    pub(super) fn job(&self) -> JobId {
        self.record.header.id
    }

    /// Whether a fact is one of the job's.
    pub(super) fn is_of(&self, fact: &Fact) -> bool {
        fact.job().is_some_and(|job| job.id == self.job())
    }

    /// The next lines; none at the end of what is recorded.
    pub(super) async fn next(&mut self) -> Result<Vec<StoredLine>, StoreUnavailable> {
        if self.filter.is_search() {
            return self.next_found().await;
        }
        let (range, limit) = match self.tail.take() {
            Some(tail) => (LogRange::Last, tail),
            None => {
                let left = self.limit.unwrap_or(usize::MAX);
                let Some(limit) = NonZeroUsize::new(left.min(CHUNK.get())) else { return Ok(Vec::new()) };
                (LogRange::After(self.after), limit)
            }
        };
        let query = LogQuery { job: self.job(), min_level: self.filter.min_level, range, limit };
        let lines = self.app.history.log(query).await?;
        self.limit = self.limit.map(|left| left - lines.len());
        if let Some(last) = lines.last() {
            self.after = last.offset;
        }
        Ok(lines)
    }

    /// The next lines that are searched for; none at the end of what is recorded.
    async fn next_found(&mut self) -> Result<Vec<StoredLine>, StoreUnavailable> {
        loop {
            let left = self.limit.unwrap_or(usize::MAX);
            let Some(limit) = NonZeroUsize::new(left.min(CHUNK.get())) else { return Ok(Vec::new()) };
            // All that has a place by now is looked at where the search comes to the end.
            let newest = self.app.bus.position().offset;
            let LogFound { lines, next } = self.search(limit).await?;
            let is_end = next.is_none();
            let last = lines.last().map(|line| line.offset);
            self.after = next.unwrap_or(newest).max(self.after).max(last.unwrap_or(Offset::START));
            self.limit = self.limit.map(|left| left - lines.len());
            if is_end || !lines.is_empty() {
                return Ok(lines);
            }
        }
    }

    fn search(&self, limit: NonZeroUsize) -> Answer<'_, Result<LogFound, StoreUnavailable>> {
        let LogFilter { min_level, attempt, step, since, until, pattern } = self.filter.clone();
        let (job, after) = (self.job(), self.after);
        self.app.history.search(LogSearch { job, attempt, min_level, step, since, until, pattern, after, limit })
    }

    /// What is found in a moment, and where to go on.
    async fn found_page(mut self) -> Result<Response, Refusal> {
        let (begun, mut rows, mut bytes) = (Instant::now(), Vec::new(), 0);
        let most = self.limit.unwrap_or(LINES_DEFAULT);
        loop {
            let limit = NonZeroUsize::new(CHUNK.get().min(most - rows.len())).unwrap_or(NonZeroUsize::MIN);
            let LogFound { lines, next } = self.search(limit).await?;
            bytes += lines.iter().map(|line| line.line.message.len()).sum::<usize>();
            rows.extend(lines.iter().map(|line| wire::log_row(&self.record.header, line)));
            let is_enough = rows.len() >= most || bytes >= PAGE_BYTES_MAX || begun.elapsed() >= SEARCH_TIME_MAX;
            match next {
                Some(next) if !is_enough => self.after = next,
                next => return Ok(Json(LogPage { lines: rows, next_after: next.map(Offset::get) }).into_response()),
            }
        }
    }

    async fn page(mut self) -> Result<Response, Refusal> {
        let is_tail = self.tail.is_some();
        self.limit.get_or_insert(LINES_DEFAULT);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while bytes < PAGE_BYTES_MAX {
            let lines = self.next().await?;
            if lines.is_empty() {
                break;
            }
            bytes += lines.iter().map(|line| line.line.message.len()).sum::<usize>();
            rows.extend(lines.iter().map(|line| wire::log_row(&self.record.header, line)));
            if is_tail {
                break;
            }
        }
        let next_after = rows.last().map(|row| row.offset);
        Ok(Json(LogPage { lines: rows, next_after }).into_response())
    }
}

/// In which form the log is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Page,
    Download,
    Follow,
}

/// The first form among those that the client accepts; a page where it names none.
fn wanted(headers: &HeaderMap) -> Form {
    let accepts = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let form = |media_range: &str| match media_range.split(';').next().unwrap_or("").trim() {
        "application/json" => Some(Form::Page),
        "application/x-ndjson" => Some(Form::Download),
        "text/event-stream" => Some(Form::Follow),
        _ => None,
    };
    accepts.flat_map(|list| list.split(',')).find_map(form).unwrap_or(Form::Page)
}

/// Where a stream is to go on that was broken off.
fn last_event_id(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}
