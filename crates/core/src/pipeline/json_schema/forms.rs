//! Regular expressions of the short forms, in the part of the language that ECMAScript and Rust have in common.

use crate::value::Type;

const QUOTED: &str = r#"'([^']|'')*'|"([^"]|"")*""#;
const WORD: &str = r#"[^\s,()'"]+"#;
/// An unquoted bound, which never begins as an operator does: `>=` is no `>` with the bound `=`.
const BOUND: &str = r#"[^\s,()'"<>=!][^\s,()'"]*"#;

/// A type, without anchors.
pub(super) fn type_pattern() -> String {
    let names: Vec<&str> = Type::NAMES
        .into_iter()
        .map(|name| if name == "decimal" { r"decimal\(\s*\d+\s*,\s*\d+\s*\)" } else { name })
        .collect();
    format!("({})", names.join("|"))
}

/// `TYPE` or `TYPE = DEFAULT`
pub(super) fn parameter_pattern() -> String {
    format!(r"^\s*{}\s*(=[\s\S]*)?$", type_pattern())
}

/// `TYPE rule rule`
pub(super) fn column_pattern() -> String {
    let value = format!("({QUOTED}|{WORD})");
    let rules = [
        "required".to_owned(),
        "unique".to_owned(),
        format!(r"[<>]=?\s*({QUOTED}|{BOUND})"),
        r"length\(\s*\d*(\.\.\d*)?\s*\)".to_owned(),
        format!(r"pattern\(\s*({QUOTED})\s*\)"),
        format!(r"one_of\(\s*{value}(\s*,\s*{value})*\s*\)"),
        format!(r"references\s*{value}"),
    ];
    format!(r"^\s*{}(\s+({}))*\s*$", type_pattern(), rules.join("|"))
}

/// `8MiB`
pub(super) const SIZE_PATTERN: &str = "^[0-9]+ ?(B|KB|MB|GB|KiB|MiB|GiB)?$";

/// `25m`
pub(super) const DURATION_PATTERN: &str = "^[0-9]+ ?(ms|s|m|h|d)$";
