//! Which column a key means.

use std::borrow::Cow;
use std::collections::HashMap;

use etlplus_core::pipeline::ExtraFields;

use super::scan::Scanner;

/// The names of the declared columns, as keys.
pub(super) struct Names {
    /// Each name in quotes, as nearly every writer writes it; `None` for one that cannot be written without an escape.
    quoted: Vec<Option<Quoted>>,
    positions: HashMap<Vec<u8>, usize>,
    extra_fields: ExtraFields,
}

impl Names {
    /// Of columns with these names, in their order.
    pub(super) fn new(names: &[&str], extra_fields: ExtraFields) -> Self {
        Self {
            quoted: names.iter().map(|name| Quoted::new(name)).collect(),
            positions: names.iter().enumerate().map(|(index, name)| (name.as_bytes().to_vec(), index)).collect(),
            extra_fields,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.quoted.len()
    }

    /// The column of this name.
    pub(super) fn position(&self, name: &[u8]) -> Option<usize> {
        self.positions.get(name).copied()
    }

    /// Whether an object may have fields that no column declares.
    pub(super) fn takes_extra_fields(&self) -> bool {
        self.extra_fields == ExtraFields::Ignore
    }
}

/// A name in its quotes.
pub(super) struct Quoted {
    bytes: Vec<u8>,
    /// The first bytes as one number, and which of its bits they are: one comparison tells most names.
    word: u128,
    mask: u128,
}

impl Quoted {
    fn new(name: &str) -> Option<Self> {
        let is_plain = !name.contains(|c| matches!(c, '"' | '\\' | '\0'..='\x1F'));
        is_plain.then(|| {
            let bytes = format!("\"{name}\"").into_bytes();
            let mut word = [0; 16];
            let known = bytes.len().min(word.len());
            word[..known].copy_from_slice(&bytes[..known]);
            let mask = u128::MAX >> (u128::BITS - 8 * known as u32);
            Self { bytes, word: u128::from_le_bytes(word), mask }
        })
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether `text` begins with it.
    #[inline]
    pub(super) fn begins(&self, text: &[u8]) -> bool {
        match text.first_chunk() {
            Some(word) => {
                (u128::from_le_bytes(*word) ^ self.word) & self.mask == 0
                    && (self.bytes.len() <= size_of::<u128>() || text.starts_with(&self.bytes))
            }
            None => text.starts_with(&self.bytes),
        }
    }
}

/// Reads keys, guessing each from what followed the last one in the records before, since objects of one file mostly have
/// their keys in one order.
pub(super) struct Keys<'a> {
    names: &'a Names,
    /// The column that followed each column, from the place 1, and the one that began the object, at 0.
    followers: Vec<usize>,
    /// The place in `followers` of the last key that is a column.
    last: usize,
}

impl<'a> Keys<'a> {
    /// At first the guess is the order in which the columns are declared.
    pub(super) fn new(names: &'a Names) -> Self {
        let columns = names.quoted.len();
        Self { names, followers: (0..=columns).map(|place| place.min(columns.saturating_sub(1))).collect(), last: 0 }
    }

    /// Begins an object.
    pub(super) fn start(&mut self) {
        self.last = 0;
    }

    /// Reads a key. `Some(None)` for one that no column declares, where that is allowed; `None` for one that must not be.
    #[inline]
    pub(super) fn read(&mut self, scanner: &mut Scanner<'_>) -> Option<Option<usize>> {
        let guess = self.followers[self.last];
        if let Some(Some(name)) = self.names.quoted.get(guess)
            && scanner.take(name)
        {
            self.last = guess + 1;
            return Some(Some(guess));
        }
        self.look_up(scanner)
    }

    fn look_up(&mut self, scanner: &mut Scanner<'_>) -> Option<Option<usize>> {
        let (quoted, has_escape) = scanner.quoted()?;
        let name: Cow<'_, [u8]> = if has_escape {
            serde_json::from_slice::<String>(quoted).ok()?.into_bytes().into()
        } else {
            (&quoted[1..quoted.len() - 1]).into()
        };
        match self.names.position(&name) {
            Some(column) => {
                self.followers[self.last] = column;
                self.last = column + 1;
                Some(Some(column))
            }
            None => self.names.takes_extra_fields().then_some(None),
        }
    }
}
