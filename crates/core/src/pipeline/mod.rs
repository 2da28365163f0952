//! A pipeline: the definition that jobs are made from, read from a YAML or JSON file and fully checked.

mod caps;
mod cases;
mod check;
mod job_spec;
mod json_schema;
mod keys;
mod model;
mod replay;
mod schedule;

use crate::mistake::{Mistake, Position};
use crate::tree;

pub use encoding_rs::UTF_8;

pub use cases::{BrokenAt, Case, JsonRow, parse_cases};
pub use job_spec::{ArgumentError, JobSpec};
pub use json_schema::json_schema;
pub use model::*;
pub use schedule::{CatchUp, Overlap, Schedule};

/// Reads a pipeline file: YAML 1.2, of which JSON is a part.
///
/// # Errors
/// Every mistake that can be seen in the file alone, in the order of their places; never an empty list. What needs the
/// files that it names, or an understanding of SQL, is for [`crate::ports::Executor::check`].
pub fn parse(text: &str) -> Result<Pipeline, Vec<Mistake>> {
    let (tree, mistakes) = read_file(text, "start with name: and source:");
    let mut check = check::Check::new(mistakes);
    let pipeline = tree.and_then(|root| check::pipeline(&mut check, &root));
    check.finish(pipeline)
}

/// The file as a tree, or else at least one mistake; `remedy` is what to do where it is empty.
fn read_file(text: &str, remedy: &str) -> tree::Read {
    let (root, mut mistakes) = tree::read_yaml(text);
    if root.is_none() && mistakes.is_empty() {
        let (key, message, remedy) = (String::new(), "the file is empty".to_owned(), remedy.to_owned());
        mistakes.push(Mistake { position: Position::START, key, message, remedy });
    }
    (root, mistakes)
}
