//! When a reading that goes up and down is worth an alert.

use etlplus_core::ports::AlertStatus;

/// So many readings in a row decide. A single one is often a moment that means nothing.
const IN_A_ROW: u32 = 3;
/// An alert is resolved only when readings are below its threshold by so many points: one that moves about the threshold
/// would raise an alert with each move.
const MARGIN_POINTS: f64 = 5.0;

/// One resource, judged reading by reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judge {
    status: AlertStatus,
    /// Readings in a row that speak for the other status.
    against: u32,
}

impl Judge {
    /// A judge of a resource whose alert is `status` now.
    pub(crate) fn new(status: AlertStatus) -> Self {
        Self { status, against: 0 }
    }

    /// The alert's status.
    pub(crate) fn status(self) -> AlertStatus {
        self.status
    }

    /// What is to be said after `reading`, in percent as `threshold` is: the status that the alert has from now on, where
    /// that is another one. [`Judge::moved`] says that it was said.
    pub(crate) fn judge(&mut self, reading: f64, threshold: f64) -> Option<AlertStatus> {
        let (is_against, other) = match self.status {
            AlertStatus::Resolved => (reading >= threshold, AlertStatus::Firing),
            AlertStatus::Firing => (reading < (threshold - MARGIN_POINTS).max(threshold / 2.0), AlertStatus::Resolved),
        };
        self.against = if is_against { self.against.saturating_add(1) } else { 0 };
        (self.against >= IN_A_ROW).then_some(other)
    }

    /// The alert has another status from now on.
    pub(crate) fn moved(&mut self, status: AlertStatus) {
        *self = Self::new(status);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is said of `readings`, by the number of the reading.
    fn said(readings: &[f64], threshold: f64) -> Vec<(usize, AlertStatus)> {
        let mut judge = Judge::new(AlertStatus::Resolved);
        let mut said = Vec::new();
        for (number, reading) in readings.iter().enumerate() {
            if let Some(status) = judge.judge(*reading, threshold) {
                judge.moved(status);
                said.push((number, status));
            }
        }
        said
    }

    #[test]
    fn three_in_a_row_fire_and_three_well_below_resolve() {
        use AlertStatus::{Firing, Resolved};
        assert_eq!(said(&[95.0, 95.0, 10.0, 95.0, 95.0], 90.0), []);
        assert_eq!(said(&[90.0, 90.0, 90.0], 90.0), [(2, Firing)], "the threshold itself counts");
        let wavering = [95.0, 95.0, 95.0, 89.0, 89.0, 89.0, 95.0, 84.0, 84.0, 84.0];
        assert_eq!(said(&wavering, 90.0), [(2, Firing), (9, Resolved)], "89 is not well below 90");
        assert_eq!(said(&[2.0, 2.0, 2.0, 0.0, 0.0, 0.0], 1.0), [(2, Firing), (5, Resolved)], "small thresholds, too");
    }

    proptest! {
        #[test]
        fn what_is_said_alternates_and_begins_with_firing(
            readings in prop::collection::vec(0.0..=100.0f64, 0..200),
            threshold in 1.0..=100.0f64,
        ) {
            for (index, (_, status)) in said(&readings, threshold).into_iter().enumerate() {
                let expected = if index % 2 == 0 { AlertStatus::Firing } else { AlertStatus::Resolved };
                prop_assert_eq!(status, expected);
            }
        }
    }
}
