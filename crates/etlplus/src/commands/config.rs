//! `etlplus config check`: every mistake of a settings file at once, without starting anything.

use std::path::Path;

use etlplus_core::Failure;

use crate::exit::Exit;
use crate::output::printable;
use crate::output::style::GOOD;
use crate::{output, server};

/// Checks the settings file that is `given`, or else the one that `etlplus serve` would read, with the environment over it.
pub(crate) fn check(given: Option<&Path>) -> Result<Exit, Failure> {
    let file = server::settings_file(given);
    if server::gather(file.as_deref(), &[])?.is_none() {
        return Ok(Exit::Error);
    }
    let what = file.map_or_else(|| "the environment".to_owned(), |path| printable(&path.display().to_string()));
    output::data(&format!("{what}: {GOOD}no mistakes{GOOD:#}\n"))?;
    Ok(Exit::Done)
}
