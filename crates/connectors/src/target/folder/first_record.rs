//! The names of the columns of a text file, by its first record.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use etlplus_core::Failure;

use crate::failure::io_failure;

/// The longest first record that is looked at.
const RECORD_MAX_BYTES: u64 = 1 << 20;

/// The keys of the first line of NDJSON; `None` where there is none, or no object.
pub(super) fn keys(path: &Path) -> Result<Option<Vec<String>>, Failure> {
    let mut line = Vec::new();
    let read = open(path).and_then(|mut file| file.read_until(b'\n', &mut line));
    read.map_err(|error| io_failure("read", path, &error))?;
    let object: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_slice(&line).ok();
    Ok(object.map(|object| object.into_iter().map(|(key, _)| key).collect()))
}

/// The fields of the first record of CSV, as this program writes it; `None` of an empty file.
pub(super) fn header(path: &Path, delimiter: u8) -> Result<Option<Vec<String>>, Failure> {
    let (mut names, mut name, mut is_quoted) = (Vec::new(), Vec::new(), false);
    let file = open(path).map_err(|error| io_failure("read", path, &error))?;
    for byte in file.bytes() {
        let byte = byte.map_err(|error| io_failure("read", path, &error))?;
        match byte {
            // Two quotes within quotes leave and enter them again.
            b'"' => is_quoted = !is_quoted,
            b'\n' if !is_quoted => {
                names.push(std::mem::take(&mut name));
                let names = names.into_iter().map(|name| String::from_utf8_lossy(&name).into_owned());
                return Ok(Some(names.collect()));
            }
            byte if byte == delimiter && !is_quoted => names.push(std::mem::take(&mut name)),
            byte => name.push(byte),
        }
    }
    Ok(None)
}

fn open(path: &Path) -> io::Result<BufReader<io::Take<File>>> {
    Ok(BufReader::new(File::open(path)?.take(RECORD_MAX_BYTES)))
}
