//! Looking at 64 bytes of a text at a time.
//!
//! The only module with code that the compiler cannot check. What it computes is one thing: which of 64 bytes are equal to a
//! byte. The portable twin computes the same, and a property test and a fuzz target hold them to each other.
#![allow(unsafe_code, reason = "instructions that not every processor has")]

/// Bytes that are looked at together.
pub(crate) const CHUNK: usize = 64;

/// Bytes of a text at hand.
pub(crate) trait Chunk: Copy {
    /// A bit for each byte, the first byte being the lowest bit: whether it is `byte`.
    fn equal(self, byte: u8) -> u64;
}

/// Looks at the chunks of a text in order.
pub(crate) trait Visitor {
    /// Looks at the chunk that begins at `at`. The last one is filled up with zeros. False ends the visit.
    fn visit<C: Chunk>(&mut self, at: usize, chunk: C) -> bool;
}

/// Shows `text` to `visitor` by the fastest instructions that the processor has.
pub(crate) fn walk(text: &[u8], visitor: &mut impl Visitor) {
    #[cfg(target_arch = "x86_64")]
    if avx2::is_there() {
        // SAFETY: the processor has every feature that the function is compiled for.
        return unsafe { avx2::walk(text, visitor) };
    }
    walk_portable(text, visitor);
}

/// The same by instructions that every processor has.
pub(crate) fn walk_portable(text: &[u8], visitor: &mut impl Visitor) {
    each_chunk(text, visitor, |bytes| {
        let (words, _) = bytes.as_chunks::<8>();
        Words(std::array::from_fn(|word| u64::from_le_bytes(words[word])))
    });
}

#[inline(always)]
fn each_chunk<C: Chunk>(text: &[u8], visitor: &mut impl Visitor, load: impl Fn(&[u8; CHUNK]) -> C) {
    let (chunks, rest) = text.as_chunks::<CHUNK>();
    for (index, chunk) in chunks.iter().enumerate() {
        if !visitor.visit(index * CHUNK, load(chunk)) {
            return;
        }
    }
    if !rest.is_empty() {
        let mut last = [0; CHUNK];
        last[..rest.len()].copy_from_slice(rest);
        visitor.visit(text.len() - rest.len(), load(&last));
    }
}

/// For each bit, whether an odd number of bits are set among it and those below.
#[inline(always)]
pub(crate) fn prefix_xor(bits: u64) -> u64 {
    (0..CHUNK.trailing_zeros()).fold(bits, |bits, power| bits ^ bits << (1_u32 << power))
}

/// 64 bytes as eight words.
#[derive(Clone, Copy)]
struct Words([u64; 8]);

impl Chunk for Words {
    #[inline]
    fn equal(self, byte: u8) -> u64 {
        const LOW: u64 = u64::from_ne_bytes([0x7F; 8]);
        let same = u64::from_ne_bytes([byte; 8]);
        let mut bits = 0;
        for (index, word) in self.0.into_iter().enumerate() {
            let differs = word ^ same;
            // The high bit of each byte that has no bit set; without carries from one byte to the next.
            let zeros = !(((differs & LOW) + LOW) | differs | LOW);
            // Gathers the high bits of the eight bytes in the highest one.
            let gathered = (zeros >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            bits |= gathered << (index * 8);
        }
        bits
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{__m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_set1_epi8};

    use super::{CHUNK, Chunk, Visitor, each_chunk};

    /// Whether the processor has every feature that [`walk`] is compiled for.
    pub(super) fn is_there() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
    }

    /// Beside wide comparisons, the features count and find bits, which is what visitors do.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    pub(super) fn walk(text: &[u8], visitor: &mut impl Visitor) {
        each_chunk(text, visitor, Halves::load);
    }

    /// 64 bytes in two registers. Made by [`walk`] alone, so that whoever has one runs on a processor with AVX2.
    #[derive(Clone, Copy)]
    struct Halves(__m256i, __m256i);

    impl Halves {
        #[inline(always)]
        fn load(bytes: &[u8; CHUNK]) -> Self {
            let start = bytes.as_ptr();
            // SAFETY: the array has the 64 bytes that are read, at any alignment; see the type for the instructions.
            unsafe { Self(_mm256_loadu_si256(start.cast()), _mm256_loadu_si256(start.add(32).cast())) }
        }
    }

    impl Chunk for Halves {
        #[inline(always)]
        fn equal(self, byte: u8) -> u64 {
            // SAFETY: only registers are touched; see the type for the instructions.
            unsafe {
                let same = _mm256_set1_epi8(byte as i8);
                let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(self.0, same)) as u32;
                let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(self.1, same)) as u32;
                u64::from(high) << 32 | u64::from(low)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Chunk, Visitor, walk, walk_portable};

    /// What a walk shows.
    struct Seen {
        byte: u8,
        chunks: Vec<(usize, u64)>,
        most: usize,
    }

    impl Visitor for Seen {
        fn visit<C: Chunk>(&mut self, at: usize, chunk: C) -> bool {
            self.chunks.push((at, chunk.equal(self.byte)));
            self.chunks.len() < self.most
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_twins_see_the_same(text in proptest::collection::vec(prop_oneof![Just(b','), Just(0), Just(0x80), any::<u8>()], 0..300), byte in any::<u8>(), most in 1..6_usize) {
            let see = |walk: fn(&[u8], &mut Seen)| {
                let mut seen = Seen { byte, chunks: Vec::new(), most };
                walk(&text, &mut seen);
                seen.chunks
            };
            let bit = |(index, found): (usize, &u8)| u64::from(*found == byte) << index;
            let padded = |chunk: &[u8]| if byte == 0 && chunk.len() < 64 { u64::MAX << chunk.len() } else { 0 };
            let expected: Vec<_> = text.chunks(64).enumerate()
                .map(|(index, chunk)| (index * 64, chunk.iter().enumerate().map(bit).sum::<u64>() | padded(chunk)))
                .take(most).collect();
            prop_assert_eq!(&see(walk), &expected);
            prop_assert_eq!(&see(walk_portable), &expected);
        }
    }
}
