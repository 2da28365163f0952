//! Files that nobody wrote: the reader answers, always, and soon.

use etlplus_core::settings::{self, Format, Layer};
use proptest::prelude::*;

use crate::support::{SEED, all, of_file};

const FORMATS: [Format; 3] = [Format::Yaml, Format::Json, Format::Toml];

/// Reads `text` in each way; fails if that panics, or if it is refused without a reason.
fn read(text: &str) {
    for format in FORMATS {
        match settings::read(text, format).whole() {
            Ok(layer) => drop(of_file(layer).settle()),
            Err(mistakes) => assert!(!mistakes.is_empty(), "refused without a reason: {text}"),
        }
    }
    if let Err(mistakes) = Layer::default().changed_by(text).whole() {
        assert!(!mistakes.is_empty(), "refused without a reason: {text}");
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "=",
        "\"",
        "'",
        "\n",
        " ",
        "\t",
        "#",
        "\\",
        "\\u",
        "\\ud800",
        "null",
        "true",
        "0",
        "-",
        "1e9",
        ".",
        "\"monitoring\"",
        "monitoring",
        "channels",
        "\"\"\"",
        "[[",
        "]]",
        "&a",
        "*a",
        "!",
        "|",
        "${",
        "é",
        "𝄞",
        "\u{feff}",
        "\0",
        "\r",
        "\u{2028}",
        "1979-05-27",
    ];
    prop::sample::select(pieces.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn any_soup_is_answered(pieces in prop::collection::vec(pieces(), 0..60)) {
        read(&pieces.concat());
    }

    #[test]
    fn a_damaged_file_is_answered(
        damages in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..20, pieces()), 1..5),
    ) {
        let mut text: Vec<char> = SEED.chars().collect();
        for (at, length, piece) in damages {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.chars());
        }
        read(&text.into_iter().collect::<String>());
    }

    #[test]
    fn any_variable_is_answered(name in "ETLPLUS_[A-Z_é]{0,30}", text in any::<String>()) {
        if let Err(mistakes) = settings::environment([(name, text)]).whole() {
            assert!(!mistakes.is_empty());
        }
    }

    #[test]
    fn any_value_of_any_key_is_answered(
        index in any::<prop::sample::Index>(),
        text in "[ -~é]{0,20}|[0-9]{1,30}[a-zA-Z]{0,3}",
    ) {
        let keys = of_file(Layer::default()).settle().expect("the defaults fit").entries;
        let key = &keys[index.index(keys.len())].key;
        if let Err(mistakes) = settings::flags([(key.as_str(), text.as_str())]).whole() {
            assert!(mistakes.iter().all(|mistake| !mistake.remedy.is_empty()));
        }
    }
}

#[test]
fn repetition_up_to_the_cap_is_answered() {
    for piece in [
        "[",
        "{",
        "[[",
        "- ",
        "a: ",
        "'",
        "\"",
        "\"\"\"",
        "[a,",
        "{\"a\":",
        "\n",
        "\t",
        "a\n",
        "a=1\n",
        "[a]\n",
        "a.",
        "1,",
        "\"a\":1,",
        "{\"monitoring\":",
    ] {
        let body = piece.repeat((1 << 20) / piece.len() - 2);
        read(&body);
        read(&format!("{{{body}"));
    }
}

#[test]
fn a_long_list_of_keys_is_answered_with_a_thousand_mistakes() {
    let keys: String = (0..60_000).map(|index| format!("\"a{index}\":1,\n")).collect();
    let mistakes = settings::read(&format!("{{{keys}\"z\":1}}"), Format::Json).whole().expect_err("no key is known");
    assert_eq!(mistakes.len(), 1_001);
    assert_eq!(mistakes[1_000].message, "there are 59001 more mistakes");
}

#[test]
fn a_file_beyond_the_cap_is_refused() {
    for format in FORMATS {
        let mistakes = settings::read(&" ".repeat((1 << 20) + 1), format).whole().expect_err("it is too long");
        assert!(mistakes[0].message.contains("1048577 bytes"), "{mistakes:?}");
    }
}

#[test]
fn a_nul_is_refused_where_it_stands() {
    for format in FORMATS {
        all("# a\nlog: §\0", format, &[("", "the file holds a NUL character")]);
    }
}

#[test]
fn deep_nesting_is_refused_where_it_gets_too_deep() {
    let deep = |open: &str, depth: usize| open.repeat(depth);
    for depth in [40, 100, 1_000, 100_000] {
        let json = format!("{}{}", deep("{\"a\":", depth), deep("}", depth)).replace(":}", ":1}");
        let mistakes = settings::read(&json, Format::Json).whole().expect_err("it is too deep");
        assert!(mistakes[0].message.contains("nested more than 32 deep"), "{mistakes:?}");
        let yaml = format!("{}{}", deep("[", depth), deep("]", depth));
        assert!(settings::read(&yaml, Format::Yaml).whole().is_err());
        let toml = format!("a = {yaml}");
        assert!(settings::read(&toml, Format::Toml).whole().is_err());
        let toml = format!("[{}a]", deep("a.", depth));
        assert!(settings::read(&toml, Format::Toml).whole().is_err());
    }
}
