//! What text files have in common: their encoding and their compression.

use encoding_rs::{Encoding, REPLACEMENT, UTF_8};

use super::field::Section;
use super::{Check, Fault, quoted};
use crate::mistake::nearest;
use crate::pipeline::FileCompression;

const ENCODING_EXAMPLE: &str = "an encoding, such as windows-1252";
/// Names of encodings, for a mistyped one; each encoding has many more.
const ENCODINGS: &[&str] = &[
    "utf-8",
    "utf-16le",
    "utf-16be",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1255",
    "windows-1256",
    "windows-1257",
    "windows-1258",
    "windows-874",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-5",
    "iso-8859-7",
    "iso-8859-9",
    "iso-8859-15",
    "latin1",
    "ibm866",
    "koi8-r",
    "koi8-u",
    "macintosh",
    "shift_jis",
    "euc-jp",
    "iso-2022-jp",
    "gbk",
    "gb18030",
    "big5",
    "euc-kr",
];

/// `encoding`; UTF-8 where the file names none.
pub(super) fn encoding(check: &mut Check, section: &Section<'_>) -> Option<&'static Encoding> {
    let Some(field) = section.get("encoding") else { return Some(UTF_8) };
    let text = &field.scalar(check, ENCODING_EXAMPLE)?.text;
    parse_encoding(text).map_err(|fault| field.fault(check, fault)).ok()
}

fn parse_encoding(text: &str) -> Result<&'static Encoding, Fault> {
    match Encoding::for_label(text.as_bytes()) {
        // It stands for encodings that nobody can decode safely, and turns a whole text into one error.
        Some(encoding) if encoding == REPLACEMENT => {
            let message = format!("the encoding {} is not supported", quoted(text));
            Err(Fault::new(message, "convert the files to UTF-8 before, with iconv for example"))
        }
        Some(encoding) => Ok(encoding),
        None => {
            let remedy = match nearest(text, ENCODINGS.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => "write a label of the WHATWG Encoding Standard, such as utf-8 or windows-1252".to_owned(),
            };
            Err(Fault::new(format!("unknown encoding {}", quoted(text)), remedy))
        }
    }
}

/// `compression`.
pub(super) fn compression(check: &mut Check, section: &Section<'_>) -> Option<FileCompression> {
    use FileCompression::{Auto, Gzip, None, Zstd};
    let choices = [("auto", Auto), ("none", None), ("gzip", Gzip), ("zstd", Zstd)];
    section.get("compression").map_or(Some(Auto), |field| field.choice(check, &choices))
}
