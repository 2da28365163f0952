//! The jobs' own copies of their reject files, which must not fill the disk.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// What is kept of the copies; the files at the pipelines' own paths are not touched.
#[derive(Debug, Clone, Copy)]
pub(super) struct RejectLimits {
    /// Those written before this go.
    pub(super) before: Option<SystemTime>,
    /// So many stay, the newest.
    pub(super) max_count: Option<u64>,
    /// Bytes of all together; the oldest go beyond it. The newest stays, however large it is.
    pub(super) max_bytes: u64,
}

/// Removes the copies in `folder` that `limits` do not keep, and gives their number.
pub(super) fn prune(folder: &Path, limits: &RejectLimits) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), entry.path()))
        })
        .collect();
    files.sort_by(|a, b| b.cmp(a));
    let (mut bytes, mut removed) = (0, 0);
    for (index, (modified, length, path)) in files.into_iter().enumerate() {
        bytes += length;
        let is_old = limits.before.is_some_and(|before| modified < before);
        let is_too_many = limits.max_count.is_some_and(|most| index as u64 >= most);
        let is_too_much = index > 0 && bytes > limits.max_bytes;
        // One that cannot be removed is tried again in a minute.
        if (is_old || is_too_many || is_too_much) && fs::remove_file(path).is_ok() {
            removed += 1;
        }
    }
    removed
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;
    use std::time::Duration;

    const ALL: RejectLimits = RejectLimits { before: None, max_count: None, max_bytes: u64::MAX };

    #[test]
    fn the_oldest_go_by_bytes_count_and_age_and_the_newest_stays_however_large() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let minutes = |number: u64| now - Duration::from_secs(number * 60);
        for age in 0..8_u64 {
            let path = folder.path().join(age.to_string());
            fs::write(&path, vec![0; 100]).unwrap();
            fs::File::options().write(true).open(path).unwrap().set_modified(minutes(age)).unwrap();
        }
        let left = |limits: RejectLimits| {
            let removed = prune(folder.path(), &limits);
            let mut names: Vec<_> =
                fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            (removed, names)
        };
        assert_eq!(left(ALL).0, 0);
        assert_eq!(left(RejectLimits { max_count: Some(6), ..ALL }).0, 2);
        assert_eq!(left(RejectLimits { before: Some(minutes(4)), ..ALL }).0, 1);
        assert_eq!(left(RejectLimits { max_bytes: 250, ..ALL }).1, ["0", "1"]);
        assert_eq!(left(RejectLimits { max_bytes: 10, ..ALL }).1, ["0"]);
        assert_eq!(left(RejectLimits { max_count: Some(0), ..ALL }).0, 1);
    }
}
