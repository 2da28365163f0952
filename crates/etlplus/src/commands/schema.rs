//! `etlplus schema`: the JSON Schema of pipeline files.

use etlplus_core::{Failure, pipeline};

use crate::exit::Exit;
use crate::output;

/// Prints the schema.
pub(super) fn execute() -> Result<Exit, Failure> {
    output::data(&format!("{:#}\n", pipeline::json_schema()))?;
    Ok(Exit::Done)
}
