//! The settings that a server starts with: a file, the environment, the command line.

use std::path::{Path, PathBuf};

use etlplus_core::settings::{self, Format, Layer, Layers, Settled};
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
    sources.take(|sources| settings::environment(variables()).map(|layer| sources.layers.environment = layer));
    let pairs = pairs.iter().map(|(key, text)| (*key, text.as_str()));
    sources.take(|sources| settings::flags(pairs).map(|layer| sources.layers.flags = layer));
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
        match settings::read(&file.text, format) {
            Ok(layer) => self.layers.file = Some((path.to_owned(), layer)),
            Err(found) => file.report(&found),
        }
        // A file with mistakes leaves no layer, which tells that there were some.
        self.file = Some(file);
        Ok(())
    }

    fn take(&mut self, read: impl FnOnce(&mut Self) -> Result<(), Vec<Mistake>>) {
        if let Err(found) = read(self) {
            self.mistakes.extend(found);
        }
    }

    /// What holds; `None` where anything is wrong, all of which was told.
    fn settle(mut self) -> Option<(Layers, Settled)> {
        let is_file_wrong = self.file.is_some() && self.layers.file.is_none();
        if is_file_wrong || !self.mistakes.is_empty() {
            tell(&self.mistakes);
            return None;
        }
        match self.layers.settle() {
            Ok(settled) => match level_mistake(&settled.settings) {
                None => return Some((self.layers, settled)),
                Some(mistake) => self.mistakes.push(mistake),
            },
            Err(found) => self.mistakes.extend(found),
        }
        self.tell_all();
        None
    }

    /// Mistakes that show only when all layers are seen together stand in the file or nowhere.
    fn tell_all(&self) {
        let in_file = |mistake: &&Mistake| self.has_place(mistake);
        let (placed, others): (Vec<_>, Vec<_>) = self.mistakes.iter().partition(in_file);
        if let Some(file) = self.file.as_ref().filter(|_| !placed.is_empty()) {
            file.report(&placed.into_iter().cloned().collect::<Vec<_>>());
        }
        tell(&others.into_iter().cloned().collect::<Vec<_>>());
    }

    /// Whether the file says the key that `mistake` is about; what came from elsewhere has the place 1:1.
    fn has_place(&self, mistake: &Mistake) -> bool {
        self.file.is_some() && mistake.position != etlplus_core::Position::START
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
    settings::read(overlay, Format::Json)
}
