//! Parameters of an address, each checked, every fault named.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::Query;
use axum::http::{StatusCode, Uri};
use etlplus_api::ProblemItem;

use crate::problem::{Refusal, item};

/// Names and values in the order of the address.
pub(crate) fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Refusal> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
    pairs.map(|Query(pairs)| pairs).map_err(|_| {
        let remedy = "encode names and values as a form does";
        Refusal::new(StatusCode::BAD_REQUEST, "bad_query", "the address's parameters cannot be read", remedy)
    })
}

/// The parameters of a request, which are taken one after the other; what is left is unknown.
#[derive(Debug)]
pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
    errors: Vec<ProblemItem>,
    known: Vec<&'static str>,
}

impl Parameters {
    pub(crate) fn of(uri: &Uri) -> Result<Self, Refusal> {
        Ok(Self { pairs: pairs(uri)?, errors: Vec::new(), known: Vec::new() })
    }

    /// The values of a parameter that may be repeated, or hold several with commas between.
    pub(crate) fn list<T>(&mut self, name: &'static str, remedy: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let texts = self.take(name);
        let words = texts.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|word| !word.is_empty());
        let mut values = Vec::new();
        for word in words {
            match read(word) {
                Some(value) => values.push(value),
                None => self.errors.push(not_taken(name, word, remedy)),
            }
        }
        values
    }

    /// The value of a parameter that is given at most once.
    pub(crate) fn one<T>(&mut self, name: &'static str, remedy: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let texts = self.take(name);
        match texts.as_slice() {
            [] => None,
            [text] => {
                let value = read(text);
                if value.is_none() {
                    self.errors.push(not_taken(name, text, remedy));
                }
                value
            }
            _ => {
                self.errors.push(item(name, "is given more than once", "give it once"));
                None
            }
        }
    }

    /// The value of a parameter that is given at most once. An error says what is wrong with it.
    pub(crate) fn parsed<T, E: Display>(
        &mut self,
        name: &'static str,
        remedy: &str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let mut reason = None;
        let note = |error: E| reason = Some(error.to_string());
        let texts = self.take(name);
        match texts.as_slice() {
            [] => None,
            [text] => {
                let value = read(text).map_err(note).ok();
                self.errors.extend(reason.map(|reason| item(name, reason, remedy)));
                value
            }
            _ => {
                self.errors.push(item(name, "is given more than once", "give it once"));
                None
            }
        }
    }

    /// Something that is wrong with parameters that were taken.
    pub(crate) fn fault(&mut self, fault: ProblemItem) {
        self.errors.push(fault);
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn number<T: FromStr + PartialOrd + Display>(
        &mut self,
        name: &'static str,
        least: T,
        most: T,
    ) -> Option<T> {
        let remedy = format!("give a whole number from {least} to {most}");
        self.one(name, &remedy, |text| text.parse().ok().filter(|number| *number >= least && *number <= most))
    }

    /// Nothing more is known.
    ///
    /// # Errors
    /// Where any parameter was wrong or is unknown, each with its name.
    pub(crate) fn finish(mut self) -> Result<(), Refusal> {
        let known = if self.known.is_empty() { "none".to_owned() } else { self.known.join(", ") };
        for (name, _) in std::mem::take(&mut self.pairs) {
            self.errors.push(item(shown(&name), "is no parameter here", format!("there are: {known}")));
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Refusal::bad_parameters(self.errors)) }
    }

    fn take(&mut self, name: &'static str) -> Vec<String> {
        self.known.push(name);
        let (taken, left) = std::mem::take(&mut self.pairs).into_iter().partition(|(key, _)| key == name);
        self.pairs = left;
        taken.into_iter().map(|(_, value)| value).collect()
    }
}

fn not_taken(name: &str, text: &str, remedy: &str) -> ProblemItem {
    item(name, format!("does not take {:?}", shown(text)), remedy)
}

/// The beginning of a text that a client sent.
fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}
