//! `checks`: what each row keeps across its columns. What the SQL says is the engine's to check.

use super::field::Section;
use super::{Check, names, transforms};
use crate::pipeline::{RowCheck, caps, keys};

const SQL_EXAMPLE: &str = "an expression over columns, such as paid_at >= ordered_at";

pub(super) fn read(check: &mut Check, top: &Section<'_>) -> Option<Vec<RowCheck>> {
    let Some(field) = top.get("checks") else { return Some(Vec::new()) };
    let example = "a map of names to SQL, such as paid_after_ordered: paid_at >= ordered_at";
    let entries = field.entries(check, caps::CHECKS_MAX, example)?;
    if entries.is_empty() {
        field.mistake(check, "has no check", "add one, or remove checks");
        return None;
    }
    let mut checks = Vec::with_capacity(entries.len());
    for (name, field) in entries {
        names::check_identifier(check, &field, "check", name);
        if keys::BUILT_IN_RULES.contains(&name) {
            let message = format!("{name} is the name of another rule in the reject file");
            check.mistake(field.key_position, &field.key, message, "use another name");
        }
        let position = field.key_position;
        let sql = transforms::sql(check, &field, SQL_EXAMPLE);
        checks.push(sql.map(|sql| RowCheck { name: name.to_owned(), sql, position }));
    }
    checks.into_iter().collect()
}
