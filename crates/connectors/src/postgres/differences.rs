//! Whether rows of a schema can be loaded into a table, and what the table would be that is made for them.

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use etlplus_core::Failure;
use etlplus_core::mistake::nearest;
use etlplus_core::pipeline::LoadMode;

use super::catalog::{self, Table, TableColumn};
use super::connect::Session;
use super::target::NAME_MAX_BYTES;
use super::types::PgType;
use super::{quoted, quoted_list};
use crate::target::{Misfit, TargetColumn};

/// The most columns of a table.
const COLUMNS_MAX: usize = 1600;

/// Why rows of `schema` can be written to no table named `table`, whatever is there.
pub(super) fn misfits(schema: &Schema, mode: &LoadMode, table: &str) -> Vec<Misfit> {
    let mut misfits: Vec<_> = schema.fields().iter().filter_map(|field| unfit_type(field)).collect();
    misfits.extend(
        unfit_name(table).map(|why| misfit(format!("the name of the table {table:?} {why}"), "name it otherwise")),
    );
    misfits.extend(schema.fields().iter().filter_map(|field| {
        let why = unfit_name(field.name())?;
        Some(misfit(format!("the name of the column {:?} {why}", field.name()), "name it otherwise with AS"))
    }));
    if schema.fields().len() > COLUMNS_MAX {
        let message = format!("the rows have {} columns, and a table has {COLUMNS_MAX} at most", schema.fields().len());
        misfits.push(misfit(message, "select fewer columns"));
    }
    if let LoadMode::Upsert { key } = mode {
        for name in key.iter().filter(|name| schema.field_with_name(name).is_err()) {
            let near = nearest(name, schema.fields().iter().map(|field| field.name().as_str()));
            let remedy =
                near.map_or("select it, or name another key".to_owned(), |near| format!("did you mean {near:?}?"));
            misfits.push(misfit(format!("the rows have no column {name:?}, which is of the key"), remedy));
        }
    }
    misfits
}

fn misfit(message: impl Into<String>, remedy: impl Into<String>) -> Misfit {
    Misfit { message: message.into(), remedy: remedy.into() }
}

fn unfit_type(field: &Field) -> Option<Misfit> {
    if PgType::for_field(field).is_some() {
        return None;
    }
    let remedy = match field.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, None) => {
            "PostgreSQL keeps microseconds: arrow_cast(x, 'Timestamp(Microsecond, None)') cuts the rest off"
        }
        DataType::Timestamp(TimeUnit::Nanosecond, Some(_)) => {
            "PostgreSQL keeps microseconds: arrow_cast(x, 'Timestamp(Microsecond, Some(\"UTC\"))') cuts the rest off"
        }
        DataType::Decimal256(..) => "cast it to a decimal of at most 38 digits in SQL",
        _ => "cast it to a type that PostgreSQL has, or leave it out",
    };
    Some(misfit(
        format!("the column {:?} is {}, which PostgreSQL cannot hold without loss", field.name(), field.data_type()),
        remedy,
    ))
}

fn unfit_name(name: &str) -> Option<String> {
    Some(match name {
        "" => "is empty".to_owned(),
        _ if name.contains('\0') => "has the character NUL".to_owned(),
        _ if name.len() > NAME_MAX_BYTES => format!("has {} bytes, and PostgreSQL keeps {NAME_MAX_BYTES}", name.len()),
        _ => return None,
    })
}

/// Why rows of `schema` cannot be written to `table`, which is there.
pub(super) async fn differences(
    session: &mut Session,
    schema: &Schema,
    table: &Table,
    mode: &LoadMode,
) -> Result<Vec<Misfit>, Failure> {
    if !matches!(table.kind.as_str(), "r" | "p") {
        return Ok(vec![misfit("what has the name of the target is no table", "name a table")]);
    }
    let mut misfits: Vec<_> = schema.fields().iter().filter_map(|field| difference(field, table)).collect();
    let is_given = |column: &TableColumn| schema.field_with_name(&column.name).is_ok();
    let must = |column: &&TableColumn| !is_given(column) && !column.is_nullable && !column.has_default;
    misfits.extend(table.columns.iter().filter(must).map(|column| {
        let message = format!(
            "the rows have no column {:?}, which the table needs: it takes no null and has no default",
            column.name
        );
        misfit(message, "select it, or give the table's column a default")
    }));
    match mode {
        LoadMode::Upsert { key } if !catalog::has_unique_index(session, table.oid, key).await? => {
            let columns = quoted_list(key.iter().map(String::as_str));
            let message = format!("no unique index of the table is over its key ({columns})");
            misfits.push(misfit(message, format!("make one: CREATE UNIQUE INDEX ON ... ({columns})")));
        }
        LoadMode::Replace => {
            misfits.extend(catalog::keys_that_follow(session, table.oid).await?.into_iter().map(|key| {
                let message = format!("to replace the rows would change other tables, by the foreign key {key}");
                misfit(message, "use the mode upsert, or a foreign key without ON DELETE")
            }))
        }
        LoadMode::Append | LoadMode::Upsert { .. } => {}
    }
    Ok(misfits)
}

fn difference(field: &Field, table: &Table) -> Option<Misfit> {
    let name = field.name();
    let Some(column) = table.column(name) else {
        let near = nearest(name, table.columns.iter().map(|column| column.name.as_str()));
        let remedy = match near {
            Some(near) => format!("did you mean {near:?}? Case counts"),
            None => "leave it out, or add it to the table".to_owned(),
        };
        return Some(misfit(format!("the table has no column {name:?}"), remedy));
    };
    if column.is_generated {
        let message = format!("the table computes its column {name:?} itself");
        return Some(misfit(message, "leave it out"));
    }
    let from = PgType::for_field(field)?;
    if column.ty.holds(from) {
        return None;
    }
    let message = format!(
        "the column {name:?} of the rows is {}, and of the table {}, which does not hold each such value",
        from.sql(),
        column.type_name
    );
    Some(misfit(message, "declare or cast it to the table's type, or change the table"))
}

/// The columns of a table made for rows of `schema`.
pub(super) fn new_columns(schema: &Schema, mode: &LoadMode) -> Vec<TargetColumn> {
    let is_key = |name: &str| matches!(mode, LoadMode::Upsert { key } if key.iter().any(|key| key == name));
    let column = |field: &Field| TargetColumn {
        name: field.name().clone(),
        type_name: PgType::for_field(field).map_or_else(|| field.data_type().to_string(), PgType::sql),
        is_nullable: !is_key(field.name()),
        has_default: false,
    };
    schema.fields().iter().map(|field| column(field)).collect()
}

/// The same, as SQL has them between the brackets.
pub(super) fn definition(schema: &Schema, mode: &LoadMode) -> Result<String, Failure> {
    let mut parts = Vec::with_capacity(schema.fields().len() + 1);
    for field in schema.fields() {
        let ty = PgType::for_field(field).ok_or_else(|| Failure::bug(format!("{:?} has no type", field.name())))?;
        parts.push(format!("{} {}", quoted(field.name()), ty.sql()));
    }
    if let LoadMode::Upsert { key } = mode {
        parts.push(format!("PRIMARY KEY ({})", quoted_list(key.iter().map(String::as_str))));
    }
    Ok(parts.join(", "))
}
