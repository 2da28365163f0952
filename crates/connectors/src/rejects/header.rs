//! Long headers, which a reject file has once for the rows that follow each other.

use std::sync::Arc;

use etlplus_core::Reject;

/// A header up to this length stands in each reject. With a longer one, a source of short rows would become a file of headers
/// hundreds of times its size.
const REPEATED_MAX_BYTES: usize = 256;

/// The long header of the reject before, and the file that it is of.
#[derive(Default)]
pub(super) struct LastHeader {
    last: Option<(String, Arc<str>)>,
}

impl LastHeader {
    /// The reject as it is to be written, where that is without its header: it is long, and the reject before has it.
    pub(super) fn shortened(&mut self, reject: &Reject) -> Option<Reject> {
        let is_last = self.is_of(reject, |last| reject.header.as_deref() == Some(last));
        if !is_last {
            self.remember(reject);
        }
        is_last.then(|| Reject { header: None, ..reject.clone() })
    }

    /// Gives a reject that was read its header back.
    pub(super) fn restore(&mut self, reject: &mut Reject) {
        if reject.header.is_some() {
            self.remember(reject);
        } else if self.is_of(reject, |_| true) {
            reject.header = self.last.as_ref().map(|(_, header)| header.clone());
        }
    }

    fn is_of(&self, reject: &Reject, is_it: impl Fn(&str) -> bool) -> bool {
        self.last.as_ref().is_some_and(|(file, header)| *file == reject.file && is_it(header))
    }

    fn remember(&mut self, reject: &Reject) {
        let header = reject.header.as_ref().filter(|header| header.len() > REPEATED_MAX_BYTES);
        self.last = header.map(|header| (reject.file.clone(), header.clone()));
    }
}
