//! Text that is not UTF-8, or says by its first bytes what it is.

use encoding_rs::{BIG5, EUC_KR, Encoding, GB18030, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use etlplus_core::pipeline::FileCompression;
use etlplus_core::{FailureKind, Type};

use super::support::column;
use super::{File, Read, csv, json, row};

async fn read(bytes: impl AsRef<[u8]>, encoding: &'static Encoding) -> Read {
    let file = File::new("in.csv", bytes);
    let columns = [column("id", Type::Int64), column("name", Type::String)];
    let read = file.read(csv(encoding), FileCompression::Auto, &columns).await.expect("it can be read");
    assert_eq!(read.bytes, file.bytes(), "all of the file is told as read");
    read
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

/// The one reject's place and rule.
#[track_caller]
fn only_reject(read: &Read) -> (Option<u64>, u64, Option<u64>, &str) {
    assert_eq!(read.rejects.len(), 1, "{:?}", read.rejects);
    let reject = &read.rejects[0];
    (reject.line, reject.row, reject.offset, &reject.errors[0].rule)
}

#[tokio::test]
async fn a_byte_order_mark_is_no_text_and_overrules_the_declared_encoding() {
    let text = "id,name\n1,Müller €\nx,\"zwei\nZeilen\"\n3,😀\n";
    let rows = [row(&["1", "Müller €"]), row(&["3", "😀"])];
    for encoding in [UTF_8, WINDOWS_1252] {
        let with_mark = read(format!("\u{FEFF}{text}"), encoding).await;
        assert_eq!(with_mark.rows, rows);
        let offset = 3 + text.find("x,").expect("the row") as u64;
        assert_eq!(only_reject(&with_mark), (Some(3), 2, Some(offset), "type"), "offsets count the mark");
        let wide: [fn(u16) -> [u8; 2]; 2] = [u16::to_le_bytes, u16::to_be_bytes];
        for unit in wide {
            let with_mark = read(utf16(&format!("\u{FEFF}{text}"), unit), encoding).await;
            assert_eq!(with_mark.rows, rows);
            assert_eq!(only_reject(&with_mark), (Some(3), 2, None, "type"), "the text's offsets are not the file's");
            assert_eq!(with_mark.rejects[0].raw, "x,\"zwei\nZeilen\"");
        }
    }
    // Without a mark the declared encoding counts.
    assert_eq!(read(utf16(text, u16::to_le_bytes), UTF_16LE).await.rows, rows);
    assert_eq!(read(utf16(text, u16::to_be_bytes), UTF_16BE).await.rows, rows);
}

#[tokio::test]
async fn encodings_of_one_byte_and_of_several() {
    let text = |name: &str| format!("id,name\n1,{name}\nx,y\n");
    for (encoding, name) in
        [(WINDOWS_1252, "Müller €"), (SHIFT_JIS, "日本"), (GB18030, "中文€"), (EUC_KR, "한국"), (BIG5, "中文")]
    {
        let text = text(name);
        let (bytes, used, has_unmappable) = encoding.encode(&text);
        assert_eq!((used, has_unmappable), (encoding, false));
        let found = read(&bytes, encoding).await;
        assert_eq!(found.rows, [row(&["1", name])], "{}", encoding.name());
        assert_eq!(only_reject(&found), (Some(3), 2, None, "type"), "{}", encoding.name());
        let file = File::new("in.csv", &bytes);
        let columns = [column("id", Type::Int64), column("name", Type::String)];
        let as_utf8 = file.read(csv(UTF_8), FileCompression::Auto, &columns).await.expect("it can be read");
        assert_eq!(as_utf8.rejects[0].errors[0].rule, "utf8", "the control: {}", encoding.name());
    }
}

#[tokio::test]
async fn what_an_encoding_does_not_have_is_rejected_and_never_replaced() {
    // A lead byte of two-byte characters before the line's end, and one before a comma.
    let found = read(b"id,name\n1,\x93\xFA\x96\x7B\n2,a\x81\n3,\xA0,\n4,b\n", SHIFT_JIS).await;
    assert_eq!(found.rows, [row(&["1", "日本"]), row(&["4", "b"])]);
    let places: Vec<_> =
        found.rejects.iter().map(|reject| (reject.line, reject.row, &*reject.errors[0].rule)).collect();
    assert_eq!(places, [(Some(3), 2, "utf8"), (Some(4), 3, "field_count")]);
    assert_eq!((&*found.rejects[0].raw, found.rejects[0].raw_hex.as_deref()), ("2,a\u{FFFD}", Some("322c61ff")));

    // Half a surrogate pair, and a file that ends in the middle of a character.
    let mut bytes = utf16("id,name\n1,a\n2,", u16::to_le_bytes);
    bytes.extend(0xD83D_u16.to_le_bytes());
    bytes.extend(utf16("\n3,c\n4,d", u16::to_le_bytes));
    bytes.push(b'!');
    let found = read(bytes, UTF_16LE).await;
    assert_eq!(found.rows, [row(&["1", "a"]), row(&["3", "c"])]);
    let places: Vec<_> = found.rejects.iter().map(|reject| (reject.line, &*reject.errors[0].rule)).collect();
    assert_eq!(places, [(Some(3), "utf8"), (Some(5), "utf8")]);

    // UTF-8 goes through as it is, and the reject has the very bytes.
    let found = read(b"id,name\n1,a\n2,M\xFCller\n", UTF_8).await;
    assert_eq!(only_reject(&found), (Some(3), 2, Some(12), "utf8"));
    assert_eq!(found.rejects[0].raw_hex.as_deref(), Some("322c4dfc6c6c6572"));
}

#[tokio::test]
async fn characters_survive_wherever_a_step_ends() {
    // Characters of 1 to 4 bytes in UTF-8, so that each step of either side ends in the middle of one.
    let name = |n: usize| format!("{}aü€😀{n}", "x".repeat(n % 7));
    let text: String = (0..60_000).map(|n| format!("{n},{}\n", name(n))).collect();
    let text = format!("id,name\n{text}");
    let expected: Vec<_> = (0..60_000).map(|n| row(&[&n.to_string(), &name(n)])).collect();
    for (bytes, encoding) in [
        (utf16(&text, u16::to_le_bytes), UTF_16LE),
        (utf16(&text, u16::to_be_bytes), UTF_16BE),
        (GB18030.encode(&text).0.into_owned(), GB18030),
    ] {
        let found = read(bytes, encoding).await;
        assert!(found.rejects.is_empty());
        assert!(found.rows == expected, "{}", encoding.name());
    }
}

#[tokio::test]
async fn json_comes_in_other_encodings_too() {
    let bytes = utf16("\u{FEFF}{\"id\":1,\"name\":\"Zürich\"}\r\n{\"id\":true}\r\n", u16::to_be_bytes);
    let file = File::new("in.ndjson", bytes);
    let columns = [column("id", Type::Int64), column("name", Type::String)];
    let found = file.read(json(), FileCompression::Auto, &columns).await.expect("it can be read");
    assert_eq!(found.rows, [row(&["1", "Zürich"])]);
    assert_eq!(only_reject(&found), (Some(2), 2, None, "type"));
}

#[tokio::test]
async fn utf32_is_refused() {
    for (bytes, mark) in [(b'i', [0xFF, 0xFE, 0, 0]), (b'i', [0, 0, 0xFE, 0xFF])] {
        let file = File::new("in.csv", [&mark[..], &[bytes, 0, 0, 0]].concat());
        let refused = file.read(csv(UTF_8), FileCompression::Auto, &[column("i", Type::Int64)]).await;
        let failure = refused.expect_err("it is no text that we read");
        assert_eq!((failure.kind, &*failure.code), (FailureKind::UserMistake, "unknown_encoding"));
        assert!(failure.message.contains("in.csv"), "{failure}");
    }
}
