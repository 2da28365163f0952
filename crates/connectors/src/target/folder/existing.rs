//! What a folder has already: its columns, and the values of one of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Schema};
use encoding_rs::UTF_8;
use etlplus_core::mistake::Position;
use etlplus_core::pipeline::{
    Column, CsvSource, CsvTarget, ExtraFields, FileCompression, JobSpec, NdjsonSource, Origin, PathPart, PathTemplate,
    Source, SourceFiles, SourceFormat, TargetFolder, TargetFormat, ValueFormat,
};
use etlplus_core::{Failure, Type};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::super::{Misfit, TargetColumn, Values};
use super::writer::ending;
use super::{first_record, partition_of};
use crate::check::{BrokenCells, Cell, CheckPlan, build_column};
use crate::failure::io_failure;
use crate::source::parquet::load_metadata;
use crate::source::{self, SourceFile};

/// What a file of the folder says of its columns.
struct FileColumns {
    path: PathBuf,
    /// Columns that its folders tell.
    partition_by: Vec<String>,
    /// The file's own, with their types where the format has any.
    columns: Vec<(String, Option<DataType>)>,
}

/// The columns of the folder's last file; `None` where it has no file, or one whose format does not tell.
pub(super) fn columns(folder: &TargetFolder, path: &Path) -> Result<Option<Vec<TargetColumn>>, Failure> {
    let Some(file) = last_file(folder, path)? else { return Ok(None) };
    let told = file.partition_by.iter().map(|name| (name, "the folder's name".to_owned()));
    let own = file
        .columns
        .iter()
        .map(|(name, data_type)| (name, data_type.as_ref().map_or_else(|| "text".to_owned(), ToString::to_string)));
    let columns = own.chain(told).map(|(name, type_name)| TargetColumn {
        name: name.clone(),
        type_name,
        is_nullable: true,
        has_default: true,
    });
    Ok(Some(columns.collect()))
}

/// Why rows of `schema` do not belong into the folder with the rows that it has.
pub(super) fn misfits(folder: &TargetFolder, path: &Path, schema: &Schema) -> Result<Vec<Misfit>, Failure> {
    let Some(file) = last_file(folder, path)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut tell = |message: String, remedy: &str| found.push(Misfit { message, remedy: remedy.to_owned() });
    let shown = file.path.display();
    if file.partition_by != folder.partition_by {
        let (there, wanted) = (&file.partition_by, &folder.partition_by);
        tell(
            format!("{shown} is partitioned by {there:?}, and partition_by is {wanted:?}"),
            "partition alike, or use another folder",
        );
        return Ok(found);
    }
    let is_own = |name: &String| !folder.partition_by.contains(name);
    for field in schema.fields().iter().filter(|field| is_own(field.name())) {
        match file.columns.iter().find(|(name, _)| name == field.name()) {
            None => tell(
                format!("{shown} has no column {:?}, which the rows have", field.name()),
                "leave it out, or load into another folder",
            ),
            Some((_, Some(there))) if !is_same_type(there, field.data_type()) => tell(
                format!("column {:?} is {there} in {shown}, and {} in the rows", field.name(), field.data_type()),
                "convert it in SQL to the type that is there",
            ),
            Some(_) => {}
        }
    }
    for (name, _) in file.columns.iter().filter(|(name, _)| schema.field_with_name(name).is_err()) {
        tell(
            format!("{shown} has a column {name:?}, which the rows have not"),
            "select it, or load into another folder",
        );
    }
    Ok(found)
}

/// Whether Parquet writes two types alike.
fn is_same_type(a: &DataType, b: &DataType) -> bool {
    use DataType::{LargeUtf8, Utf8, Utf8View};
    a == b || matches!((a, b), (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Utf8View))
}

