//! The settings that a server starts with: a file, the environment, the command line.

use std::path::{Path, PathBuf};

use etlplus_core::mistake::Position;
use etlplus_core::settings::{self, Checked, Format, Layer, Layers, Settled};
use etlplus_core::{Failure, Mistake};

use super::settings::level_mistake;
use crate::commands::load::TextFile;
use crate::output;

/// Names the settings file where `--config` does not.
const FILE_VARIABLE: &str = "ETLPLUS_CONFIG";
/// Short for the variable of `log.level`.
const LEVEL_SHORT: &str = "ETLPLUS_LOG";
const LEVEL_VARIABLE: &str = "ETLPLUS_LOG__LEVEL";

/// The settings file: the one that is `given`, or else the one that the environment names.
pub(crate) fn settings_file(given: Option<&Path>) -> Option<PathBuf> {
    given.map(Path::to_owned).or_else(|| std::env::var_os(FILE_VARIABLE).map(PathBuf::from))
}

/// Everything that was said before the server starts, checked: the settings file, the environment and `pairs` of the
/// command line, each over the one before. `None` where there are mistakes, which stderr then shows.
///
/// # Errors
/// Where the file cannot be read.
pub(crate) fn gather(file: Option<&Path>, pairs: &[(&str, String)]) -> Result<Option<(Layers, Settled)>, Failure> {
    let mut sources = Sources::default();
    if let Some(path) = file {
        sources.read_file(path)?;
    }
    sources.layers.environment = sources.take(settings::environment(variables()));
    let pairs = pairs.iter().map(|(key, text)| (*key, text.as_str()));
    sources.layers.flags = sources.take(settings::flags(pairs));
    Ok(sources.settle())
}

/// The environment, where each variable is text.
fn variables() -> Vec<(String, String)> {
    let is_level = |(name, _): &(String, String)| name == LEVEL_VARIABLE;
    let mut variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let short = std::env::var(LEVEL_SHORT).ok();
    if let Some(level) = short.filter(|_| !variables.iter().any(is_level)) {
        variables.push((LEVEL_VARIABLE.to_owned(), level));
    }
    variables
}

#[derive(Default)]
struct Sources {
    layers: Layers,
    file: Option<TextFile>,
    /// Those of the file.
    in_file: Vec<Mistake>,
    /// Those of the other sources, which have no place.
    mistakes: Vec<Mistake>,
}

impl Sources {
    fn read_file(&mut self, path: &Path) -> Result<(), Failure> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let format = Format::of_extension(extension).ok_or_else(|| {
            let message = format!("{} does not say by its name what it is", path.display());
            Failure::user("settings_format", message, "name it .yaml, .json or .toml")
        })?;
        let file = TextFile::read(path, "settings file")?;
        let Checked { made, mistakes } = settings::read(&file.text, format);
        self.layers.file = Some((path.to_owned(), made));
        self.in_file = mistakes;
        self.file = Some(file);
        Ok(())
    }

    /// What was read, with its mistakes put to the others.
    fn take(&mut self, read: Checked<Layer>) -> Layer {
        self.mistakes.extend(read.mistakes);
        read.made
    }

    /// What holds; `None` where anything is wrong, all of which was told.
    fn settle(mut self) -> Option<(Layers, Settled)> {
        // What shows only when all layers are seen together stands in the file or has the place 1:1.
        let has_place = |mistake: &Mistake| mistake.position != Position::START;
        match self.layers.settle() {
            Ok(settled) => {
                self.mistakes.extend(level_mistake(&settled.settings));
                if self.in_file.is_empty() && self.mistakes.is_empty() {
                    return Some((self.layers, settled));
                }
            }
            Err(found) => {
                let (placed, others): (Vec<_>, Vec<_>) = found.into_iter().partition(has_place);
                self.in_file.extend(placed);
                self.mistakes.extend(others);
            }
        }
        self.in_file.sort_by_key(|mistake| mistake.position);
        if let Some(file) = self.file.filter(|_| !self.in_file.is_empty()) {
            file.report_without(&self.in_file, &settings::secret_lines(&file.text, &self.in_file));
        }
        tell(&self.mistakes);
        None
    }
}

/// Tells mistakes that have no place in a file.
pub(super) fn tell(mistakes: &[Mistake]) {
    for mistake in mistakes {
        output::error(&Failure::user(
            "settings_invalid",
            format!("{}: {}", mistake.key, mistake.message),
            mistake.remedy.clone(),
        ));
    }
}

/// The settings that were changed while an earlier server ran.
///
/// # Errors
/// Every mistake in them: a later release may know less, or more, than the one that wrote them.
pub(super) fn changed(overlay: &str) -> Result<Layer, Vec<Mistake>> {
    settings::read(overlay, Format::Json).whole()
}
