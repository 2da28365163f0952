//! What the first record of a CSV file says about its columns.

use etlplus_core::Failure;
use etlplus_core::mistake::nearest;
use etlplus_core::pipeline::ExtraFields;

use super::records::unquoted;
use crate::check::CheckPlan;
use crate::source::SourceFile;
use crate::source::text::{Dialect, Malformed, split_fields};

/// Where a file has the declared columns.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Fields of each record.
    pub(crate) field_count: usize,
    /// For each declared column, the number of its field.
    pub(crate) positions: Vec<usize>,
}

impl Layout {
    /// The columns in the order in which they are declared.
    pub(crate) fn by_position(columns: usize) -> Self {
        Self { field_count: columns, positions: (0..columns).collect() }
    }

    /// A blank line is a record of one empty field; where records have more, it can only be a blank line.
    pub(crate) fn skips_blank_lines(&self) -> bool {
        self.field_count > 1
    }
}

/// The names in a header record.
pub(crate) fn names(header: &[u8], dialect: Dialect) -> Vec<String> {
    let mut fields = Vec::new();
    split_fields(header, dialect, &mut fields);
    let name = |(start, end): &(u32, u32)| {
        let (text, _) = unquoted(&header[*start as usize..*end as usize], dialect);
        String::from_utf8_lossy(&text).into_owned()
    };
    fields.iter().map(name).collect()
}

/// Finds the declared columns among the names of the header.
pub(crate) fn layout(
    header: Option<Result<Vec<u8>, Malformed>>,
    file: &SourceFile,
    dialect: Dialect,
    plan: &CheckPlan,
    extra_fields: ExtraFields,
) -> Result<Layout, Failure> {
    let header = match header {
        Some(Ok(header)) => header,
        Some(Err(_)) => {
            return Err(Failure::data(
                "bad_header",
                format!("the header of {} is malformed: its quotes do not close, or it is too long", file.name()),
                "mend the first line, or say header: false",
            ));
        }
        None => {
            return Err(Failure::data(
                "empty_file",
                format!("{} is empty, and its header is missing", file.name()),
                "write at least the header, or say header: false",
            ));
        }
    };
    let names = names(&header, dialect);
    refuse_repeated(&names, file)?;
    let positions = plan.columns.iter().map(|column| {
        names.iter().position(|name| *name == column.name).ok_or_else(|| missing(&column.name, &names, file))
    });
    let positions = positions.collect::<Result<Vec<_>, _>>()?;
    if extra_fields == ExtraFields::Reject && names.len() > positions.len() {
        return Err(undeclared(&names, &positions, file));
    }
    Ok(Layout { field_count: names.len(), positions })
}

fn refuse_repeated(names: &[String], file: &SourceFile) -> Result<(), Failure> {
    let mut seen = std::collections::HashMap::new();
    for (index, name) in names.iter().enumerate() {
        if let Some(earlier) = seen.insert(name, index) {
            return Err(Failure::data(
                "repeated_column",
                format!("{} names column {name:?} twice: fields {} and {}", file.name(), earlier + 1, index + 1),
                "rename one of them in the file, or say header: false and declare the columns by position",
            ));
        }
    }
    Ok(())
}

fn missing(column: &str, names: &[String], file: &SourceFile) -> Failure {
    let remedy = match nearest(column, names.iter().map(String::as_str)) {
        _ if names.len() == 1 => format!("the header is one field, {}: check the delimiter", listed(names)),
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("the header has {}; check the delimiter too", listed(names)),
    };
    Failure::user("missing_column", format!("{} has no column {column:?}", file.name()), remedy)
}

fn undeclared(names: &[String], positions: &[usize], file: &SourceFile) -> Failure {
    let extra = names.iter().enumerate().filter(|(index, _)| !positions.contains(index));
    let extra: Vec<_> = extra.map(|(_, name)| name.clone()).collect();
    Failure::user(
        "undeclared_column",
        format!("{} has columns that the schema does not declare: {}", file.name(), listed(&extra)),
        "declare them, or say extra_fields: ignore",
    )
}

/// The first few names.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 10;
    let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| name.chars().take(60).collect::<String>()).collect();
    format!("{}{more}", shown.join(", "))
}
