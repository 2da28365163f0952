//! The greatest cursor that a source has.

use std::cmp::Ordering;

use etlplus_core::pipeline::{Column, JobSpec, Source, SqliteSource};
use etlplus_core::{Failure, Type, Value};
use futures::TryStreamExt;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Decode, Row, Sqlite, ValueRef};

use super::declared;
use super::interval::Order;
use super::relation::Relation;
use crate::sqlite::database::{Access, Database, arguments};
use crate::sqlite::table::Affinity;

/// The greatest value of the column `cursor`; `None` where there is none, or where the order of the values in the database
/// does not tell.
pub(crate) async fn newest(
    source: &Source,
    database: &SqliteSource,
    job: &JobSpec,
    cursor: &str,
) -> Result<Option<Value>, Failure> {
    let mut connection = Database::open(&job.path(&database.path), Access::Read).await?;
    connection.execute("BEGIN", arguments![]).await?;
    let relation = Relation::find(&mut connection, &database.rows).await?;
    let declared = declared::columns(&relation, source)?;
    let columns = declared.as_deref().unwrap_or(&source.columns);
    let newest = match columns.iter().find(|column| column.name == cursor) {
        Some(column) => newest_of(&mut connection, &relation, column).await?,
        None => None,
    };
    connection.close().await?;
    Ok(newest)
}

async fn newest_of(database: &mut Database, relation: &Relation, cursor: &Column) -> Result<Option<Value>, Failure> {
    let (table, column) = (&relation.sql, relation.column_sql(&cursor.name));
    let affinity = relation.table.column(&cursor.name);
    let affinity = affinity.map_or(Affinity::Blob, |column| column.affinity(relation.table.is_strict));
    match (Order::of(cursor.ty, &cursor.format, affinity), cursor.ty) {
        (Order::None, _) => Ok(None),
        (Order::Numbers, Type::Float32 | Type::Float64) => {
            let sql = format!(
                "SELECT {column} FROM {table} WHERE {column} BETWEEN ?1 AND ?2 AND typeof({column}) IN ('integer', 'real') \
                 ORDER BY {column} DESC LIMIT 1"
            );
            greatest(database, cursor.ty, sql, arguments![f64::MIN, f64::MAX]).await
        }
        (Order::Numbers, ty) => {
            let sql = format!(
                "SELECT {column} FROM {table} WHERE {column} BETWEEN ?1 AND ?2 AND typeof({column}) = 'integer' \
                 ORDER BY {column} DESC LIMIT 1"
            );
            let (least, most) = match ty {
                Type::Int16 => (i16::MIN.into(), i16::MAX.into()),
                Type::Int32 => (i32::MIN.into(), i32::MAX.into()),
                _ => (i64::MIN, i64::MAX),
            };
            greatest(database, ty, sql, arguments![least, most]).await
        }
        (Order::Texts, ty) => {
            // A text that is no day may come after all that are.
            let is_value = if ty == Type::Date { format!("date({column}) IS {column}") } else { "TRUE".to_owned() };
            let sql = format!(
                "SELECT {column} FROM {table} WHERE typeof({column}) = 'text' AND {is_value} \
                 ORDER BY {column} COLLATE BINARY DESC LIMIT 1"
            );
            greatest(database, ty, sql, arguments![]).await
        }
        (Order::Days, ty) => {
            // The texts of one day need not be in the order of time, nor those of two days where zones differ.
            let sql = format!(
                "SELECT {column} FROM {table} WHERE {column} COLLATE BINARY >= (\
                 SELECT date(substr({column}, 1, 10), ?1) FROM {table} \
                 WHERE typeof({column}) = 'text' AND datetime({column}) NOT NULL \
                 AND {column} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][T ]*' \
                 ORDER BY {column} COLLATE BINARY DESC LIMIT 1)"
            );
            let margin = if ty == Type::TimestampTz { "-1 day" } else { "0 days" };
            greatest(database, ty, sql, arguments![margin]).await
        }
    }
}

/// The greatest of the values that a query finds; those that are none of the type do not count.
async fn greatest(
    database: &mut Database,
    ty: Type,
    sql: String,
    arguments: SqliteArguments,
) -> Result<Option<Value>, Failure> {
    let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
    let mut newest: Option<Value> = None;
    let read: Result<(), sqlx::Error> = async {
        let mut rows = query.fetch(database.connection());
        while let Some(row) = rows.try_next().await? {
            if let Some(value) = value_of(ty, &row)
                && newest.as_ref().is_none_or(|newest| value.compare(newest) == Some(Ordering::Greater))
            {
                newest = Some(value);
            }
        }
        Ok(())
    }
    .await;
    read.map_err(|error| database.failed(&error)).map(|()| newest)
}

fn value_of(ty: Type, row: &SqliteRow) -> Option<Value> {
    let value = row.try_get_raw(0).ok().filter(|value| !value.is_null())?;
    let text = match ty {
        Type::Int16 | Type::Int32 | Type::Int64 => <i64 as Decode<Sqlite>>::decode(value).ok()?.to_string(),
        Type::Float32 | Type::Float64 => <f64 as Decode<Sqlite>>::decode(value).ok()?.to_string(),
        _ => <String as Decode<Sqlite>>::decode(value).ok()?,
    };
    Value::parse(ty, &text).ok()
}
