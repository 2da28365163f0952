//! Files that nobody wrote: the reader answers, always, and soon.

use etlplus_core::pipeline;
use proptest::prelude::*;

const GOOD: [&str; 3] = [
    include_str!("../pipelines/valid/orders.yaml"),
    include_str!("../pipelines/valid/databases.yaml"),
    include_str!("../pipelines/valid/old-files.yaml"),
];

/// Reads `text`; fails if that panics, or if the file is refused without a reason.
fn read(text: &str) {
    if let Err(mistakes) = pipeline::parse(text) {
        assert!(!mistakes.is_empty(), "refused without a reason:\n{text}");
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let pieces = [
        ":",
        " ",
        "\n",
        "  ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "'",
        "\"",
        "|\n",
        ">\n",
        "&a",
        "*a",
        "!t",
        "#",
        "\t",
        "\r",
        "---",
        "...",
        "?",
        "%",
        "@",
        "$",
        "${",
        "}",
        "(",
        ")",
        ">=",
        "<",
        "=",
        "..",
        "\u{feff}",
        "\0",
        "\u{85}",
        "é",
        "€",
        "𝄞",
        "one_of(",
        "pattern('",
        "length(",
        "decimal(",
        "required",
        "int64",
        "null",
        "~",
        "\\",
        "\u{2028}",
    ];
    prop::sample::select(pieces.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        read(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_soup_of_yaml_is_answered(pieces in prop::collection::vec(pieces(), 0..100)) {
        read(&pieces.concat());
    }

    #[test]
    fn a_damaged_file_is_answered(
        good in prop::sample::select(GOOD.to_vec()),
        damages in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..20, pieces()), 1..5),
    ) {
        let mut text: Vec<char> = good.chars().collect();
        for (at, length, piece) in damages {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.chars());
        }
        read(&text.into_iter().collect::<String>());
    }

    #[test]
    fn any_address_is_answered(rest in "(etl|db|[@:/?#&=%._a-f0-9\\[\\]]|sslmode|password|postgres://|%2F|é){0,16}") {
        let file = |url: &str| format!("name: t\nsource: {{ postgres: {{ url: '{url}', table: a }} }}\ntarget: {{ ndjson: {{ path: b }} }}\n");
        read(&file(&rest));
        read(&file(&format!("postgres://etl{rest}")));
    }

    #[test]
    fn any_time_format_is_answered(
        ty in prop::sample::select(vec!["date", "timestamp", "timestamptz"]),
        format in "(%[-_0.:#369]{0,2}[a-zA-Z+%]|%Y-%m-%d|%H:%M|[ /:.T-]|é){0,8}",
        zone in prop::sample::select(vec!["", ", timezone: UTC"]),
    ) {
        read(&format!("name: t\nsource: {{ csv: {{ path: a }} }}\nschema:\n  a: {{ type: {ty}, format: '{format}'{zone} }}\ntarget: {{ ndjson: {{ path: b }} }}\n"));
    }

    #[test]
    fn any_column_is_answered(declared in "(int64|string|decimal\\(9,2\\)|date)?( |required|>=|<|'|\"|\\(|\\)|,|\\.\\.|\\$|one_of|pattern|length|[0-9a-z€]){0,12}") {
        let escaped = declared.replace('\'', "''");
        read(&format!("name: t\nsource: {{ csv: {{ path: a }} }}\nschema:\n  a: '{escaped}'\ntarget: {{ ndjson: {{ path: b }} }}\n"));
    }
}

#[test]
fn every_beginning_of_a_file_is_answered() {
    for good in GOOD {
        good.char_indices().for_each(|(end, _)| read(&good[..end]));
    }
}

#[test]
fn repetition_up_to_the_cap_is_answered() {
    for piece in [
        "[", "{", "- ", "? ", "a: ", "'", "\"", "!", "&a ", "*a ", "a,", "[a,", "{a:", "\n", "\t", "|", "a\n", "$",
        "${",
    ] {
        read(&piece.repeat((1 << 20) / piece.len()));
        read(&format!("name: {}", piece.repeat((1 << 20) / piece.len() - 10)));
    }
}
