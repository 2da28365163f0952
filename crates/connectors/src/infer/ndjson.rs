//! A guess at an NDJSON file.

use std::collections::HashMap;

use etlplus_core::Failure;
use etlplus_core::pipeline::{FileCompression, NdjsonSource, SourceFormat};

use super::guess::Guess;
use super::{Inferred, RECORD_MAX_BYTES, ROWS_MAX, no_rows};
use crate::source::SourceFile;
use crate::source::ndjson::parse_object;
use crate::source::text::{BlockReader, Framing, TextInput};

#[derive(Default)]
struct Fields {
    names: Vec<String>,
    guesses: HashMap<String, Guess>,
    nested: Vec<String>,
    rows: u64,
}

pub(super) fn infer(file: &SourceFile) -> Result<Inferred, Failure> {
    let input = TextInput::open(file, FileCompression::Auto, encoding_rs::UTF_8)?;
    let mut reader = BlockReader::new(input, Framing::Lines, RECORD_MAX_BYTES, true);
    let mut fields = Fields::default();
    while fields.rows < ROWS_MAX {
        let Some(block) = reader.next().map_err(|error| file.read_failure(&error))? else { break };
        for index in 0..block.spans.len() {
            if let Ok(record) = str::from_utf8(block.record(index)) {
                fields.look(record);
            }
        }
    }
    if fields.rows == 0 {
        return Err(no_rows(file));
    }
    let is_nested = |name: &String| fields.nested.contains(name);
    let names = fields.names.iter().filter(|name| !is_nested(name));
    let columns = names.map(|name| fields.guesses[name].column(name.clone(), fields.rows)).collect();
    Ok(Inferred {
        format: SourceFormat::Ndjson(NdjsonSource { encoding: encoding_rs::UTF_8 }),
        columns,
        skipped: fields.nested,
        rows_seen: fields.rows,
    })
}

impl Fields {
    /// Looks at one line; what is no object is left to the job, which rejects it.
    fn look(&mut self, record: &str) {
        let Ok(object) = parse_object(record) else { return };
        self.rows += 1;
        for (name, value) in object.fields {
            let name = name.into_owned();
            if !self.guesses.contains_key(&name) {
                self.names.push(name.clone());
            }
            let guess = self.guesses.entry(name.clone()).or_default();
            let json = value.get();
            match json.as_bytes().first() {
                Some(b'n') => guess.null(),
                Some(b'"') => guess.text(&serde_json::from_str::<String>(json).unwrap_or_default()),
                Some(b'{' | b'[') if !self.nested.contains(&name) => self.nested.push(name),
                Some(b'{' | b'[') => {}
                _ => guess.value(json),
            }
        }
    }
}
