//! What is asked of a source: its columns, and the SQL that reads them.

use etlplus_core::pipeline::{DatabaseRows, Interval, JobSpec, PostgresSource, TableName};
use etlplus_core::{Failure, Type, Value};
use sqlx::{AssertSqlSafe, Column, Executor, Row, SqlSafeStr, Statement, TypeInfo};

use super::catalog::{self, Place, Table, TableColumn};
use super::connect::Session;
use super::failure::failure;
use super::types::PgType;
use super::{literal, quoted, quoted_list};

/// The view by which a query's columns are known; it lasts for a moment.
const DESCRIBED: &str = "etlplus_described";

/// The rows of a source, as the server knows them.
#[derive(Debug, Clone)]
pub(super) struct Described {
    /// As rejects and failures call it.
    pub(super) name: String,
    pub(super) columns: Vec<TableColumn>,
    /// What stands after FROM.
    from: String,
    /// The table, where it can be read in ranges.
    ranged: Option<i64>,
}

impl Described {
    /// The column of this name.
    pub(super) fn column(&self, name: &str) -> Option<&TableColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The table whose rows can be read in ranges, if they can.
    pub(super) fn ranged(&self) -> Option<i64> {
        self.ranged
    }

    /// A COPY of `columns` of the rows that keep all `conditions`.
    pub(super) fn copy(&self, columns: &[&str], conditions: &[String]) -> String {
        format!("COPY ({}) TO STDOUT (FORMAT binary)", self.select(&quoted_list(columns.iter().copied()), conditions))
    }

    /// A query of the rows that keep all `conditions`.
    pub(super) fn select(&self, what: &str, conditions: &[String]) -> String {
        let condition =
            if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        format!("SELECT {what} FROM {}{condition}", self.from)
    }
}

/// The rows of `place`, a table.
pub(super) fn of_table(place: &Place, table: Table, server_version: u32) -> Described {
    // Earlier servers read the whole table to find the rows of a range.
    const RANGES_SINCE: u32 = 14_00_00;
    let is_ranged = table.kind == "r" && !table.has_children && server_version >= RANGES_SINCE;
    Described {
        name: place.to_string(),
        columns: table.columns,
        from: place.sql(),
        ranged: is_ranged.then_some(table.oid),
    }
}

/// Looks at what `source` means.
pub(super) async fn describe(session: &mut Session, source: &PostgresSource) -> Result<Described, Failure> {
    match &source.rows {
        DatabaseRows::Table(name) => {
            let place = catalog::place(session, name).await?.ok_or_else(|| missing(session, name))?;
            let table = catalog::table(session, &place).await?.ok_or_else(|| missing(session, name))?;
            let version = session.connection.server_version_num().unwrap_or(0);
            Ok(of_table(&place, table, version))
        }
        DatabaseRows::Query(sql) => {
            let text = sql.text.trim().trim_end_matches(';').trim_end();
            let columns = query_columns(session, text).await?;
            // A line end, since the query may end with a comment.
            Ok(Described { name: sql.key.clone(), columns, from: format!("({text}\n) AS query"), ranged: None })
        }
    }
}

fn missing(session: &Session, name: &TableName) -> Failure {
    Failure::user(
        "table_missing",
        format!("{} has no table or view {name}", session.url()),
        "check its name and that of its schema; case counts",
    )
}

