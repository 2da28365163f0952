//! Looking at 64 bytes at a time: the processor's own instructions, those of any, and one byte after another.
#![no_main]

use etlplus_connectors::source::fuzzing::masks;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (byte, text) = input;
    let [fast, portable] = masks(text, byte);
    assert_eq!(fast, portable);
    let bits = |chunk: &[u8]| {
        let found = (0..64).filter(|index| chunk.get(*index).copied().unwrap_or(0) == byte);
        found.fold(0_u64, |bits, index| bits | 1 << index)
    };
    assert_eq!(fast, text.chunks(64).map(bits).collect::<Vec<_>>());
});
