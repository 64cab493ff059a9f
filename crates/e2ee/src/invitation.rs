//! Invitation links: who has one joins the group by itself.
//!
//! The link names the group and holds the seed of an Ed25519 key; its public half is in the
//! group's context, so hub and members check alike that a joiner has the link, and a new key in
//! the context makes the old link worthless. Always holds: what the key signs is good for one
//! device, and for a join in one epoch. Deliberately absent: the group's name (the link would give
//! it to whoever carries it).

use comity_wire::{
    Address, AppId, ConversationId, DeviceId, Id16, Random, link_fetch_message, link_join_message,
};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use zeroize::{Zeroize, ZeroizeOnDrop};

const PREFIX: &str = "comity:group/";
const VERSION: u8 = 1;
const CHECK_BYTES: usize = 4;
/// Far more than any link needs.
const TEXT_BYTES_MAX: usize = 1024;

/// A link's secret half. 32 bytes.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct LinkSeed([u8; 32]);

impl fmt::Debug for LinkSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSeed(secret)")
    }
}

/// An invitation to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The group.
    pub conversation: ConversationId,
    seed: LinkSeed,
}

/// The text is no invitation link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a whole invitation link")]
pub struct InvitationError;

impl Invitation {
    /// A new one.
    #[must_use]
    pub fn generate(conversation: ConversationId, random: &mut dyn Random) -> Self {
        let mut seed = [0; 32];
        random.fill(&mut seed);
        Self {
            conversation,
            seed: LinkSeed(seed),
        }
    }

    /// From the seed that the sealed state holds; `None` when it is not 32 bytes.
    #[must_use]
    pub fn of_seed(conversation: ConversationId, seed: &[u8]) -> Option<Self> {
        Some(Self {
            conversation,
            seed: LinkSeed(seed.try_into().ok()?),
        })
    }

    /// For the sealed state.
    #[must_use]
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed.0
    }

    /// For the group's context.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.key().verifying_key().to_bytes()
    }

    /// The right of a device to see the group. 64 bytes.
    #[must_use]
    pub fn sign_fetch(&self, device: &DeviceId) -> Vec<u8> {
        let message = link_fetch_message(&self.conversation, device);
        self.key().sign(&message).to_bytes().to_vec()
    }

    /// The right of a device to join after this epoch. 64 bytes.
    #[must_use]
    pub fn sign_join(
        &self,
        epoch: u64,
        joiner: &Address,
        device: &DeviceId,
        signature_key: &[u8],
    ) -> Vec<u8> {
        let message = link_join_message(&self.conversation, epoch, joiner, device, signature_key);
        self.key().sign(&message).to_bytes().to_vec()
    }

    fn key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.seed.0)
    }
}

fn check_of(body: &[u8]) -> [u8; CHECK_BYTES] {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(b"comity invitation check")
        .chain_update(body)
        .finalize()
        .into();
    digest.first_chunk().copied().unwrap_or_default()
}

/// The link: `comity:group/` and base64url.
impl fmt::Display for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hub = self.conversation.hub.as_str().as_bytes();
        let mut body = vec![VERSION, u8::try_from(hub.len()).unwrap_or(u8::MAX)];
        body.extend_from_slice(hub);
        body.extend_from_slice(self.conversation.id.as_bytes());
        body.extend_from_slice(&self.seed.0);
        body.extend_from_slice(&check_of(&body));
        write!(f, "{PREFIX}{}", BASE64URL_NOPAD.encode(&body))
    }
}

impl FromStr for Invitation {
    type Err = InvitationError;

    /// Reads a link, with white space around it or line breaks in it, as mail programs make them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(InvitationError);
        }
        let text: String = text.split_whitespace().collect();
        let body = text.strip_prefix(PREFIX).ok_or(InvitationError)?;
        let bytes = BASE64URL_NOPAD
            .decode(body.as_bytes())
            .map_err(|_| InvitationError)?;
        let (body, check) = bytes
            .split_last_chunk::<CHECK_BYTES>()
            .ok_or(InvitationError)?;
        let ([VERSION, length], rest) = body.split_first_chunk::<2>().ok_or(InvitationError)?
        else {
            return Err(InvitationError);
        };
        if check_of(body) != *check {
            return Err(InvitationError);
        }
        let (hub, rest) = rest
            .split_at_checked(usize::from(*length))
            .ok_or(InvitationError)?;
        let (id, seed) = rest.split_at_checked(Id16::LEN).ok_or(InvitationError)?;
        let hub: AppId = std::str::from_utf8(hub)
            .ok()
            .and_then(|hub| hub.parse().ok())
            .ok_or(InvitationError)?;
        let id = Id16::from_slice(id).map_err(|_| InvitationError)?;
        Self::of_seed(ConversationId::new(hub, id), seed).ok_or(InvitationError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        let id = format!("{}@chat.example", "5".repeat(32));
        Invitation::of_seed(id.parse().unwrap(), &[3; 32]).unwrap()
    }

    #[test]
    fn a_link_is_read_back_also_when_it_was_broken_into_lines() {
        let link = invitation().to_string();
        assert_eq!(link.parse(), Ok(invitation()));
        let (one, two) = link.split_at(40);
        assert_eq!(format!("  {one}\r\n {two}\n").parse(), Ok(invitation()));
    }

    #[test]
    fn any_slip_is_noticed() {
        let link = invitation().to_string();
        for at in PREFIX.len()..link.len() {
            let mut slipped = link.clone().into_bytes();
            slipped[at] = if slipped[at] == b'A' { b'B' } else { b'A' };
            let slipped = String::from_utf8(slipped).unwrap();
            assert_eq!(slipped.parse::<Invitation>(), Err(InvitationError), "{at}");
            assert_eq!(link[..at].parse::<Invitation>(), Err(InvitationError));
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert!(!format!("{:?}", invitation()).contains('3'));
    }
}
