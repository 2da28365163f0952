//! What the server's catalog says about a table.

use etlplus_core::Failure;
use etlplus_core::pipeline::TableName;
use sqlx::Row;

use super::connect::Session;
use super::quoted;
use super::types::PgType;

/// A table's place: the schema is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) schema: String,
    pub(super) table: String,
}

impl Place {
    /// As SQL has it.
    pub(super) fn sql(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.table))
    }

    /// Another table of the same schema.
    pub(super) fn beside(&self, table: &str) -> Self {
        Self { schema: self.schema.clone(), table: table.to_owned() }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// A table, a view or the like that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) oid: i64,
    /// `pg_class.relkind`: `r` for a table, `p` for one in partitions, `v` for a view.
    pub(super) kind: String,
    /// Whether other tables inherit from it.
    pub(super) has_children: bool,
    pub(super) columns: Vec<TableColumn>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableColumn {
    pub(super) name: String,
    pub(super) ty: PgType,
    /// Its type as the server writes it.
    pub(super) type_name: String,
    pub(super) is_nullable: bool,
    pub(super) has_default: bool,
    /// Whether the server computes it, and takes no value for it.
    pub(super) is_generated: bool,
}

impl Table {
    /// The column of this name.
    pub(super) fn column(&self, name: &str) -> Option<&TableColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Where `name` is or would be made. Without a schema it is where the session's `search_path` finds it, or else in the path's
/// first schema. `None`: the schema does not exist.
pub(super) async fn place(session: &mut Session, name: &TableName) -> Result<Option<Place>, Failure> {
    let row = match &name.schema {
        Some(schema) => {
            session.row("SELECT nspname::text FROM pg_namespace WHERE nspname = $1", &[Some(schema)]).await?
        }
        None => {
            let sql = "SELECT coalesce((SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                       WHERE c.relname = $1 AND pg_table_is_visible(c.oid)), current_schema())::text";
            session.row(sql, &[Some(&name.table)]).await?
        }
    };
    let schema =
        row.map(|row| row.try_get::<Option<String>, _>(0)).transpose().map_err(|error| session.failure(&error))?;
    Ok(schema.flatten().map(|schema| Place { schema, table: name.table.clone() }))
}

/// The table at `place`, if there is one.
pub(super) async fn table(session: &mut Session, place: &Place) -> Result<Option<Table>, Failure> {
    let sql = "SELECT c.oid::bigint, c.relkind::text, EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid) \
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";
    let Some(row) = session.row(sql, &[Some(&place.schema), Some(&place.table)]).await? else { return Ok(None) };
    let wrong = |error: sqlx::Error| super::failure::failure("read the catalog", &error);
    let oid: i64 = row.try_get(0).map_err(wrong)?;
    let columns = columns(session, oid).await?;
    Ok(Some(Table { oid, kind: row.try_get(1).map_err(wrong)?, has_children: row.try_get(2).map_err(wrong)?, columns }))
}

/// The columns of the table or view `oid`, domains as the types below them.
pub(super) async fn columns(session: &mut Session, oid: i64) -> Result<Vec<TableColumn>, Failure> {
    let sql = "WITH RECURSIVE base AS (\
                 SELECT a.attnum, a.atttypid AS type, a.atttypmod AS modifier, a.attnotnull AS not_null, \
                        a.atthasdef OR a.attidentity <> '' AS has_default \
                 FROM pg_attribute a WHERE a.attrelid = $1::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped \
               UNION ALL \
                 SELECT b.attnum, t.typbasetype, t.typtypmod, b.not_null OR t.typnotnull, \
                        b.has_default OR t.typdefault IS NOT NULL \
                 FROM base b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd') \
               SELECT a.attname::text, t.typname::text, t.typtype::text, b.modifier, \
                      format_type(a.atttypid, a.atttypmod), b.not_null, b.has_default, a.attgenerated <> '' \
               FROM base b JOIN pg_type t ON t.oid = b.type \
               JOIN pg_attribute a ON a.attrelid = $1::bigint::oid AND a.attnum = b.attnum \
               WHERE t.typtype <> 'd' ORDER BY b.attnum";
    let oid = oid.to_string();
    let rows = session.rows(sql, &[Some(&oid)]).await?;
    let read = |row: &sqlx::postgres::PgRow| -> Result<TableColumn, sqlx::Error> {
        Ok(TableColumn {
            name: row.try_get(0)?,
            ty: PgType::of_catalog(row.try_get(1)?, row.try_get(2)?, row.try_get(3)?),
            type_name: row.try_get(4)?,
            is_nullable: !row.try_get::<bool, _>(5)?,
            has_default: row.try_get(6)?,
            is_generated: row.try_get(7)?,
        })
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(|error| session.failure(&error))
}

/// Whether some unique index of the table has exactly the columns `key`, so that `ON CONFLICT` finds it.
pub(super) async fn has_unique_index(session: &mut Session, oid: i64, key: &[String]) -> Result<bool, Failure> {
    let sql = "SELECT array(SELECT a.attname::text FROM unnest(i.indkey[0:i.indnkeyatts - 1]) k \
                 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k) \
               FROM pg_index i WHERE i.indrelid = $1::bigint::oid AND i.indisunique AND i.indisvalid AND i.indimmediate \
                 AND i.indpred IS NULL AND i.indexprs IS NULL";
    let rows = session.rows(sql, &[Some(&oid.to_string())]).await?;
    let mut wanted = key.to_vec();
    wanted.sort();
    for row in rows {
        let mut columns: Vec<String> = row.try_get(0).map_err(|error| session.failure(&error))?;
        columns.sort();
        if columns == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Foreign keys of other tables by which deleting a row of this one would change theirs.
pub(super) async fn keys_that_follow(session: &mut Session, oid: i64) -> Result<Vec<String>, Failure> {
    let sql = "SELECT format('%s of %s', conname, conrelid::regclass) FROM pg_constraint \
               WHERE confrelid = $1::bigint::oid AND contype = 'f' AND confdeltype IN ('c', 'n', 'd') ORDER BY 1";
    let rows = session.rows(sql, &[Some(&oid.to_string())]).await?;
    rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(|error| session.failure(&error))
}

/// Whether another table can take the place of this one and nobody could tell: nothing depends on it, and all that it has is
/// what `CREATE TABLE ... (LIKE ... INCLUDING ALL)` copies, under the same name. `like` is a table made so.
pub(super) async fn can_be_swapped(session: &mut Session, oid: i64, like: &Place) -> Result<bool, Failure> {
    let sql = "\
WITH old AS (SELECT * FROM pg_class WHERE oid = $1::bigint::oid),
     new AS (SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $2 AND c.relname = $3)
SELECT old.relkind = 'r'
   AND NOT old.relispartition AND NOT old.relrowsecurity AND NOT old.relforcerowsecurity
   AND (old.relpersistence, old.relowner, old.reltablespace, old.relam, old.relreplident, old.reloftype)
     = (new.relpersistence, new.relowner, new.reltablespace, new.relam, new.relreplident, new.reloftype)
   AND old.relacl IS NOT DISTINCT FROM new.relacl
   AND old.reloptions IS NOT DISTINCT FROM new.reloptions
   AND obj_description(old.oid, 'pg_class') IS NULL
   AND NOT EXISTS (SELECT FROM pg_inherits WHERE old.oid IN (inhrelid, inhparent))
   AND NOT EXISTS (SELECT FROM pg_seclabel WHERE objoid = old.oid AND classoid = 'pg_class'::regclass)
   AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = old.oid AND attnum > 0
         AND (attisdropped OR attacl IS NOT NULL OR attoptions IS NOT NULL OR attidentity <> '' OR coalesce(attstattarget, -1) >= 0))
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = old.oid AND d.deptype IN ('e', 'x'))
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = old.oid
         AND d.classid <> 'pg_attrdef'::regclass
         AND NOT (d.classid = 'pg_type'::regclass AND d.objid = old.reltype)
         AND NOT (d.classid = 'pg_class'::regclass AND d.objid = old.reltoastrelid)
         AND NOT (d.classid = 'pg_class'::regclass AND d.objid = old.oid)
         AND NOT (d.classid = 'pg_constraint'::regclass
               AND EXISTS (SELECT FROM pg_constraint k WHERE k.oid = d.objid AND k.conrelid = old.oid AND k.contype IN ('c', 'n'))))
   AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_type t ON t.typrelid = old.oid
         WHERE d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray) AND d.deptype <> 'i')
FROM old, new";
    let row = session.row(sql, &[Some(&oid.to_string()), Some(&like.schema), Some(&like.table)]).await?;
    let swappable = row.map(|row| row.try_get::<Option<bool>, _>(0)).transpose();
    Ok(swappable.map_err(|error| session.failure(&error))?.flatten() == Some(true))
}
