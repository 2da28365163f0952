//! A folder of files that are one target: replaced as a whole, or appended to by files of each job's own.

mod existing;
mod first_record;
pub(crate) mod hive;
mod loader;
mod loads;
mod lock;
mod partitions;
mod stage;
mod writer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::Schema;
use etlplus_core::pipeline::{Interval, JobSpec, LoadMode, TargetFolder};
use etlplus_core::{Failure, Type};
use futures::FutureExt;
use futures::future::BoxFuture;

use self::loader::FolderLoader;
use self::loads::{Loads, NOTES, fix_interval, fixed_interval};
use self::lock::FolderLock;
use self::stage::{Stage, recover, remove_left_behind};
use super::encode::misfits;
use super::{Load, Loader, Misfit, Target, TargetState, Values, changed_meanwhile, ensure_next};
use crate::failure::io_failure;

/// A folder of files.
pub(super) struct FolderTarget {
    folder: TargetFolder,
    path: PathBuf,
    job: Arc<JobSpec>,
    /// The loads that the folder had when the job looked. It decided by them what to read, so that they must not have
    /// changed when it starts.
    seen: Mutex<Option<Loads>>,
}

impl FolderTarget {
    pub(super) fn new(folder: &TargetFolder, job: &JobSpec) -> Self {
        let path = job.path(&folder.path);
        // Through a symbolic link, the folder that it leads to is replaced, not the link.
        let path = fs::canonicalize(&path).unwrap_or(path);
        Self { folder: folder.clone(), path, job: Arc::new(job.clone()), seen: Mutex::new(None) }
    }

    fn is_append(&self) -> bool {
        self.job.pipeline().target.mode != LoadMode::Replace
    }

    /// The loads that the folder has. What killed jobs began is ended, where no other job is at work.
    fn look(&self) -> Result<Loads, Failure> {
        remove_left_behind(&self.path);
        if !self.path.join(NOTES).is_dir() {
            return Ok(Loads::default());
        }
        let lock = FolderLock::try_take(&self.path).map_err(|error| io_failure("read", &self.path, &error))?;
        let loads = Loads::read(&self.path)?;
        if lock.is_some() {
            recover(&self.path, &loads)?;
        }
        Ok(loads)
    }

