//! Folders named `column=value`, as Hive, Spark and DuckDB name them.

use std::fmt::Write;

use etlplus_core::Failure;

/// What stands for "no value".
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";
/// The longest name that file systems take, in bytes.
const NAME_MAX_BYTES: usize = 255;

/// The name of the folder of rows whose `column` has `value`.
///
/// # Errors
/// Where the name would be too long for a file system.
pub(super) fn folder_name(column: &str, value: Option<&str>) -> Result<String, Failure> {
    let value = match value {
        None => NULL.to_owned(),
        // A text that reads like "no value" must not become it.
        Some(NULL) => format!("%5F{}", &NULL[1..]),
        Some(value) => escaped(value),
    };
    let mut column = escaped(column);
    if column.starts_with('.') {
        // Readers pass over names that begin with a dot.
        column.replace_range(..1, "%2E");
    }
    let name = format!("{column}={value}");
    if name.len() > NAME_MAX_BYTES {
        return Err(Failure::data(
            "partition_name_too_long",
            format!("a folder for {name:.60}... would have a name of {} bytes", name.len()),
            "partition by a column with shorter values",
        ));
    }
    Ok(name)
}

/// The column and the value that a folder's name says; `None` where it says none. The value itself is `None` for "no value".
pub(crate) fn column_and_value(name: &str) -> Option<(String, Option<String>)> {
    let (column, value) = name.split_once('=')?;
    let column = unescaped(column)?;
    let value = if value == NULL { None } else { Some(unescaped(value)?) };
    (!column.is_empty()).then_some((column, value))
}

/// The text with what cannot stand in a name, or would be read as something else, as `%` and two digits: the characters that
/// Hive and Spark write so.
fn escaped(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for character in text.chars() {
        let is_special =
            matches!(character, '"' | '#' | '%' | '\'' | '*' | '/' | ':' | '=' | '?' | '\\' | '{' | '[' | ']' | '^');
        if is_special || character.is_ascii_control() {
            // Writing to a text cannot fail.
            let _ = write!(name, "%{:02X}", u32::from(character));
        } else {
            name.push(character);
        }
    }
    name
}

/// The text of a name; `None` where that is no UTF-8. A `%` without two digits stands for itself.
fn unescaped(name: &str) -> Option<String> {
    let bytes = name.as_bytes();
    let mut text = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = name.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                text.push(byte);
                at += 3;
            }
            None => {
                text.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(text).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_special_is_written_as_hive_writes_it() {
        let name = |value| folder_name("a", value).unwrap();
        assert_eq!(name(Some("2024-01-01T10:00:00")), "a=2024-01-01T10%3A00%3A00");
        assert_eq!(name(Some("x/../y")), "a=x%2F..%2Fy");
        assert_eq!(name(Some("Zürich 8")), "a=Zürich 8");
        assert_eq!(name(Some("")), "a=");
        assert_eq!(name(None), "a=__HIVE_DEFAULT_PARTITION__");
        assert_ne!(name(Some("__HIVE_DEFAULT_PARTITION__")), name(None));
        assert_eq!(folder_name(".a", Some("1")).unwrap(), "%2Ea=1");
        assert_eq!(folder_name("a", Some(&"x".repeat(300))).unwrap_err().code, "partition_name_too_long");
    }

    proptest! {
        #[test]
        fn a_name_is_read_back(column in "\\PC{1,20}", value in prop::option::of("[\\x00-\\x7fä%=/]{0,20}")) {
            let name = folder_name(&column, value.as_deref()).unwrap();
            prop_assert!(!name.contains('/') && !name.contains('\0') && !name.starts_with('.'));
            prop_assert_eq!(column_and_value(&name), Some((column, value)));
        }
    }
}
