//! The plaintext of a content entry, with what makes a report of it provable.
//!
//! Always holds for an [`Opened`]: the clear tag is the content's under the key inside, and the
//! clear commitment names the device that MLS says sent it. Deliberately absent: encryption (the
//! engine's) and what the content means.

use comity_content::{Content, Envelope, Message as _};
use comity_membership::franking::{Header, sender_commitment};
use comity_membership::{Member, MlsError};
use comity_wire::{Address, DeviceAddress, DeviceId, Random};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::fmt;

/// What an author had seen when writing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuthorPosition {
    /// The last entry of the log that it knew.
    pub last_seq: u64,
    /// SHA-256 over the digests of the window's entries, 16 bytes.
    pub running_hash: [u8; 16],
    /// The first entry of the window.
    pub window_from: u64,
}

/// Content with its franking.
#[derive(Clone, PartialEq, Eq)]
pub struct Franked {
    /// The encoded content, as franked.
    pub content_bytes: Vec<u8>,
    /// Inside the ciphertext.
    pub franking_key: [u8; 32],
    /// r: inside the ciphertext, and shown to the hub once.
    pub sender_nonce: [u8; 32],
    /// The encoded clear header.
    pub header: Vec<u8>,
}

impl fmt::Debug for Franked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Franked(secret)")
    }
}

/// What goes into an entry.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedEnvelope {
    /// To be encrypted, with `franked.header` as authenticated data.
    pub plaintext: Vec<u8>,
    /// What the entry is franked with.
    pub franked: Franked,
}

impl fmt::Debug for SealedEnvelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedEnvelope(secret)")
    }
}

/// What came out of an entry.
#[derive(Clone, PartialEq)]
pub struct Opened {
    /// The encoded content, as franked: keep these bytes, a report needs them.
    pub content_bytes: Vec<u8>,
    /// The content.
    pub content: Content,
    /// For a report.
    pub franking_key: [u8; 32],
    /// For a report.
    pub sender_nonce: [u8; 32],
    /// The clear header.
    pub header: Header,
    /// What its author had seen.
    pub position: AuthorPosition,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opened(secret)")
    }
}

/// Why an envelope was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not an envelope of a version that is known.
    #[error("not an envelope")]
    Malformed,
    /// The clear header is malformed.
    #[error(transparent)]
    Header(#[from] MlsError),
    /// The tag is not the content's: a report of it would prove nothing.
    #[error("the franking tag is not the content's")]
    Tag,
    /// The commitment names another sender.
    #[error("the franking commitment names another sender")]
    Commitment,
}

/// Franks content outside of a conversation: an introduction.
pub fn frank(
    content: &Content,
    address: &Address,
    device: &DeviceId,
    random: &mut dyn Random,
) -> Franked {
    frank_in(content, address, device, [0; 8], random)
}

fn frank_in(
    content: &Content,
    address: &Address,
    device: &DeviceId,
    epoch_authenticator: [u8; 8],
    random: &mut dyn Random,
) -> Franked {
    let content_bytes = content.encode_to_vec();
    let (mut franking_key, mut sender_nonce) = ([0; 32], [0; 32]);
    random.fill(&mut franking_key);
    random.fill(&mut sender_nonce);
    let sender = DeviceAddress::new(address.app.clone(), *device);
    let header = Header {
        tag: tag(&franking_key, &content_bytes)
            .finalize()
            .into_bytes()
            .into(),
        sender_commitment: sender_commitment(&sender, address, &sender_nonce),
        epoch_authenticator,
    };
    Franked {
        content_bytes,
        franking_key,
        sender_nonce,
        header: header.encode(),
    }
}

/// Makes an entry's plaintext and clear header. Content that is encrypted anew, for another epoch,
/// is franked anew.
pub fn seal(
    content: &Content,
    address: &Address,
    device: &DeviceId,
    position: &AuthorPosition,
    epoch_authenticator: [u8; 8],
    random: &mut dyn Random,
) -> SealedEnvelope {
    let franked = frank_in(content, address, device, epoch_authenticator, random);
    let envelope = Envelope {
        version: 1,
        content: franked.content_bytes.clone(),
        franking_key: franked.franking_key.to_vec(),
        sender_nonce: franked.sender_nonce.to_vec(),
        author_last_seq: position.last_seq,
        author_running_hash: position.running_hash.to_vec(),
        author_window_from: position.window_from,
    };
    SealedEnvelope {
        plaintext: envelope.encode_to_vec(),
        franked,
    }
}

