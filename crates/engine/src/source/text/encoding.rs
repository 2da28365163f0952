//! What the first bytes of a text file say about its encoding.

use std::fs::File;

use etlplus_core::Failure;

use super::BlockReader;
use crate::source::SourceFile;

/// Passes over a byte order mark, and refuses text in UTF-16.
pub(crate) fn skip_encoding_mark(reader: &mut BlockReader<File>, file: &SourceFile) -> Result<(), Failure> {
    let failed = |error: std::io::Error| file.read_failure(&error);
    if reader.is_utf16().map_err(failed)? {
        return Err(Failure::user(
            "not_utf8",
            format!("{} is written in UTF-16", file.name()),
            "convert it to UTF-8, for example with iconv -f UTF-16 -t UTF-8",
        ));
    }
    reader.skip_byte_order_mark().map_err(failed)
}
