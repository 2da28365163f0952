//! Which three bytes follow one another in the messages of a chunk, as a set of bits: a chunk that has not all of those of a
//! text does not hold the text, and need not be read. ASCII letters count as small ones, so that one set serves both kinds of
//! search.

use super::chunk::MESSAGE_END;

/// Bits of a set at first: more than a chunk of ordinary messages fills to an eighth.
const BITS: usize = 1 << 16;
/// The smallest set, in bytes.
const BYTES_MIN: usize = 32;

/// The set of `texts`, whose ASCII letters are small: as small as leaves three quarters of its bits unset.
pub(super) fn of(texts: &[u8]) -> Vec<u8> {
    let mut bits = vec![0_u8; BITS / 8];
    for window in texts.windows(3) {
        if !window.contains(&MESSAGE_END) {
            let bit = hash(window) & (BITS - 1);
            bits[bit / 8] |= 1 << (bit % 8);
        }
    }
    while bits.len() > BYTES_MIN {
        let (low, high) = bits.split_at(bits.len() / 2);
        // A bit's place is the low end of its hash, so that half the set is the or of its halves.
        let folded: Vec<u8> = low.iter().zip(high).map(|(low, high)| low | high).collect();
        let set: u32 = folded.iter().map(|byte| byte.count_ones()).sum();
        if set as usize > folded.len() * 8 / 4 {
            break;
        }
        bits = folded;
    }
    bits
}

/// Whether messages with the set `bits` may hold `needle`. A text of less than three bytes may be anywhere.
pub(super) fn may_hold(bits: &[u8], needle: &str) -> bool {
    let needle = needle.to_ascii_lowercase();
    let is_set = |window: &[u8]| {
        let bit = hash(window) & (bits.len() * 8).saturating_sub(1);
        bits.get(bit / 8).is_none_or(|byte| byte & (1 << (bit % 8)) != 0)
    };
    needle.as_bytes().windows(3).all(is_set)
}

/// A multiplicative hash (Knuth, The Art of Computer Programming, 6.4), of which the upper bits are the good ones.
fn hash(window: &[u8]) -> usize {
    let number = window.iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    (number.wrapping_mul(0x9E37_79B1) >> 16) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_never_missed_and_most_of_what_is_not_is() {
        let messages: Vec<String> =
            (0..4_000).map(|number| format!("checked rows {number}00 to {number}99 of orders")).collect();
        let mut texts = messages.join("\u{0}").into_bytes();
        texts.iter_mut().for_each(|byte| *byte = if *byte == 0 { MESSAGE_END } else { *byte });
        let bits = of(&texts);
        for message in &messages {
            for part in [&message[..], &message[3..9], &message[message.len() - 4..]] {
                assert!(may_hold(&bits, part) && may_hold(&bits, &part.to_ascii_uppercase()), "{part}");
            }
        }
        assert!(may_hold(&bits, "zq"), "two bytes say nothing");
        let absent = ["timeout", "failed", "warehouse", "rejected", "connection", "Straße", "kubernetes", "retry"];
        assert!(absent.iter().filter(|word| may_hold(&bits, word)).count() <= 1);
        assert!(of(b"ab\xFFcd").iter().all(|byte| *byte == 0), "no message goes on in the next");
    }

    #[test]
    fn a_small_chunk_has_a_small_set() {
        assert_eq!(of(b"").len(), BYTES_MIN);
        assert!(of(b"attempt 1 of pipeline orders begins").len() <= 64);
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        let noise: Vec<u8> = (0..400_000).map(|_| next()).collect();
        assert_eq!(of(&noise).len(), BITS / 8);
    }
}
