//! Upsert: rows are gathered in a temporary table, where their keys must differ, and merged into the target at the end.
//!
//! The temporary table is on disk, so that a load of any size needs no memory for its keys.

use arrow::datatypes::Schema;
use etlplus_core::Failure;
use etlplus_core::pipeline::TableName;
use sqlx::{AssertSqlSafe, Row};

use super::fit::position;
use crate::sqlite::database::{Database, arguments, quoted};
use crate::sqlite::failure::broken_constraint;
use crate::sqlite::table::{Affinity, KeyColumn, Table, unique_index};

/// Where rows are gathered.
pub(super) const STAGED: &str = "temp.etlplus_staged";
/// Rows that are merged at a time. Few, so that the one that a constraint refuses is found soon.
const MERGED_ROWS: i64 = 4096;

/// How gathered rows become rows of the target.
pub(super) struct Merge {
    /// The numbers of the key's columns.
    pub(super) key: Vec<usize>,
    /// The names of the columns.
    columns: Vec<String>,
    /// Removes the rows that are replaced, where the target has no unique index over the key.
    delete: Option<String>,
    /// Inserts some of the gathered rows.
    insert: String,
}

/// Why rows were not merged. Their numbers are those of the load, from 1.
pub(super) enum NotMerged {
    /// This row is one that the target does not take, with what it broke, in SQLite's words, and what it holds.
    Refused {
        row: i64,
        constraint: String,
        shown: String,
    },
    /// So many of these rows the table passed over in silence.
    PassedOver {
        first: i64,
        last: i64,
        count: u64,
    },
    Failed(Failure),
}

impl From<Failure> for NotMerged {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Merge {
    /// Makes the temporary table.
    pub(super) async fn prepare(
        database: &mut Database,
        name: &TableName,
        table: &Table,
        schema: &Schema,
        key: &[String],
    ) -> Result<Self, Failure> {
        let is_rowid = |column: &str| table.rowid_column().is_some_and(|rowid| rowid.name.eq_ignore_ascii_case(column));
        let index = match key {
            [column] if is_rowid(column) => {
                Some(vec![KeyColumn { name: column.clone(), collation: "BINARY".to_owned() }])
            }
            _ => unique_index(database, &name.table, key).await?,
        };
        database.execute(create(table, schema, key, index.as_deref()), arguments![]).await?;
        let columns: Vec<_> = schema.fields().iter().map(|field| quoted(field.name())).collect();
        let target = format!("main.{}", quoted(&name.table));
        let list = columns.join(", ");
        let part = format!("SELECT {list} FROM {STAGED} WHERE {} BETWEEN ?1 AND ?2", quoted(&row_name(schema)));
        let is_key = |name: &str| key.iter().any(|key| key.eq_ignore_ascii_case(name));
        let (delete, conflict) = if index.is_some() {
            let others = schema.fields().iter().filter(|field| !is_key(field.name()));
            let mut changed: Vec<_> = others.map(|field| quoted(field.name())).collect();
            if changed.is_empty() {
                // Rows that are all key stay as they are, and are counted as merged.
                changed.extend(key.first().map(|name| quoted(name)));
            }
            let changes: Vec<_> = changed.iter().map(|name| format!("{name} = excluded.{name}")).collect();
            let names: Vec<_> = key.iter().map(|name| quoted(name)).collect();
            (None, format!("ON CONFLICT ({}) DO UPDATE SET {}", names.join(", "), changes.join(", ")))
        } else {
            let equal: Vec<_> = key.iter().map(|name| format!("old.{0} = new.{0}", quoted(name))).collect();
            let exists = format!("SELECT 1 FROM {STAGED} AS new WHERE {}", equal.join(" AND "));
            (Some(format!("DELETE FROM {target} AS old WHERE EXISTS ({exists})")), String::new())
        };
        Ok(Self {
            key: key.iter().filter_map(|name| position(schema, name)).collect(),
            columns: schema.fields().iter().map(|field| field.name().clone()).collect(),
            delete,
            insert: format!("INSERT INTO {target} ({list}) {part} {conflict}"),
        })
    }