/// The columns of a query. A view of it knows how many digits its numbers have; where no view can be made, as on a server that
/// only follows another, those digits are not known.
async fn query_columns(session: &mut Session, text: &str) -> Result<Vec<TableColumn>, Failure> {
    let wrong = |error: &sqlx::Error| {
        let told = failure("run the query", error);
        Failure { remedy: "mend the query; SELECT alone is taken".to_owned(), ..told }
    };
    // By itself first: it is one statement, and the words of an error are about it alone.
    let whole = format!("SELECT * FROM ({text}\n) AS query");
    let watch = session.watch();
    let prepared = watch.over(session.connection.prepare(AssertSqlSafe(whole).into_sql_str())).await?;
    let prepared = prepared.map_err(|error| wrong(&error))?;
    let plain = prepared.columns().iter().map(|column| {
        let type_name = column.type_info().name().to_lowercase();
        TableColumn {
            name: column.name().to_owned(),
            ty: PgType::of_prepared(&type_name),
            type_name,
            is_nullable: true,
            has_default: false,
            is_generated: false,
        }
    });
    let plain: Vec<_> = plain.collect();
    if !plain.iter().any(|column| matches!(column.ty, PgType::Numeric(_) | PgType::Other)) {
        return Ok(plain);
    }
    session.run("BEGIN").await?;
    let view = format!("CREATE TEMPORARY VIEW {DESCRIBED} AS SELECT * FROM ({text}\n) AS query");
    let made = session.run_long(&view).await?;
    let columns = match made {
        Ok(_) => {
            let oid = format!("SELECT 'pg_temp.{DESCRIBED}'::regclass::oid::bigint");
            let row = session.row(&oid, &[]).await?.ok_or_else(|| Failure::bug("a view that was made is not there"))?;
            let oid = row.try_get(0).map_err(|error| session.failure(&error))?;
            catalog::columns(session, oid).await?
        }
        Err(_) => plain,
    };
    session.run("ROLLBACK").await?;
    Ok(columns)
}

/// Whether the server has the values of a column in the order in which a job has them, whose schema declares the type
/// `declared`. A text that is declared a number comes in another one: `10` before `9`.
pub(super) fn is_in_order(column: &TableColumn, declared: Option<Type>) -> bool {
    use PgType::{Int2, Int4, Int8, Numeric};
    let Some(declared) = declared else { return true };
    match declared {
        Type::Int16 | Type::Int32 | Type::Int64 | Type::Decimal { .. } => {
            matches!(column.ty, Int2 | Int4 | Int8 | Numeric(_))
        }
        _ => column.ty.value_type() == Some(declared),
    }
}

/// The condition that rows of the column `cursor` lie in `interval`.
pub(super) fn in_interval(column: &TableColumn, interval: &Interval) -> Vec<String> {
    let cursor = cursor_of(column);
    let bound = |operator: &str, value: &Option<Value>| {
        let value = value.as_ref()?;
        let text = literal(&value.to_string());
        Some(match (column.ty, value) {
            // A cast to a type of few characters would cut it.
            (PgType::Text(_) | PgType::Char(_), _) => format!("{cursor} {operator} {text}"),
            // A column of whole numbers may be declared a decimal, which has digits after the point.
            (_, Value::Decimal { .. }) => format!("{cursor} {operator} {text}::numeric"),
            _ => format!("{cursor} {operator} {text}::{}", column.type_name),
        })
    };
    [bound(">", &interval.after), bound("<=", &interval.up_to)].into_iter().flatten().collect()
}

/// A column as a cursor. Texts are in the order of their bytes, as everywhere else in a job, and not in that of a language.
pub(super) fn cursor_of(column: &TableColumn) -> String {
    match column.ty {
        PgType::Text(_) | PgType::Char(_) => format!("{}::text COLLATE \"C\"", quoted(&column.name)),
        _ => quoted(&column.name),
    }
}

/// The job's cursor among the columns of its source.
pub(super) fn cursor<'a>(described: &'a Described, job: &JobSpec) -> Result<Option<&'a TableColumn>, Failure> {
    let Some(incremental) = &job.pipeline().incremental else { return Ok(None) };
    named(described, &incremental.cursor).map(Some)
}

/// The column `name`, which is a cursor.
pub(super) fn named<'a>(described: &'a Described, name: &str) -> Result<&'a TableColumn, Failure> {
    described.column(name).ok_or_else(|| {
        Failure::user(
            "missing_column",
            format!("{} has no column {name:?}, the cursor", described.name),
            "check its name; case counts",
        )
    })
}
