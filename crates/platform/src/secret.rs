//! Random bytes, keyed hashes and comparisons in constant time.

use hmac::{Hmac, Mac};
use rand::RngCore;
use sha2::{Digest, Sha256};

/// Random bytes from the operating system's generator.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[cfg(feature = "simulation")]
    if let Some(chance) = crate::simulated::chance() {
        chance(&mut bytes);
        return bytes;
    }
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

/// A number below `end` (or 0 when `end` is 0), without bias that matters.
#[must_use]
pub fn random_below(end: u64) -> u64 {
    use rand::Rng;
    #[cfg(feature = "simulation")]
    if crate::simulated::chance().is_some() {
        return u64::from_be_bytes(random()) % end.max(1);
    }
    if end == 0 {
        0
    } else {
        rand::rng().random_range(0..end)
    }
}

/// HMAC-SHA-256 over parts, each preceded by its length.
#[must_use]
pub fn keyed_hash(key: &[u8; 32], domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    // An HMAC takes keys of any length; the fallback can not be reached.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    for part in std::iter::once(&domain.as_bytes()).chain(parts) {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// SHA-256.
#[must_use]
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Equality that takes the same time wherever the difference is.
#[must_use]
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .fold(0, |seen, (a, b)| seen | (a ^ b))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = [7; 32];
        assert_ne!(
            keyed_hash(&key, "a", &[b"bc", b"d"]),
            keyed_hash(&key, "a", &[b"b", b"cd"])
        );
        assert_ne!(
            keyed_hash(&key, "ab", &[b"c"]),
            keyed_hash(&key, "a", &[b"bc"])
        );
    }

    #[test]
    fn comparing_finds_each_difference() {
        assert!(equal(b"abc", b"abc"));
        assert!(!equal(b"abc", b"abd"));
        assert!(!equal(b"abc", b"ab"));
    }
}
