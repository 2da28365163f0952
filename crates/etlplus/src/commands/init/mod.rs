//! `etlplus init DATAFILE`: a pipeline to start from.

mod yaml;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf, absolute};

use etlplus_core::{Failure, pipeline};
use etlplus_engine::infer;

use super::load;
use crate::cli::InitArgs;
use crate::exit::Exit;
use crate::output::style::{GOOD, HELP};
use crate::output::{self, printable};

/// Writes a pipeline for a data file.
pub(super) fn execute(arguments: &InitArgs) -> Result<Exit, Failure> {
    let data_file = &arguments.data_file;
    let inferred = infer(data_file)?;
    let folder = arguments.output_file.as_deref().map_or(Path::new(""), load::folder);
    let path = source_path(data_file, folder)?;
    let text = yaml::pipeline(data_file, &path, &inferred);
    ensure_valid(data_file, &text)?;
    match &arguments.output_file {
        None => output::data(&text)?,
        Some(file) => {
            write(file, &text, arguments.force)?;
            let file = printable(&file.display().to_string());
            output::talk(&format!(
                "{file}: {GOOD}written{GOOD:#}\n  {HELP}= help:{HELP:#} look it over, then try `etlplus preview {file}`"
            ));
        }
    }
    Ok(Exit::Done)
}

/// The path of `data_file` as a pipeline in `folder` says it: relative where the file is inside of the folder, so that
/// both can move together.
fn source_path(data_file: &Path, folder: &Path) -> Result<String, Failure> {
    let current = |error: std::io::Error| {
        Failure::transient("no_current_folder", format!("cannot tell the current folder: {error}"), "change to another")
    };
    // The current folder has no name of its own; `.` stands for it.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let (data_file, folder) = (absolute(data_file).map_err(current)?, absolute(folder).map_err(current)?);
    let inside = data_file.strip_prefix(&folder).map(Path::to_owned).unwrap_or(data_file);
    inside.to_str().filter(|path| !path.contains("${")).map(load::glob_escaped).ok_or_else(|| {
        Failure::user(
            "path_unwritable",
            format!("a pipeline cannot name the path {}", inside.display()),
            "rename the file: its path must be UTF-8 and hold no ${",
        )
    })
}

/// What the data file holds decides whether a pipeline can describe it: a column may have a name that none can have.
fn ensure_valid(data_file: &Path, text: &str) -> Result<(), Failure> {
    let Err(mistakes) = pipeline::parse(text) else { return Ok(()) };
    let first = mistakes.first().map(|mistake| format!("{}: {}", mistake.key, mistake.message)).unwrap_or_default();
    Err(Failure::user(
        "not_describable",
        format!("no pipeline can describe {}: {first}", data_file.display()),
        "change the header or the field names of the file",
    ))
}

fn write(file: &PathBuf, text: &str, may_replace: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).create_new(!may_replace);
    options.open(file).and_then(|mut opened| opened.write_all(text.as_bytes())).map_err(|error| {
        let shown = file.display();
        match error.kind() {
            ErrorKind::AlreadyExists => {
                Failure::user("file_exists", format!("{shown} is there already"), "choose another name, or add --force")
            }
            ErrorKind::NotFound => Failure::user(
                "folder_missing",
                format!("cannot write {shown}: no such folder"),
                "make the folder first",
            ),
            _ => Failure::user("file_unwritable", format!("cannot write {shown}: {error}"), "look at the path"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beside_or_below_the_pipeline_has_a_relative_path() {
        assert_eq!(source_path(Path::new("/a/b/c.csv"), Path::new("/a")), Ok("b/c.csv".to_owned()));
        assert_eq!(source_path(Path::new("/x/c.csv"), Path::new("/a")), Ok("/x/c.csv".to_owned()));
        assert_eq!(source_path(Path::new("data/c.csv"), Path::new("")), Ok("data/c.csv".to_owned()));
    }

    #[test]
    fn a_path_stands_for_itself_alone() {
        assert_eq!(load::glob_escaped("a[1]*?.csv"), "a[[]1[]][*][?].csv");
        assert!(source_path(Path::new("/a/${b}.csv"), Path::new("/a")).is_err());
    }
}
