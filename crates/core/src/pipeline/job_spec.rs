//! What one job was made with: a pipeline and a value for each of its parameters.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::ids::JobId;
use crate::mistake::nearest;
use crate::pipeline::{AS_OF, DatabaseRows, Operand, Origin, PathPart, PathTemplate, Pipeline, Place, Rule};
use crate::value::{Type, Value};

/// Everything that decides what a job does. Made once, when the job is made; a retry uses the same.
#[derive(Debug, Clone)]
pub struct JobSpec {
    id: JobId,
    pipeline: Arc<Pipeline>,
    folder: PathBuf,
    arguments: BTreeMap<String, Value>,
}

/// A parameter's value that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parameter {name}: {message}: {remedy}")]
pub struct ArgumentError {
    /// The parameter.
    pub name: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl JobSpec {
    /// A job of `pipeline`, whose relative paths start at `folder`. `given` holds the parameters' texts by name; `as_of`
    /// is the run clock, which SQL and paths see in place of the time of day, so that a later run of the same job gives
    /// the same rows.
    ///
    /// # Errors
    /// Every unknown, missing or unfit parameter at once.
    pub fn new(
        id: JobId,
        pipeline: Arc<Pipeline>,
        folder: &Path,
        given: &BTreeMap<String, String>,
        as_of: DateTime<Utc>,
    ) -> Result<Self, Vec<ArgumentError>> {
        let mut errors = unknown_names(&pipeline, given);
        let mut arguments = BTreeMap::from([(AS_OF.to_owned(), Value::TimestampTz(as_of))]);
        for parameter in &pipeline.parameters {
            let value = match (given.get(&parameter.name), &parameter.default) {
                (Some(text), _) => Value::parse(parameter.ty, text).map_err(|error| {
                    let message = format!("{text:?} {error}");
                    argument_error(&parameter.name, message, format!("give a value of type {}", parameter.ty))
                }),
                (None, Some(default)) => Ok(default.clone()),
                (None, None) => Err(argument_error(
                    &parameter.name,
                    "has no default and was not given".to_owned(),
                    format!("give it with --set {}=VALUE", parameter.name),
                )),
            };
            match value {
                Ok(value) => {
                    arguments.insert(parameter.name.clone(), value);
                }
                Err(error) => errors.push(error),
            }
        }
        errors.extend(unfit_for_rules(&pipeline, &arguments));
        if errors.is_empty() { Ok(Self { id, pipeline, folder: folder.to_owned(), arguments }) } else { Err(errors) }
    }

    /// The same job under another id.
    #[must_use]
    pub fn with_id(self, id: JobId) -> Self {
        Self { id, ..self }
    }

    /// The job's id.
    pub fn id(&self) -> &JobId {
        &self.id
    }

    /// The definition.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Every parameter's value by name, `as_of` among them.
    pub fn arguments(&self) -> &BTreeMap<String, Value> {
        &self.arguments
    }

    /// The value that a rule of a column of type `ty` compares with.
    pub fn operand(&self, operand: &Operand, ty: Type) -> Value {
        match operand {
            Operand::Value(value) => value.clone(),
            Operand::Parameter(name) => {
                let value = &self.arguments[name];
                // `new` refused every parameter that does not convert.
                value.convert(ty).unwrap_or_else(|| value.clone())
            }
        }
    }

    /// The source as people read it: a path or a glob, or a database and a table.
    pub fn source_name(&self) -> String {
        let rows = |rows: &DatabaseRows| match rows {
            DatabaseRows::Table(table) => table.to_string(),
            DatabaseRows::Query(_) => "(a query)".to_owned(),
        };
        match &self.pipeline.source.origin {
            Origin::Files(files) => self.path(&files.path).display().to_string(),
            Origin::Sqlite(database) => format!("{} {}", self.path(&database.path).display(), rows(&database.rows)),
            Origin::Postgres(database) => format!("{} {}", database.server.url, rows(&database.rows)),
        }
    }

    /// The target as people read it: a path, or a database and a table.
    pub fn target_name(&self) -> String {
        let shown = |template: &PathTemplate| self.path(template).display().to_string();
        match &self.pipeline.target.place {
            Place::File { path, .. } => shown(path),
            Place::Folder(folder) => format!("{}/", shown(&folder.path)),
            Place::Sqlite { path, table } => format!("{} {table}", shown(path)),
            Place::Postgres { server, table } => format!("{} {table}", server.url),
        }
    }

    /// Where rejects go: what the pipeline says, or beside the target, or beside the pipeline file where the target is in a
    /// database.
    pub fn reject_path(&self) -> PathBuf {
        let ending = format!(".rejects.{}", self.pipeline.rejects.format.ending());
        let beside = match (&self.pipeline.rejects.path, &self.pipeline.target.place) {
            (Some(path), _) => return self.path(path),
            (None, Place::File { path, .. }) => self.path(path),
            (None, Place::Folder(folder)) => self.path(&folder.path),
            (None, Place::Sqlite { .. } | Place::Postgres { .. }) => self.folder.join(&self.pipeline.name),
        };
        let mut path = beside.into_os_string();
        path.push(ending);
        path.into()
    }

    /// The path that `template` means in this job.
    pub fn path(&self, template: &PathTemplate) -> PathBuf {
        self.folder.join(self.expand(template, str::to_owned))
    }

    /// As [`JobSpec::path`], where the template may be a glob: whatever a parameter's value holds stands for itself, as
    /// `escape` makes it.
    pub fn glob(&self, template: &PathTemplate, escape: impl Fn(&str) -> String) -> String {
        let pattern = self.expand(template, &escape);
        if Path::new(&pattern).is_absolute() {
            return pattern;
        }
        let folder = escape(&self.folder.to_string_lossy());
        Path::new(&folder).join(pattern).to_string_lossy().into_owned()
    }

    fn expand(&self, template: &PathTemplate, escape: impl Fn(&str) -> String) -> String {
        let expand_part = |part: &PathPart| match part {
            PathPart::Text(text) => text.clone(),
            PathPart::Parameter { name, format: None } => escape(&self.arguments[name].to_string()),
            PathPart::Parameter { name, format: Some(format) } => escape(&formatted(&self.arguments[name], format)),
        };
        template.parts.iter().map(expand_part).collect()
    }
}

/// A date or time in a strftime format; other values have none, and the check of the file refuses one for them.
fn formatted(value: &Value, format: &str) -> String {
    match value {
        Value::Date(date) => date.format(format).to_string(),
        Value::Timestamp(timestamp) => timestamp.format(format).to_string(),
        Value::TimestampTz(instant) => instant.format(format).to_string(),
        other => other.to_string(),
    }
}

fn argument_error(name: &str, message: String, remedy: String) -> ArgumentError {
    ArgumentError { name: name.to_owned(), message, remedy }
}

fn unknown_names(pipeline: &Pipeline, given: &BTreeMap<String, String>) -> Vec<ArgumentError> {
    let known = || pipeline.parameters.iter().map(|parameter| parameter.name.as_str());
    let unknown = given.keys().filter(|name| !known().any(|known| known == name.as_str()));
    unknown
        .map(|name| {
            let remedy = match nearest(name, known()) {
                Some(near) => format!("did you mean {near}?"),
                None if pipeline.parameters.is_empty() => "the pipeline has no parameters".to_owned(),
                None => format!("the pipeline has {}", known().collect::<Vec<_>>().join(", ")),
            };
            argument_error(name, "is not a parameter of this pipeline".to_owned(), remedy)
        })
        .collect()
}

/// Parameters whose values do not convert to the type of a column whose rules name them.
fn unfit_for_rules(pipeline: &Pipeline, arguments: &BTreeMap<String, Value>) -> Vec<ArgumentError> {
    let lookups = pipeline.lookups.iter().filter_map(|lookup| match &lookup.origin {
        super::LookupOrigin::Source(source) => Some(source),
        super::LookupOrigin::Sql(_) => None,
    });
    let columns = std::iter::once(&pipeline.source).chain(lookups).flat_map(|source| &source.columns);
    let mut errors = Vec::new();
    for column in columns {
        let operands = column.rules.iter().flat_map(|rule| match rule {
            Rule::Min { bound, .. } | Rule::Max { bound, .. } => std::slice::from_ref(bound),
            Rule::OneOf(operands) => operands,
            Rule::Required | Rule::Unique | Rule::Length { .. } | Rule::Pattern(_) | Rule::References { .. } => &[],
        });
        for operand in operands {
            let Operand::Parameter(name) = operand else { continue };
            let Some(value) = arguments.get(name) else { continue };
            if value.convert(column.ty).is_none() {
                let message = format!("{value} cannot be compared with column {}, a {}", column.name, column.ty);
                errors.push(argument_error(name, message, format!("give a value that fits {}", column.ty)));
            }
        }
    }
    errors
}