/// Opens an entry's plaintext and checks its franking against the sender that MLS gives.
///
/// # Errors
/// [`EnvelopeError`]: the content is not to be shown.
pub fn open(
    plaintext: &[u8],
    authenticated_data: &[u8],
    sender: &Member,
) -> Result<Opened, EnvelopeError> {
    let envelope = Envelope::decode(plaintext).map_err(|_| EnvelopeError::Malformed)?;
    if envelope.version != 1 {
        return Err(EnvelopeError::Malformed);
    }
    let fixed = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| EnvelopeError::Malformed);
    let franking_key = fixed(&envelope.franking_key)?;
    let sender_nonce = fixed(&envelope.sender_nonce)?;
    let header = verify(
        &envelope.content,
        &franking_key,
        &sender_nonce,
        authenticated_data,
        &sender.address,
        &sender.device,
    )?;
    let content =
        Content::decode(envelope.content.as_slice()).map_err(|_| EnvelopeError::Malformed)?;
    let running_hash = envelope.author_running_hash.try_into().unwrap_or_default();
    Ok(Opened {
        content_bytes: envelope.content,
        content,
        franking_key,
        sender_nonce,
        header,
        position: AuthorPosition {
            last_seq: envelope.author_last_seq,
            running_hash,
            window_from: envelope.author_window_from,
        },
    })
}

/// Checks franked content against a sender.
///
/// # Errors
/// [`EnvelopeError`], by what does not fit.
pub fn verify(
    content_bytes: &[u8],
    franking_key: &[u8],
    sender_nonce: &[u8],
    header: &[u8],
    address: &Address,
    device: &DeviceId,
) -> Result<Header, EnvelopeError> {
    let header = Header::decode(header)?;
    let key = <[u8; 32]>::try_from(franking_key).map_err(|_| EnvelopeError::Malformed)?;
    tag(&key, content_bytes)
        .verify_slice(&header.tag)
        .map_err(|_| EnvelopeError::Tag)?;
    let sender = DeviceAddress::new(address.app.clone(), *device);
    if sender_commitment(&sender, address, sender_nonce) != header.sender_commitment {
        return Err(EnvelopeError::Commitment);
    }
    Ok(header)
}

fn tag(key: &[u8; 32], content: &[u8]) -> Hmac<Sha256> {
    // HMAC fills a short key up with zeros to a block of 64 bytes.
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block);
    mac.update(content);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_content::proto::{Text, content::Body};

    fn alice() -> Member {
        let key = [1; 32];
        Member {
            leaf: 0,
            address: "00112233445566778899aabbccddeeff@chat.example"
                .parse()
                .unwrap(),
            device: comity_membership::device_id(&key),
            signature_key: key.to_vec(),
        }
    }

    fn sealed() -> SealedEnvelope {
        let content = Content {
            body: Some(Body::Text(Text {
                text: "hello".into(),
            })),
            ..Content::default()
        };
        let mut random = |bytes: &mut [u8]| bytes.fill(9);
        let position = AuthorPosition {
            last_seq: 3,
            running_hash: [4; 16],
            window_from: 1,
        };
        seal(
            &content,
            &alice().address,
            &alice().device,
            &position,
            [5; 8],
            &mut random,
        )
    }

    #[test]
    fn what_was_sealed_opens_with_its_position() {
        let sealed = sealed();
        let opened = open(&sealed.plaintext, &sealed.franked.header, &alice()).unwrap();
        assert_eq!(opened.content_bytes, sealed.franked.content_bytes);
        assert_eq!(opened.position.last_seq, 3);
        assert_eq!(opened.header.epoch_authenticator, [5; 8]);
        assert!(!format!("{sealed:?} {opened:?}").contains("hello"));
    }

    #[test]
    fn forged_franking_is_refused() {
        let sealed = sealed();
        let mut header = Header::decode(&sealed.franked.header).unwrap();
        header.tag[0] ^= 1;
        assert_eq!(
            open(&sealed.plaintext, &header.encode(), &alice()),
            Err(EnvelopeError::Tag)
        );

        let mut other = alice();
        other.device = comity_membership::device_id(&[2; 32]);
        assert_eq!(
            open(&sealed.plaintext, &sealed.franked.header, &other),
            Err(EnvelopeError::Commitment)
        );

        let mut envelope = Envelope::decode(sealed.plaintext.as_slice()).unwrap();
        envelope.content[0] ^= 1;
        let changed = envelope.encode_to_vec();
        assert_eq!(
            open(&changed, &sealed.franked.header, &alice()),
            Err(EnvelopeError::Tag)
        );
    }
}