/// The values of a column of all files; `None` where there are no files.
pub(super) fn values(
    folder: &TargetFolder,
    path: &Path,
    job: &Arc<JobSpec>,
    column: &str,
    ty: Type,
) -> Result<Option<Values>, Failure> {
    let Some(last) = last_file(folder, path)? else { return Ok(None) };
    let files = data_files(folder, path)?;
    let column = Column {
        name: column.to_owned(),
        ty,
        format: ValueFormat::Standard,
        rules: Vec::new(),
        position: Position::START,
    };
    if last.partition_by.contains(&column.name) {
        let array = told_values(&files, path, &column, job);
        return Ok(Some(stream::once(async { Ok(array) }).boxed()));
    }
    if matches!(&folder.format, TargetFormat::Csv(CsvTarget { header: false, .. })) {
        return Err(Failure::user(
            "unique_needs_header",
            format!(
                "the files of {} do not name their columns, so that {:?} cannot be found",
                path.display(),
                column.name
            ),
            "write a header, or leave out the rule unique",
        ));
    }
    if !last.columns.iter().any(|(name, _)| *name == column.name) {
        return Ok(None);
    }
    let (format, job) = (source_format(&folder.format), job.clone());
    let values = stream::iter(files).then(move |file| {
        let source = source_of(&file, format.clone(), column.clone());
        let job = job.clone();
        async move {
            let opened = source::open(&source, &job, None).await?;
            // Rows that do not have the type are none that a new row could equal.
            Ok(opened.read().map_ok(|checked| checked.batch.column(0).clone()))
        }
    });
    Ok(Some(values.try_flatten().boxed()))
}

/// The values of a column that the folders tell.
fn told_values(files: &[PathBuf], root: &Path, column: &Column, job: &JobSpec) -> ArrayRef {
    let told = files.iter().flat_map(|file| partition_of(file.strip_prefix(root).unwrap_or(file)));
    let values: BTreeSet<_> = told.filter(|(name, _)| *name == column.name).filter_map(|(_, value)| value).collect();
    let plan = CheckPlan::new(std::slice::from_ref(column), job);
    let cells = values.into_iter().map(|value| Cell::Text(value.into_bytes().into())).collect::<Vec<_>>();
    build_column(0, &plan.columns[0], cells.into_iter(), &mut BrokenCells::default())
}

/// The file at `path` as a source of one column.
fn source_of(path: &Path, format: SourceFormat, column: Column) -> Source {
    let template = PathTemplate {
        parts: vec![PathPart::Text(path.to_string_lossy().into_owned())],
        key: "target.path".to_owned(),
        position: Position::START,
    };
    let files = SourceFiles { format, path: template, compression: FileCompression::None };
    Source { origin: Origin::Files(files), columns: vec![column], extra_fields: ExtraFields::Ignore }
}

/// How to read what is written in a format.
fn source_format(format: &TargetFormat) -> SourceFormat {
    match format {
        TargetFormat::Csv(options) => SourceFormat::Csv(CsvSource {
            delimiter: options.delimiter,
            quote: Some(b'"'),
            escape: None,
            comment: None,
            skip_lines: 0,
            header: options.header,
            null: vec![options.null.clone()],
            encoding: UTF_8,
        }),
        TargetFormat::Ndjson => SourceFormat::Ndjson(NdjsonSource { encoding: UTF_8 }),
        TargetFormat::Parquet(_) => SourceFormat::Parquet,
    }
}

/// What the last file by name tells: job ids begin with the time, so that it is of the last job where all lie in one folder.
fn last_file(folder: &TargetFolder, root: &Path) -> Result<Option<FileColumns>, Failure> {
    let files = data_files(folder, root)?;
    let Some(path) = files.into_iter().max_by(|a, b| a.file_name().cmp(&b.file_name())) else { return Ok(None) };
    let inner = path.strip_prefix(root).unwrap_or(&path);
    let partition_by = partition_of(inner).into_iter().map(|(name, _)| name).collect();
    let columns = match &folder.format {
        TargetFormat::Parquet(_) => {
            let metadata = load_metadata(&SourceFile::look(path.clone())?)?;
            let fields = metadata.schema().fields().iter();
            Some(fields.map(|field| (field.name().clone(), Some(field.data_type().clone()))).collect())
        }
        TargetFormat::Csv(CsvTarget { header: false, .. }) => None,
        TargetFormat::Csv(options) => first_record::header(&path, options.delimiter)?.map(untyped),
        TargetFormat::Ndjson => first_record::keys(&path)?.map(untyped),
    };
    Ok(columns.map(|columns| FileColumns { path, partition_by, columns }))
}

fn untyped(names: Vec<String>) -> Vec<(String, Option<DataType>)> {
    names.into_iter().map(|name| (name, None)).collect()
}

/// The files of the folder's format in it and the folders within it, by path. Hidden ones are none.
fn data_files(folder: &TargetFolder, root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder_path) = folders.pop() {
        let failed = |error| io_failure("read", &folder_path, &error);
        let entries = match fs::read_dir(&folder_path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if is_hidden {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending(&folder.format)) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
