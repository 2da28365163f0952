//! Which lines of a log are asked for, by the parameters of the address.

use chrono::{DateTime, Utc};
use etlplus_core::LogLevel;
use etlplus_core::ids::AttemptNumber;
use etlplus_core::log::LogPattern;

use crate::problem::item;
use crate::query::Parameters;

/// The longest step that is asked for, in bytes.
const STEP_MAX_BYTES: usize = 256;

/// What lines have to be. `None` leaves nothing out.
#[derive(Debug, Clone)]
pub(super) struct LogFilter {
    pub(super) min_level: LogLevel,
    pub(super) attempt: Option<AttemptNumber>,
    pub(super) step: Option<String>,
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) until: Option<DateTime<Utc>>,
    pub(super) pattern: Option<LogPattern>,
}

impl LogFilter {
    /// Takes its parameters, and notes what is wrong with them.
    pub(super) fn take(parameters: &mut Parameters) -> Self {
        let time = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
        let time_remedy = "give a time such as 2026-01-31T12:00:00Z";
        let attempt = |text: &str| AttemptNumber::from_number(text.parse().ok()?);
        let step = |text: &str| (1..=STEP_MAX_BYTES).contains(&text.len()).then(|| text.to_owned());
        let filter = Self {
            min_level: parameters
                .one("level", "give DEBUG, INFO, WARN or ERROR", |text| text.parse().ok())
                .unwrap_or(LogLevel::Debug),
            attempt: parameters.one("attempt", "give the number of an attempt, from 1", attempt),
            step: parameters.one("step", "give a step such as stream", step),
            since: parameters.one("since", time_remedy, time),
            until: parameters.one("until", time_remedy, time),
            pattern: parameters.parsed("q", "give a text of 1 to 1,000 bytes", LogPattern::text),
        };
        let regex =
            parameters.parsed("regex", "give a regular expression as the crate regex takes it", LogPattern::regex);
        if filter.pattern.is_some() && regex.is_some() {
            parameters.fault(item("regex", "comes beside q", "give a text or an expression"));
        }
        Self { pattern: filter.pattern.or(regex), ..filter }
    }

    /// Whether it leaves lines out by more than their level, so that the log has to be searched.
    pub(super) fn is_search(&self) -> bool {
        let Self { min_level: _, attempt, step, since, until, pattern } = self;
        attempt.is_some() || step.is_some() || since.is_some() || until.is_some() || pattern.is_some()
    }
}
