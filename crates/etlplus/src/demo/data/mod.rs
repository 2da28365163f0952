//! The demo's data: a web shop's orders (a clean file and a dirty one), its customers, the countries that it ships to,
//! and the views of its pages.
//!
//! Everything is drawn from a seeded stream of random numbers, one stream a file: the same number of rows and the same
//! seed make the same bytes, whichever file is written first.

mod countries;
mod customers;
mod dirt;
mod dirty_orders;
mod orders;
mod people;
mod random;
mod views;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::thread;

/// Streams of random numbers, by what is drawn from them. The views' are the ones from `VIEWS` on, one a file.
mod stream {
    pub(super) const ORDERS: u64 = 1;
    pub(super) const DIRT: u64 = 2;
    pub(super) const VIEWS: u64 = 16;
}

/// Writes the data into `folder`, which is made where it is missing: `orders.csv` (dirty) and `orders-clean.csv` (the
/// same orders, clean) with `rows` rows each, `customers.ndjson`, `countries.csv` and `views/*.csv`.
///
/// # Errors
/// Where a file cannot be written; the error names it.
pub(crate) fn generate(folder: &Path, rows: u64, seed: u64) -> io::Result<()> {
    let views = folder.join("views");
    fs::create_dir_all(&views)?;
    let orders = || random::stream(seed, stream::ORDERS);
    thread::scope(|scope| {
        let mut writers = vec![
            scope.spawn(|| {
                let dirt = random::stream(seed, stream::DIRT);
                write_file(&folder.join("orders.csv"), |out| dirty_orders::write(out, rows, orders(), dirt))
            }),
            scope.spawn(|| write_file(&folder.join("orders-clean.csv"), |out| orders::write(out, rows, orders()))),
            scope.spawn(|| write_file(&folder.join("customers.ndjson"), |out| customers::write(out, rows))),
            scope.spawn(|| write_file(&folder.join("countries.csv"), countries::write)),
        ];
        for month in views::MONTHS {
            let views = &views;
            writers.push(scope.spawn(move || {
                let random = random::stream(seed, stream::VIEWS + u64::from(month));
                write_file(&views.join(views::file_name(month)), |out| views::write(out, month, rows, random))
            }));
        }
        writers.into_iter().try_for_each(|writer| {
            writer.join().unwrap_or_else(|_| Err(io::Error::other("a writer of sample data panicked")))
        })
    })
}

fn write_file(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    const BUFFER_BYTES: usize = 256 << 10;
    let written = File::create(path).and_then(|file| {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
        write(&mut out)?;
        out.flush()
    });
    written.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The names and bytes of all files.
    fn files(rows: u64, seed: u64) -> BTreeMap<String, Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        generate(folder.path(), rows, seed).unwrap();
        let mut files = BTreeMap::new();
        for folder in [folder.path(), &folder.path().join("views")] {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    files.insert(path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap());
                }
            }
        }
        files
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes_and_another_seed_others() {
        let first = files(2_000, 7);
        assert_eq!(first.len(), 4 + views::MONTHS.count());
        assert_eq!(first, files(2_000, 7));
        let other = files(2_000, 8);
        assert_ne!(first["orders.csv"], other["orders.csv"]);
        assert_ne!(first["2025-01.csv"], other["2025-01.csv"]);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("orders.csv")).unwrap();
        let error = generate(folder.path(), 1, 1).unwrap_err();
        assert!(error.to_string().contains("orders.csv"), "{error}");
    }
}