    /// Merges the gathered rows, of which there are `rows`.
    pub(super) async fn merge(&self, database: &mut Database, rows: u64) -> Result<(), NotMerged> {
        if let Some(delete) = &self.delete {
            database.execute(delete, arguments![]).await?;
        }
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        let mut first = 1;
        while first <= rows {
            let last = rows.min(first + MERGED_ROWS - 1);
            match self.part(database, first, last).await? {
                Ok(merged) if merged == (last - first + 1).unsigned_abs() => {}
                Ok(merged) => {
                    let count = (last - first + 1).unsigned_abs().saturating_sub(merged);
                    return Err(NotMerged::PassedOver { first, last, count });
                }
                Err(constraint) => return Err(self.refused(database, first, last, constraint).await?),
            }
            first = last + 1;
        }
        Ok(())
    }

    /// Merges some rows: how many, or what constraint one of them broke.
    async fn part(&self, database: &mut Database, first: i64, last: i64) -> Result<Result<u64, String>, Failure> {
        let insert = sqlx::query_with(AssertSqlSafe(self.insert.clone()), arguments![first, last]);
        match insert.execute(database.connection()).await {
            Ok(merged) => Ok(Ok(merged.rows_affected())),
            Err(error) => match broken_constraint(&error) {
                Some(constraint) => Ok(Err(constraint.to_owned())),
                None => Err(database.failed(&error)),
            },
        }
    }

    /// Finds the row for which a part failed, by merging row by row. Nothing of that stays: the load has failed.
    async fn refused(
        &self,
        database: &mut Database,
        first: i64,
        last: i64,
        constraint: String,
    ) -> Result<NotMerged, Failure> {
        database.execute("SAVEPOINT etlplus_refused", arguments![]).await?;
        let mut found = (first, constraint);
        for row in first..=last {
            if let Err(constraint) = self.part(database, row, row).await? {
                found = (row, constraint);
                break;
            }
        }
        let (row, constraint) = found;
        Ok(NotMerged::Refused { row, constraint, shown: self.shown(database, row).await? })
    }

    async fn shown(&self, database: &mut Database, row: i64) -> Result<String, Failure> {
        let values: Vec<_> = self.columns.iter().map(|column| format!("quote({})", quoted(column))).collect();
        // The row's number is the table's rowid, whatever its columns are called.
        let sql = format!("SELECT {} FROM {STAGED} LIMIT 1 OFFSET ?1", values.join(", "));
        let rows = database.fetch(sql, arguments![row - 1]).await?;
        let Some(row) = rows.first() else { return Ok(String::new()) };
        let values = self.columns.iter().enumerate();
        let shown =
            values.map(|(index, name)| format!("{name}={}", row.try_get::<String, _>(index).unwrap_or_default()));
        Ok(shown.collect::<Vec<_>>().join(", "))
    }
}

/// The statement that makes the temporary table. Its columns treat values as the target's do, so that keys that are equal
/// there are equal here.
fn create(table: &Table, schema: &Schema, key: &[String], index: Option<&[KeyColumn]>) -> String {
    let columns = schema.fields().iter().map(|field| {
        let affinity = table.column(field.name()).map_or(Affinity::Blob, |column| column.affinity(table.is_strict));
        let type_name = match affinity {
            Affinity::Integer => "INTEGER",
            Affinity::Text => "TEXT",
            Affinity::Blob => "",
            Affinity::Real => "REAL",
            Affinity::Numeric => "NUMERIC",
        };
        format!("{} {type_name}", quoted(field.name()))
    });
    let columns: Vec<_> = columns.collect();
    let key: Vec<_> = match index {
        Some(index) => index
            .iter()
            .map(|column| format!("{} COLLATE {}", quoted(&column.name), quoted(&column.collation)))
            .collect(),
        None => key.iter().map(|name| quoted(name)).collect(),
    };
    let (columns, key) = (columns.join(", "), key.join(", "));
    format!(
        "CREATE TEMP TABLE etlplus_staged ({} INTEGER PRIMARY KEY, {columns}, UNIQUE ({key}))",
        quoted(&row_name(schema))
    )
}

/// The column that numbers the gathered rows, from 1.
fn row_name(schema: &Schema) -> String {
    let mut name = "etlplus_row".to_owned();
    while position(schema, &name).is_some() {
        name.push('_');
    }
    name
}