    fn read_state(&self) -> Result<TargetState, Failure> {
        let loads = self.look()?;
        let interval = fixed_interval(&self.path, self.job.id())?;
        let state = TargetState {
            columns: if self.is_append() { existing::columns(&self.folder, &self.path)? } else { None },
            loaded: loads.of(self.job.id()).map(|record| record.rows),
            cursor: loads.cursor(&self.job.pipeline().name).map(str::to_owned),
            interval,
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(loads);
        Ok(state)
    }

    /// Where the files of a load go, with all locks that it needs.
    async fn stage(&self) -> Result<Stage, Failure> {
        remove_left_behind(&self.path);
        let is_there = match fs::metadata(&self.path) {
            Ok(metadata) if metadata.is_dir() => true,
            Ok(_) => return Err(io_failure("write", &self.path, &io::ErrorKind::NotADirectory.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(io_failure("write", &self.path, &error)),
        };
        let job = self.job.id();
        if !is_there {
            self.ensure_unchanged(&Loads::default())?;
            return Stage::beside(&self.path, job, None);
        }
        if let Some(Misfit { message, remedy }) = self.foreign_files()? {
            return Err(Failure::user("folder_not_ours", message, remedy));
        }
        let lock = FolderLock::take(&self.path).await?;
        let loads = Loads::read(&self.path)?;
        recover(&self.path, &loads)?;
        self.ensure_unchanged(&loads)?;
        self.ensure_interval_is_next(&loads)?;
        if self.is_append() {
            Stage::within(&self.path, job, loads, lock)
        } else {
            Stage::beside(&self.path, job, Some(lock))
        }
    }

    fn ensure_unchanged(&self, loads: &Loads) -> Result<(), Failure> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.as_ref().is_none_or(|seen| seen == loads) && loads.of(self.job.id()).is_none() {
            return Ok(());
        }
        Err(changed_meanwhile(&self.path.display().to_string()))
    }

    /// An incremental job whose interval begins where a load begins that another job has committed meanwhile would load
    /// rows that are there.
    fn ensure_interval_is_next(&self, loads: &Loads) -> Result<(), Failure> {
        let fixed = fixed_interval(&self.path, self.job.id())?;
        ensure_next(fixed.as_ref(), loads.cursor(&self.job.pipeline().name))
    }

    /// Why a folder must not be replaced: it has files, and no load of ours is noted in it. Somebody else may need them.
    fn foreign_files(&self) -> Result<Option<Misfit>, Failure> {
        if self.is_append() || !self.path.is_dir() || !Loads::read(&self.path)?.records.is_empty() {
            return Ok(None);
        }
        let entries = fs::read_dir(&self.path).map_err(|error| io_failure("read", &self.path, &error))?;
        let foreign = entries.flatten().map(|entry| entry.file_name()).find(|name| name != NOTES);
        Ok(foreign.map(|name| Misfit {
            message: format!(
                "{} holds {name:?}, which no job has loaded and a replace would remove",
                self.path.display()
            ),
            remedy: "name another folder, or empty this one first".to_owned(),
        }))
    }
}

impl Target for FolderTarget {
    fn misfits(&self, schema: &Schema) -> Vec<Misfit> {
        let names = &self.folder.partition_by;
        let mut found = Vec::new();
        for name in names {
            let misfit = match schema.field_with_name(name) {
                Err(_) => {
                    Some(("is none of the rows' columns".to_owned(), "select it, or leave it out of partition_by"))
                }
                Ok(field) if !partitions::can_name_folders(field.data_type()) => Some((
                    format!("is {}, whose values cannot name folders", field.data_type()),
                    "convert it in SQL, for example with CAST(... AS VARCHAR)",
                )),
                Ok(_) => None,
            };
            found.extend(misfit.map(|(message, remedy)| Misfit {
                message: format!("column {name:?} of partition_by {message}"),
                remedy: remedy.to_owned(),
            }));
        }
        let others = schema.fields().iter().filter(|field| !names.contains(field.name())).cloned();
        let others = Schema::new(others.collect::<Vec<_>>());
        if others.fields().is_empty() {
            let message = "the rows have no columns beside those of partition_by".to_owned();
            found.push(Misfit { message, remedy: "leave one of them out of partition_by".to_owned() });
        }
        found.extend(misfits(&self.folder.format, &others));
        found
    }

    fn check<'a>(&'a self, schema: &'a Schema) -> BoxFuture<'a, Result<Vec<Misfit>, Failure>> {
        async move {
            let mut found = self.misfits(schema);
            found.extend(self.foreign_files()?);
            if self.is_append() {
                found.extend(existing::misfits(&self.folder, &self.path, schema)?);
            }
            Ok(found)
        }
        .boxed()
    }

    fn state(&self) -> BoxFuture<'_, Result<TargetState, Failure>> {
        async { self.read_state() }.boxed()
    }

    fn fix_interval<'a>(&'a self, interval: &'a Interval) -> BoxFuture<'a, Result<(), Failure>> {
        async { fix_interval(&self.path, self.job.id(), interval) }.boxed()
    }

    fn values<'a>(&'a self, column: &'a str, ty: Type) -> BoxFuture<'a, Result<Option<Values>, Failure>> {
        async move {
            if !self.is_append() {
                return Ok(None);
            }
            existing::values(&self.folder, &self.path, &self.job, column, ty)
        }
        .boxed()
    }

    fn start(&self, load: Load) -> BoxFuture<'_, Result<Box<dyn Loader>, Failure>> {
        async move {
            let stage = self.stage().await?;
            let keeps_rows = self.is_append();
            let loader = FolderLoader::start(&self.folder, &self.job, stage, load, keeps_rows)?;
            Ok(Box::new(loader) as Box<dyn Loader>)
        }
        .boxed()
    }
}

/// The folders of a path from `root` to its file, as columns and values: what a partition's files have in common.
pub(crate) fn partition_of(path: &Path) -> Vec<(String, Option<String>)> {
    let folders = path.parent().into_iter().flat_map(Path::components);
    folders.filter_map(|folder| hive::column_and_value(&folder.as_os_str().to_string_lossy())).collect()
}
