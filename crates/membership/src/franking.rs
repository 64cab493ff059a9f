//! Franking: proof, for a report, of who said what and that the hub passed it on.
//!
//! A content entry's clear data holds a [`Header`]: a tag of the content under a key that only
//! readers have, and a commitment to the sender under a nonce `r`. `r` is inside the ciphertext;
//! the sender shows it to the hub once, the hub checks the commitment, forgets `r`, and seals
//! (conversation, number, header, time). Deliberately absent: the tag's key and the content
//! (`e2ee::envelope`).

use comity_wire::{Address, DeviceAddress, Message, UnixMs, proto};
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac as _};
use sha2::{Digest, Sha256};

/// The clear, authenticated data of a content entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// HMAC-SHA-256 of the content.
    pub tag: [u8; 32],
    /// [`sender_commitment`].
    pub sender_commitment: [u8; 32],
    /// First bytes of the epoch authenticator: a hint for forks.
    pub epoch_authenticator: [u8; 8],
}

impl Header {
    /// As it stands in the entry.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        proto::FrankingHeader {
            version: 1,
            tag: self.tag.to_vec(),
            sender_commitment: self.sender_commitment.to_vec(),
            epoch_authenticator: self.epoch_authenticator.to_vec(),
        }
        .encode_to_vec()
    }

    /// Reads an entry's clear data.
    ///
    /// # Errors
    /// [`crate::MlsError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, crate::MlsError> {
        let malformed = || crate::MlsError::Malformed("franking header");
        // Version, two values of 32 bytes, one of 8, with their tags and lengths.
        if bytes.len() > 128 {
            return Err(malformed());
        }
        let header = proto::FrankingHeader::decode(bytes).map_err(|_| malformed())?;
        if header.version != 1 {
            return Err(malformed());
        }
        Ok(Self {
            tag: header.tag.try_into().map_err(|_| malformed())?,
            sender_commitment: header
                .sender_commitment
                .try_into()
                .map_err(|_| malformed())?,
            epoch_authenticator: header
                .epoch_authenticator
                .try_into()
                .map_err(|_| malformed())?,
        })
    }
}

/// SHA-256(`"comity sender"` ‖ len(app) ‖ app ‖ account ‖ device ‖ r).
#[must_use]
pub fn sender_commitment(device: &DeviceAddress, account: &Address, r: &[u8]) -> [u8; 32] {
    let app = account.app.as_str().as_bytes();
    Sha256::new()
        .chain_update(b"comity sender")
        .chain_update([u8::try_from(app.len()).unwrap_or(u8::MAX)])
        .chain_update(app)
        .chain_update(account.account.as_bytes())
        .chain_update(device.device.as_bytes())
        .chain_update(r)
        .finalize()
        .into()
}

/// What a hub seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// Text of the conversation id, or of the introduction's id.
    pub log: &'a str,
    /// The entry's number; 0 for an introduction.
    pub seq: u64,
    /// The encoded [`Header`].
    pub header: &'a [u8],
    /// When the hub took it.
    pub at_ms: UnixMs,
}

/// The hub's seal: HMAC-SHA-256 under its own key, which it alone checks.
#[must_use]
pub fn seal(server_key: &[u8; 32], what: &Sealed<'_>) -> [u8; 32] {
    mac(server_key, what).finalize().into_bytes().into()
}

/// True when the seal is the one that this hub would make.
#[must_use]
pub fn verify_seal(server_key: &[u8; 32], what: &Sealed<'_>, claimed: &[u8]) -> bool {
    mac(server_key, what).verify_slice(claimed).is_ok()
}

fn mac(server_key: &[u8; 32], what: &Sealed<'_>) -> Hmac<Sha256> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    // A key as long as half a block is used as it is: nothing can go wrong.
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block(server_key));
    mac.update(b"comity seal v1");
    mac.update(&length(what.log.as_bytes()));
    mac.update(what.log.as_bytes());
    mac.update(&what.seq.to_be_bytes());
    mac.update(&length(what.header));
    mac.update(what.header);
    mac.update(&what.at_ms.to_be_bytes());
    mac
}

/// HMAC fills a short key up with zeros to a block of 64 bytes.
fn block(key: &[u8; 32]) -> hmac::digest::Key<Hmac<Sha256>> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_holds_for_what_was_sealed_and_nothing_else() {
        let what = Sealed {
            log: "a@b",
            seq: 7,
            header: b"header",
            at_ms: 1,
        };
        let made = seal(&[1; 32], &what);
        assert!(verify_seal(&[1; 32], &what, &made));
        assert!(!verify_seal(&[2; 32], &what, &made));
        assert!(!verify_seal(&[1; 32], &Sealed { seq: 8, ..what }, &made));
        assert!(!verify_seal(
            &[1; 32],
            &Sealed {
                header: b"headers",
                ..what
            },
            &made
        ));
        assert!(!verify_seal(&[1; 32], &what, &made[..31]));
    }

    #[test]
    fn a_header_survives_its_bytes_and_bad_ones_are_refused() {
        let header = Header {
            tag: [1; 32],
            sender_commitment: [2; 32],
            epoch_authenticator: [3; 8],
        };
        assert_eq!(Header::decode(&header.encode()).unwrap(), header);
        assert!(Header::decode(&[]).is_err());
        assert!(Header::decode(&[0xff; 40]).is_err());
        assert!(Header::decode(&[0; 200]).is_err());
    }
}
