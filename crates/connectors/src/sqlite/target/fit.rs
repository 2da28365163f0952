//! Whether rows fit a table, and each value its column without loss.

use arrow::datatypes::{DataType, Field, Schema};
use etlplus_core::Failure;
use etlplus_core::mistake::nearest;
use etlplus_core::pipeline::{LoadMode, TableName};
use sqlx::Row;

use super::create::Storage;
use super::notes;
use crate::sqlite::database::{Database, arguments};
use crate::sqlite::table::{Affinity, Table, TableColumn, TableKind};
use crate::target::Misfit;

/// Digits that SQLite keeps of a number that it reads from a text.
const REAL_DIGITS: u8 = 15;

/// Why rows of `schema` cannot be stored, whatever is there.
pub(super) fn misfits(schema: &Schema, table: &TableName, mode: &LoadMode) -> Vec<Misfit> {
    let mut misfits = Vec::new();
    let reserved = table.table.to_ascii_lowercase();
    if reserved.starts_with("sqlite_") || notes::TABLES.contains(&reserved.as_str()) {
        misfits
            .push(misfit(format!("the name {:?} is kept for other tables", table.table), "name the table otherwise"));
    }
    for (index, field) in schema.fields().iter().enumerate() {
        if Storage::of(field.data_type()).is_none() {
            let what = format!("column {:?} is {}, which SQLite cannot hold", field.name(), field.data_type());
            misfits.push(misfit(what, "convert it in SQL, for example with CAST(... AS VARCHAR)"));
        }
        let is_same = |other: &&std::sync::Arc<Field>| other.name().eq_ignore_ascii_case(field.name());
        if let Some(other) = schema.fields()[..index].iter().find(is_same)
            && other.name() != field.name()
        {
            let what = format!("columns {:?} and {:?} have one name in SQLite", other.name(), field.name());
            misfits.push(misfit(what, "name them apart with AS"));
        }
    }
    if let LoadMode::Upsert { key } = mode {
        for name in key.iter().filter(|name| position(schema, name).is_none()) {
            misfits.push(misfit(
                format!("the rows have no column {name:?}, which is in the key"),
                "select it, or change the key",
            ));
        }
    }
    misfits
}

/// Why rows of `schema` cannot be stored in the table that is there; empty where there is none.
pub(super) async fn misfits_of_table(
    database: &mut Database,
    schema: &Schema,
    name: &TableName,
    mode: &LoadMode,
) -> Result<Vec<Misfit>, Failure> {
    let Some(table) = Table::named(database, name).await? else { return Ok(Vec::new()) };
    if table.kind != TableKind::Table {
        return Ok(vec![misfit(format!("{name} is a view or a virtual table"), "name a table")]);
    }
    let mut misfits: Vec<_> =
        schema.fields().iter().filter_map(|field| misfit_of_column(&table, field, name)).collect();
    for column in table.columns.iter().filter(|column| position(schema, &column.name).is_none()) {
        let has_value = column.is_nullable || column.has_default || column.is_generated;
        if !has_value && table.rowid_column().is_none_or(|rowid| rowid.name != column.name) {
            let what =
                format!("column {:?} of {name} must have a value, and the rows have no such column", column.name);
            misfits.push(misfit(what, "select it, or give the column a default"));
        }
    }
    if *mode == LoadMode::Replace {
        misfits.extend(misfits_of_children(database, name).await?);
    }
    Ok(misfits)
}

fn misfit_of_column(table: &Table, field: &Field, name: &TableName) -> Option<Misfit> {
    let Some(column) = table.column(field.name()) else {
        let remedy = match nearest(field.name(), table.columns.iter().map(|column| column.name.as_str())) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "add it to the table, or leave it out in SQL".to_owned(),
        };
        return Some(misfit(format!("{name} has no column {:?}", field.name()), remedy));
    };
    if column.is_generated {
        let what = format!("column {:?} of {name} is calculated by the database", column.name);
        return Some(misfit(what, "leave it out in SQL"));
    }
    let type_name = if column.type_name.is_empty() { "of no type" } else { &column.type_name };
    (!keeps(column, table.is_strict, field.data_type())).then(|| {
        let data_type = field.data_type();
        let what =
            format!("column {:?} of {name} is {type_name}, which does not keep {data_type} as it is", column.name);
        misfit(what, "convert it in SQL with CAST, or change the column's type")
    })
}

/// Whether a column keeps values of a type as they are.
fn keeps(column: &TableColumn, is_strict: bool, data_type: &DataType) -> bool {
    use DataType::{Date32, Decimal32, Decimal64, Decimal128, Int64, Timestamp, UInt64};
    let Some(storage) = Storage::of(data_type) else { return true };
    match (column.affinity(is_strict), storage) {
        (Affinity::Blob, _) if !is_strict || column.type_name.eq_ignore_ascii_case("ANY") => true,
        (Affinity::Blob, storage) => storage == Storage::Blob,
        (Affinity::Integer, storage) => storage == Storage::Integer,
        (Affinity::Text, storage) => storage == Storage::Text,
        // A real has 53 bits.
        (Affinity::Real, Storage::Integer) => !matches!(data_type, DataType::Boolean | Int64 | UInt64),
        (Affinity::Real | Affinity::Numeric, Storage::Real) => true,
        (Affinity::Numeric, Storage::Integer) => true,
        // A text that looks like a number becomes one.
        (Affinity::Real | Affinity::Numeric, Storage::Text) => match data_type {
            Decimal32(precision, _) | Decimal64(precision, _) | Decimal128(precision, _) => *precision <= REAL_DIGITS,
            Date32 | Timestamp(..) => column.affinity(is_strict) == Affinity::Numeric,
            _ => false,
        },
        (Affinity::Real | Affinity::Numeric, Storage::Blob) => false,
    }
}

/// Rows of other tables that would go or change with those that are replaced, though their keys come back.
async fn misfits_of_children(database: &mut Database, name: &TableName) -> Result<Vec<Misfit>, Failure> {
    let sql = "SELECT DISTINCT child.name, key.on_delete FROM main.sqlite_schema AS child \
               JOIN pragma_foreign_key_list(child.name, 'main') AS key \
               WHERE child.type = 'table' AND key.\"table\" = ?1 COLLATE NOCASE \
               AND key.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT')";
    let rows = database.fetch(sql, arguments![name.table.as_str()]).await?;
    let misfits = rows.iter().map(|row| {
        let child: String = row.try_get(0).unwrap_or_default();
        let action: String = row.try_get(1).unwrap_or_default();
        let what =
            format!("rows of {child} refer to {name} ON DELETE {action}, and would be lost when its rows are replaced");
        misfit(what, "use the mode upsert")
    });
    Ok(misfits.collect())
}

/// The number of a column. SQLite knows no case in names.
pub(super) fn position(schema: &Schema, name: &str) -> Option<usize> {
    schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name))
}

fn misfit(message: String, remedy: impl Into<String>) -> Misfit {
    Misfit { message, remedy: remedy.into() }
}
