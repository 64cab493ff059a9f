//! Safety numbers: what two people compare to know that their apps gave them the right keys.
//!
//! Both roots and addresses go in, in an order that does not depend on who looks; so both see the
//! same sixty digits. Each half has about 100 bits of SHA-512, which needs no stretching.

use comity_wire::Address;
use sha2::{Digest as _, Sha512};

const GROUPS_A_SIDE: usize = 6;
const DIGITS_A_GROUP: usize = 5;

/// One side: an account and its root key.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The account.
    pub address: &'a Address,
    /// Its root key, as pinned.
    pub root_key: &'a [u8; 32],
}

fn fingerprint(side: &Side<'_>) -> [u8; 64] {
    let address = side.address.to_string();
    Sha512::new()
        .chain_update(b"comity safety number v1")
        .chain_update(
            u64::try_from(address.len())
                .unwrap_or(u64::MAX)
                .to_be_bytes(),
        )
        .chain_update(address)
        .chain_update(side.root_key)
        .finalize()
        .into()
}

/// The own side, for comparing it with many others: its half is computed once.
#[derive(Debug)]
pub struct OwnSide {
    address: Address,
    print: [u8; 64],
}

impl OwnSide {
    /// Of this side.
    #[must_use]
    pub fn new(own: &Side<'_>) -> Self {
        Self {
            address: own.address.clone(),
            print: fingerprint(own),
        }
    }

    /// [`number`] with another side.
    #[must_use]
    pub fn number(&self, other: &Side<'_>) -> String {
        let (own, print) = (self.print, fingerprint(other));
        if self.address <= *other.address {
            digits(&[own, print])
        } else {
            digits(&[print, own])
        }
    }
}

fn ordered<'a>(one: &Side<'a>, other: &Side<'a>) -> [[u8; 64]; 2] {
    let (first, second) = if one.address <= other.address {
        (one, other)
    } else {
        (other, one)
    };
    [fingerprint(first), fingerprint(second)]
}

/// Sixty digits, in twelve groups of five with spaces between.
#[must_use]
pub fn number(one: &Side<'_>, other: &Side<'_>) -> String {
    digits(&ordered(one, other))
}

fn digits(prints: &[[u8; 64]; 2]) -> String {
    let groups: Vec<String> = prints
        .iter()
        .flat_map(|print| print.chunks_exact(DIGITS_A_GROUP).take(GROUPS_A_SIDE))
        .map(|bytes| {
            let value = bytes
                .iter()
                .fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
            format!("{:05}", value % 100_000)
        })
        .collect();
    groups.join(" ")
}

/// The bytes for a QR code; two devices that show and scan compare them as a whole.
#[must_use]
pub fn qr_bytes(one: &Side<'_>, other: &Side<'_>) -> Vec<u8> {
    let mut bytes = b"comity-safety:1".to_vec();
    for print in ordered(one, other) {
        bytes.extend_from_slice(
            print
                .first_chunk::<32>()
                .map_or(&[], |half| half.as_slice()),
        );
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_see_the_same_number_and_any_other_key_changes_it() {
        let alice: Address = "00112233445566778899aabbccddeeff@chat.example"
            .parse()
            .unwrap();
        let bob: Address = "ff112233445566778899aabbccddeeff@chat.example"
            .parse()
            .unwrap();
        let (a, b) = (
            Side {
                address: &alice,
                root_key: &[1; 32],
            },
            Side {
                address: &bob,
                root_key: &[2; 32],
            },
        );
        let seen = number(&a, &b);
        assert_eq!(seen, number(&b, &a));
        assert_eq!(seen, OwnSide::new(&a).number(&b));
        assert_eq!(seen, OwnSide::new(&b).number(&a));
        assert_eq!(qr_bytes(&a, &b), qr_bytes(&b, &a));
        assert_eq!(seen.split(' ').count(), 12);
        assert!(
            seen.split(' ')
                .all(|g| g.len() == 5 && g.bytes().all(|c| c.is_ascii_digit()))
        );
        let ghost = Side {
            address: &bob,
            root_key: &[3; 32],
        };
        assert_ne!(seen, number(&a, &ghost));
        // The first half is Alice's own and stays.
        assert_eq!(seen.get(..35), number(&a, &ghost).get(..35));
    }
}
