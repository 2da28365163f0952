//! Compressed files: whole, in pieces, cut short, damaged, and hostile.

use std::io::Write;
use std::time::{Duration, Instant};

use encoding_rs::{SHIFT_JIS, UTF_8};
use etlplus_core::pipeline::{FileCompression, SourceFormat};
use etlplus_core::{Failure, FailureKind, Type};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::support::column;
use super::{File, Read, csv, json, row};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("zstd starts");
    encoder.include_checksum(true).expect("zstd has checksums");
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// Rows that compress little, so that a cut anywhere is a cut in their midst.
fn rows(count: u64) -> String {
    let noise = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let rows: String = (0..count).map(|n| format!("{n},{:x}\n", noise(n))).collect();
    format!("id,name\n{rows}")
}

async fn try_read(bytes: impl AsRef<[u8]>, compression: FileCompression) -> Result<Read, Failure> {
    // The name says nothing: the first bytes do.
    let file = File::new("in.csv", bytes);
    let read = file.read(csv(UTF_8), compression, &[column("id", Type::Int64), column("name", Type::String)]).await?;
    assert_eq!(read.bytes, file.bytes(), "all of the file is told as read, and no more");
    Ok(read)
}

#[tokio::test]
async fn files_of_one_piece_and_of_many_are_read_alike() {
    let text = format!("{}x,y\n", rows(50_000));
    let plain = try_read(&text, FileCompression::Auto).await.expect("plain text");
    assert_eq!(plain.rows.len(), 50_000);
    let offset = text.len() as u64 - 4;
    assert_eq!((plain.rejects[0].line, plain.rejects[0].offset), (Some(50_002), Some(offset)));

    let pieces = |compress: fn(&[u8]) -> Vec<u8>| -> Vec<u8> {
        // Pieces end in the middle of rows, and some are empty.
        let pieces = text.as_bytes().chunks(97_001).flat_map(|piece| [compress(piece), compress(b"")]);
        pieces.collect::<Vec<_>>().concat()
    };
    let skippable = [&b"\x50\x2A\x4D\x18\x03\0\0\0abc"[..], &zstd(text.as_bytes())].concat();
    for (bytes, compression) in [
        (gzip(text.as_bytes()), FileCompression::Auto),
        (gzip(text.as_bytes()), FileCompression::Gzip),
        (pieces(gzip), FileCompression::Auto),
        (zstd(text.as_bytes()), FileCompression::Auto),
        (zstd(text.as_bytes()), FileCompression::Zstd),
        (pieces(zstd), FileCompression::Auto),
        (skippable, FileCompression::Zstd),
    ] {
        let read = try_read(bytes, compression).await.expect("it can be read");
        assert!(read.rows == plain.rows);
        assert_eq!((read.rejects[0].line, read.rejects[0].row), (Some(50_002), 50_001));
        assert_eq!(read.rejects[0].offset, None, "the text's offsets are not the file's");
    }
}

#[tokio::test]
async fn compressed_text_may_be_of_any_encoding() {
    let (text, ..) = SHIFT_JIS.encode("id,name\n1,日本\n");
    let file = File::new("in.csv.gz", gzip(&text));
    let columns = [column("id", Type::Int64), column("name", Type::String)];
    let read = file.read(csv(SHIFT_JIS), FileCompression::Auto, &columns).await.expect("it can be read");
    assert_eq!(read.rows, [row(&["1", "日本"])]);
    let marked = File::new("in.csv.zst", zstd("\u{FEFF}id,name\n1,é\n".as_bytes()));
    let read = marked.read(csv(SHIFT_JIS), FileCompression::Auto, &columns).await.expect("it can be read");
    assert_eq!(read.rows, [row(&["1", "é"])]);
}

