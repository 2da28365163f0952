//! The jobs' own copies of their reject files, which must not fill the disk.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// Bytes of all copies together. The oldest are removed beyond it; the file at the pipeline's own path is not touched.
const BYTES_MAX: u64 = 4 << 30;

/// Removes the oldest copies in `folder` beyond what may be kept. The newest stays, however large it is.
pub(super) fn prune(folder: &Path) {
    prune_beyond(folder, BYTES_MAX);
}

fn prune_beyond(folder: &Path, bytes_max: u64) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), entry.path()))
        })
        .collect();
    files.sort_by(|a, b| b.cmp(a));
    let mut bytes = 0;
    for (index, (_, length, path)) in files.into_iter().enumerate() {
        bytes += length;
        if index > 0 && bytes > bytes_max {
            // One that cannot be removed is tried again after the next job.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_oldest_go_and_the_newest_stays_however_large() {
        let folder = tempfile::tempdir().unwrap();
        for age in 0..5_u64 {
            let path = folder.path().join(age.to_string());
            fs::write(&path, vec![0; 100]).unwrap();
            let modified = SystemTime::now() - Duration::from_secs(age * 60);
            fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
        }
        let left = |bytes_max| {
            prune_beyond(folder.path(), bytes_max);
            let mut names: Vec<_> =
                fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(left(500).len(), 5);
        assert_eq!(left(250), ["0", "1"]);
        assert_eq!(left(10), ["0"]);
    }
}
