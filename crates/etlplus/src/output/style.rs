//! The few styles that the program uses.

use anstyle::{AnsiColor, Style};

/// The word `error`, and what failed.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// What went well.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What wants a look, and is no error.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// Remedies.
pub(crate) const HELP: Style = AnsiColor::Cyan.on_default();
/// Headings and names.
pub(crate) const STRONG: Style = Style::new().bold();
/// What matters less: frames, types, "no value".
pub(crate) const FAINT: Style = Style::new().dimmed();
