//! What a running job does, on stderr: a bar for a person at a terminal, a plain line now and then for a log file.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use etlplus_core::Progress;
use etlplus_core::ports::Control;
use etlplus_core::progress::{RateMeter, grouped};
use indicatif::{ProgressBar, ProgressStyle};

use super::{stderr_is_terminal, talk, units};
use crate::usage::Meter;

/// Ten readings a second look alive and cost nothing.
const READING_INTERVAL: Duration = Duration::from_millis(100);
/// A log file wants to know that the job lives, and not to be filled.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Steps of the bar: tenths of a per cent.
const BAR_STEPS: u64 = 1_000;

/// Shows the readings of `control` until the sender behind `ended` is gone.
pub(crate) fn show(name: &str, control: &Control, meter: &Meter, ended: &Receiver<()>) {
    let mut rates = RateMeter::default();
    let mut read = || {
        let (at, progress) = (meter.elapsed(), control.counters.read());
        rates.observe(at, progress);
        (progress, details(&progress, &rates, control.is_cancelled()))
    };
    if !stderr_is_terminal() {
        talk(&format!("{name}: started"));
        while ended.recv_timeout(LINE_INTERVAL) == Err(RecvTimeoutError::Timeout) {
            talk(&format!("{name}: {}", read().1));
        }
        return;
    }
    let bar = ProgressBar::new(BAR_STEPS);
    while ended.recv_timeout(READING_INTERVAL) == Err(RecvTimeoutError::Timeout) {
        let (progress, details) = read();
        draw(&bar, name, &progress, details);
    }
    bar.finish_and_clear();
}

fn draw(bar: &ProgressBar, name: &str, progress: &Progress, details: String) {
    // How far a sort has come nobody knows, so the bar gives way to a sign of life.
    let template = match progress.percent() {
        Some(_) => "{prefix} {bar:24} {msg}",
        None => "{prefix} {spinner} {msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.set_prefix(name.to_owned());
    bar.set_message(details);
    bar.set_position(progress.percent().map_or(0, |percent| (percent / 100.0 * BAR_STEPS as f64) as u64));
    bar.tick();
}

/// `Extract: 4,500 rows, 12.3 %, 90,000 rows/s, 17 rejected, 12.3 s left`, with what can honestly be said.
fn details(progress: &Progress, rates: &RateMeter, is_cancelled: bool) -> String {
    let mut parts = vec![progress.current_step()];
    parts.extend(progress.percent().map(units::percent));
    parts.extend(rates.rows_per_second().filter(|rate| *rate > 0.0).map(units::rate));
    if progress.records_failed > 0 {
        parts.push(format!("{} rejected", grouped(progress.records_failed)));
    }
    parts.extend(rates.eta().map(|eta| format!("{} left", units::duration(eta))));
    if is_cancelled {
        parts.push("cancelling".to_owned());
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use etlplus_core::progress::{Counters, Stage};

    use super::*;

    #[test]
    fn only_what_is_known_is_said() {
        let counters = Counters::default();
        let mut rates = RateMeter::default();
        rates.observe(Duration::ZERO, counters.read());
        assert_eq!(details(&counters.read(), &rates, false), "Prepare");

        counters.enter(Stage::Stream);
        Counters::add(&counters.bytes_total, 4_000);
        Counters::add(&counters.bytes_read, 1_000);
        Counters::add(&counters.records_successful, 983);
        Counters::add(&counters.records_failed, 17);
        rates.observe(Duration::from_secs(1), counters.read());
        let expected = "Extract: 1,000 rows, 25.0 %, 1,000 rows/s, 17 rejected, 3.00 s left";
        assert_eq!(details(&counters.read(), &rates, false), expected);

        counters.enter(Stage::Finish);
        rates.observe(Duration::from_secs(2), counters.read());
        let shown = details(&counters.read(), &rates, true);
        assert!(shown.starts_with("Transform: 983 rows") && shown.ends_with("17 rejected, cancelling"), "{shown}");
    }
}
