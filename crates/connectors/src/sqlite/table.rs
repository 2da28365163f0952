//! What a table is: its kind, its columns, its keys.

use etlplus_core::Failure;
use etlplus_core::pipeline::TableName;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::database::{Database, arguments};

/// The one schema that a connection of ours has, beside its own temporary one.
const MAIN: &str = "main";

/// A table or a view.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) kind: TableKind,
    pub(super) is_strict: bool,
    pub(super) has_rowid: bool,
    /// In the order of their declaration.
    pub(super) columns: Vec<TableColumn>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableKind {
    Table,
    View,
    /// Whatever a module makes of it.
    Virtual,
}

/// A column, as the table declares it.
#[derive(Debug)]
pub(super) struct TableColumn {
    pub(super) name: String,
    /// As it is written; empty where none is.
    pub(super) type_name: String,
    pub(super) is_nullable: bool,
    pub(super) has_default: bool,
    /// Its place in the primary key, from 1; 0 where it has none.
    key_place: i64,
    /// Whether it is calculated from others.
    pub(super) is_generated: bool,
}

impl Table {
    /// What is said of the table or view `name` in `schema`; `None` where there is none.
    pub(super) async fn find(database: &mut Database, schema: &str, name: &str) -> Result<Option<Self>, Failure> {
        let sql = "SELECT type, wr, strict FROM pragma_table_list(?1) WHERE schema = ?2";
        let found = database.fetch(sql, arguments![name, schema]).await?;
        let Some(found) = found.first() else { return Ok(None) };
        let sql = "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(?1, ?2)";
        let columns = database.fetch(sql, arguments![name, schema]).await?;
        let failed = |error: sqlx::Error| Failure::bug(format!("a table's description: {error}"));
        let kind = match found.try_get::<&str, _>(0).map_err(failed)? {
            "view" => TableKind::View,
            "table" => TableKind::Table,
            _ => TableKind::Virtual,
        };
        let columns = columns.iter().filter_map(|row| column(row).transpose()).collect::<Result<_, _>>();
        Ok(Some(Self {
            kind,
            has_rowid: kind == TableKind::Table && !found.try_get::<bool, _>(1).map_err(failed)?,
            is_strict: found.try_get(2).map_err(failed)?,
            columns: columns.map_err(failed)?,
        }))
    }

    /// The table `name` of the database's own schema.
    pub(super) async fn named(database: &mut Database, name: &TableName) -> Result<Option<Self>, Failure> {
        match name.schema.as_deref() {
            None | Some(MAIN) => Self::find(database, MAIN, &name.table).await,
            Some(other) => Err(Failure::user(
                "unknown_schema",
                format!("{} has no schema {other:?}", database.path().display()),
                "name the table alone: a database file has no schemas but main",
            )),
        }
    }

    /// The column of a name. SQLite knows no case in names.
    pub(super) fn column(&self, name: &str) -> Option<&TableColumn> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The column that is another name of the number that SQLite gives each row.
    pub(super) fn rowid_column(&self) -> Option<&TableColumn> {
        let mut key = self.columns.iter().filter(|column| column.key_place > 0);
        let first = key.next().filter(|_| key.next().is_none() && self.has_rowid)?;
        first.type_name.eq_ignore_ascii_case("INTEGER").then_some(first)
    }
}

impl TableColumn {
    /// What SQLite makes of values that are stored in it.
    pub(super) fn affinity(&self, is_strict: bool) -> Affinity {
        let declared = self.type_name.to_ascii_uppercase();
        let has = |part: &str| declared.contains(part);
        match () {
            () if is_strict && declared == "ANY" => Affinity::Blob,
            () if has("INT") => Affinity::Integer,
            () if has("CHAR") || has("CLOB") || has("TEXT") => Affinity::Text,
            () if has("BLOB") || declared.is_empty() => Affinity::Blob,
            () if has("REAL") || has("FLOA") || has("DOUB") => Affinity::Real,
            () => Affinity::Numeric,
        }
    }
}

/// How a column treats values (<https://www.sqlite.org/datatype3.html>, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Affinity {
    Integer,
    Text,
    /// As they come.
    Blob,
    Real,
    Numeric,
}

/// `None` for a column that no query sees.
fn column(row: &SqliteRow) -> Result<Option<TableColumn>, sqlx::Error> {
    let hidden: i64 = row.try_get(5)?;
    let column = TableColumn {
        name: row.try_get(0)?,
        type_name: row.try_get(1)?,
        is_nullable: !row.try_get::<bool, _>(2)?,
        has_default: row.try_get(3)?,
        key_place: row.try_get(4)?,
        is_generated: matches!(hidden, 2 | 3),
    };
    Ok((hidden != 1).then_some(column))
}

/// A column of a unique index, with the order that makes two of its values equal or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyColumn {
    pub(super) name: String,
    pub(super) collation: String,
}

/// The unique index over exactly the columns `key`, in any order, where the table has one that speaks of all rows.
pub(super) async fn unique_index(
    database: &mut Database,
    table: &str,
    key: &[String],
) -> Result<Option<Vec<KeyColumn>>, Failure> {
    let sql = "SELECT list.name, info.name, info.coll FROM pragma_index_list(?1, 'main') AS list \
               JOIN pragma_index_xinfo(list.name, 'main') AS info \
               WHERE list.\"unique\" AND NOT list.partial AND info.key ORDER BY list.seq, info.seqno";
    let rows = database.fetch(sql, arguments![table]).await?;
    let failed = |error: sqlx::Error| Failure::bug(format!("an index's description: {error}"));
    let mut columns = Vec::with_capacity(rows.len());
    for row in &rows {
        let index: String = row.try_get(0).map_err(failed)?;
        // An index over an expression has no name for it, and so is no key of columns.
        let name: Option<String> = row.try_get(1).map_err(failed)?;
        let collation: Option<String> = row.try_get(2).map_err(failed)?;
        columns.push((index, name.unwrap_or_default(), collation.unwrap_or_else(|| "BINARY".to_owned())));
    }
    let is_key = |index: &&[(String, String, String)]| {
        let has = |name: &String| index.iter().any(|(_, column, _)| column.eq_ignore_ascii_case(name));
        index.len() == key.len() && key.iter().all(has)
    };
    let found = columns.chunk_by(|a, b| a.0 == b.0).find(is_key);
    Ok(found.map(|index| {
        let columns = index.iter().map(|(_, name, collation)| (name.clone(), collation.clone()));
        columns.map(|(name, collation)| KeyColumn { name, collation }).collect()
    }))
}
