//! Seeded random numbers.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of random numbers.
pub(super) type Random = ChaCha8Rng;

/// Stream `number` of `seed`: streams of one seed have nothing in common.
pub(super) fn stream(seed: u64, number: u64) -> Random {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    random
}

/// Whether something happens that does `per_mille` times in 1,000.
pub(super) fn chance(random: &mut Random, per_mille: u32) -> bool {
    random.random_ratio(per_mille, 1000)
}

/// One of `items`, each as likely as the others.
pub(super) fn pick<'a, T>(random: &mut Random, items: &'a [T]) -> &'a T {
    &items[random.random_range(0..items.len())]
}

/// A number that looks random and always is the same for the same `id` (the mixer of SplitMix64). What belongs to a
/// customer or a product is derived from it, so that every file says the same about them without anybody remembering it.
pub(super) fn mix(id: u64) -> u64 {
    let mut mixed = id.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