#[tokio::test]
async fn a_file_cut_short_is_a_failure_and_never_fewer_rows() {
    let text = rows(200_000);
    for (whole, compression) in
        [(gzip(text.as_bytes()), FileCompression::Gzip), (zstd(text.as_bytes()), FileCompression::Zstd)]
    {
        assert_eq!(try_read(&whole, compression).await.expect("the control").rows.len(), 200_000);
        let length = whole.len();
        for cut in [0, 2, 9, 40, 1000, length / 2, length * 9 / 10, length - 9, length - 4, length - 1] {
            let failure = try_read(&whole[..cut], compression).await.expect_err("rows are missing");
            if cut >= 4 {
                assert_eq!(
                    (failure.kind, &*failure.code),
                    (FailureKind::BadData, "file_cut_short"),
                    "{cut}: {failure}"
                );
            }
            assert!(failure.message.contains("in.csv") && !failure.remedy.is_empty(), "{failure}");
        }
        // A whole piece and the start of another one.
        let failure = try_read([&whole[..], &whole[..20]].concat(), compression).await.expect_err("rows are missing");
        assert_eq!(failure.code, "file_cut_short", "{failure}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_a_failure() {
    let text = rows(200_000);
    for (whole, name) in [(gzip(text.as_bytes()), "gzip"), (zstd(text.as_bytes()), "zstd")] {
        let length = whole.len();
        for place in [20, length / 3, length / 2, length - 3] {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x55;
            let failure = try_read(damaged, FileCompression::Auto).await.expect_err("it is damaged");
            assert_eq!(failure.kind, FailureKind::BadData, "{name} at {place}: {failure}");
            assert!(["file_damaged", "file_cut_short"].contains(&&*failure.code), "{name} at {place}: {failure}");
        }
        let failure = try_read([&whole[..], b"and more, which is not compressed"].concat(), FileCompression::Auto)
            .await
            .expect_err("more follows");
        assert_eq!(failure.code, "file_damaged", "{failure}");
        assert!(failure.message.contains(name), "{failure}");
    }
}

#[tokio::test]
async fn a_declared_compression_has_to_be_there() {
    let text = rows(10);
    for (bytes, compression) in [
        (text.clone().into_bytes(), FileCompression::Gzip),
        (text.clone().into_bytes(), FileCompression::Zstd),
        (gzip(text.as_bytes()), FileCompression::Zstd),
        (zstd(text.as_bytes()), FileCompression::Gzip),
    ] {
        let failure = try_read(bytes, compression).await.expect_err("it is compressed otherwise");
        assert_eq!((failure.kind, &*failure.code), (FailureKind::UserMistake, "wrong_compression"), "{failure}");
    }
    let failure = try_read(gzip(text.as_bytes()), FileCompression::None).await.expect_err("it is taken as it is");
    assert_eq!(failure.code, "missing_column", "{failure}");
}

#[tokio::test]
async fn archives_are_refused_by_their_first_bytes() {
    let mut tar = vec![0; 1024];
    tar[..7].copy_from_slice(b"in.csv\0");
    tar[257..265].copy_from_slice(b"ustar\x0000");
    for (bytes, what) in [
        (b"PK\x03\x04\x14\0\0\0\x08\0".to_vec(), "zip"),
        (b"PK\x05\x06\0\0\0\0".to_vec(), "zip"),
        (b"BZh91AY&SY\0\0".to_vec(), "bzip2"),
        (b"\xFD7zXZ\0\0\x04".to_vec(), "xz"),
        (b"7z\xBC\xAF\x27\x1C\0\x04".to_vec(), "7z"),
        (gzip(&tar), "tar"),
        (tar, "tar"),
    ] {
        let failure = try_read(&bytes, FileCompression::Auto).await.expect_err("it is no text");
        assert_eq!((failure.kind, &*failure.code), (FailureKind::UserMistake, "not_text"), "{what}: {failure}");
        assert!(failure.message.contains(what), "{failure}");
        let failure = File::new("in.ndjson", &bytes).read(json(), FileCompression::Auto, &[]).await;
        assert_eq!(failure.expect_err("it is no text").code, "not_text", "{what}");
    }
    // Text that begins alike is text.
    let read = try_read("BZh9,id,name\n", FileCompression::Auto).await.expect_err("it has another column");
    assert_eq!(read.code, "undeclared_column");
}

/// 32 GiB of text in a small file, all of it one line, or all of it ends of lines.
fn bomb(byte: u8) -> File {
    let piece = gzip(&vec![byte; 8 << 20]);
    File::new("bomb.gz", piece.repeat(4096))
}

/// The most memory that this process has had, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("it has a peak");
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).expect("a number") << 10
}

/// Reads some of a bomb, and stops.
fn take_and_stop(byte: u8, format: SourceFormat) {
    let file = bomb(byte);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let before = peak_memory();
    let (mut bytes, deadline) = (0, Instant::now() + Duration::from_secs(60));
    runtime.block_on(async {
        let mut intake = file.open(format, FileCompression::Auto, &[]).await.expect("it begins like text");
        // A part of the file that is 128 MiB of text.
        while bytes < file.bytes() / 256 {
            assert!(Instant::now() < deadline, "the reader tells what it has passed");
            bytes += intake.next().await.expect("it is text").expect("there is far more").bytes;
        }
    });
    let grown = peak_memory() - before;
    assert!(grown < 64 << 20, "{grown} bytes more than before");
    let stopped = Instant::now();
    // Waits for the thread that reads, which would need minutes for the rest.
    drop(runtime);
    assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());
}

#[test]
fn a_bomb_of_one_line_stays_within_memory_and_can_be_stopped() {
    take_and_stop(b'x', json());
}

#[test]
fn a_bomb_of_blank_lines_stays_within_memory_and_can_be_stopped() {
    take_and_stop(b'\n', json());
}
