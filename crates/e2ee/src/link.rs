//! Linking a device: the new one shows a code, the owner device takes it from its screen.
//!
//! The code names the app, a secret, and the hash of the offer; so an app that hands the owner
//! another offer is noticed. From the secret come the place to meet at the app, and the key that
//! the new device's name is sealed under: the app knows the place, not the secret. The grant comes
//! back sealed to the offer's HPKE key, and bound to the offer. Always holds: who opened a grant
//! was meant, and who took an offer saw the code. Deliberately absent: the screens, and the
//! manifest that the owner signs.

use crate::hpke::{self, HpkeKeys, HpkeOpenError};
use crate::keys::DeviceKeys;
use crate::sealed::{self, bound};
use comity_content::Message as _;
use comity_content::proto::LinkGrant;
use comity_membership::SUITE;
use comity_wire::limits::DEVICE_NAME_BYTES_MAX;
use comity_wire::proto::LinkOffer;
use comity_wire::{AppId, Random};
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

const PREFIX: &str = "comity-link:";
const GROUP: usize = 4;
const SECRET_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
const CHECK_BYTES: usize = 2;

/// What the new device shows. As text: `comity-link:` and base32 in groups of four, which ends
/// with a check so that a slip of the pen is told apart from an attack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkCode {
    /// The app of the account.
    pub app: AppId,
    /// Known to the two devices only.
    pub secret: [u8; SECRET_BYTES],
    /// SHA-256 of the encoded offer.
    pub offer_hash: [u8; HASH_BYTES],
}

/// Why linking went no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Not a whole link code.
    #[error("not a whole link code")]
    Code,
    /// The offer is not the one that the code names: another key was put in its place.
    #[error("the offer is not the one on the new device's screen")]
    Swapped,
    /// The offer can not be used.
    #[error("the offer can not be used")]
    Offer,
    /// The grant does not open.
    #[error(transparent)]
    Sealed(#[from] HpkeOpenError),
    /// The grant is malformed.
    #[error("not a grant")]
    Grant,
}

/// A new offer.
pub struct MadeOffer {
    /// To be shown.
    pub code: LinkCode,
    /// The encoded `LinkOffer`, for the app.
    pub offer: Vec<u8>,
    /// To open the grant with.
    pub hpke_private: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for MadeOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MadeOffer(secret)")
    }
}

/// An offer that is the one of the code.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedOffer {
    /// The new device's keys.
    pub offer: LinkOffer,
    /// What the new device calls itself.
    pub device_name: String,
}

impl LinkCode {
    /// Where the two meet at the app, in hexadecimal. It says nothing about the secret.
    #[must_use]
    pub fn rendezvous(&self) -> String {
        let place: [u8; 32] = self.derive(b"comity link place v1");
        HEXLOWER.encode(place.get(..16).unwrap_or_default())
    }

    fn derive(&self, label: &[u8]) -> [u8; 32] {
        Sha256::digest(bound(label, &[&self.secret])).into()
    }

    fn name_key(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.derive(b"comity link name v1"))
    }

    fn body(&self) -> Vec<u8> {
        let app = self.app.as_str().as_bytes();
        let mut body = vec![1, u8::try_from(app.len()).unwrap_or(u8::MAX)];
        body.extend_from_slice(app);
        body.extend_from_slice(&self.secret);
        body.extend_from_slice(&self.offer_hash);
        body
    }
}

fn check_of(body: &[u8]) -> [u8; CHECK_BYTES] {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(b"comity link check")
        .chain_update(body)
        .finalize()
        .into();
    digest.first_chunk().copied().unwrap_or_default()
}

impl fmt::Display for LinkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut body = self.body();
        body.extend_from_slice(&check_of(&body));
        f.write_str(PREFIX)?;
        for (place, letter) in BASE32_NOPAD.encode(&body).chars().enumerate() {
            if place > 0 && place % GROUP == 0 {
                f.write_str("-")?;
            }
            write!(f, "{letter}")?;
        }
        Ok(())
    }
}

impl FromStr for LinkCode {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = text.trim();
        let head = text
            .get(..PREFIX.len())
            .filter(|head| head.eq_ignore_ascii_case(PREFIX));
        head.ok_or(LinkError::Code)?;
        let letters: String = text
            .chars()
            .skip(PREFIX.len())
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let all = BASE32_NOPAD
            .decode(letters.as_bytes())
            .map_err(|_| LinkError::Code)?;
        let end = all.len().checked_sub(CHECK_BYTES).ok_or(LinkError::Code)?;
        let (body, check) = all.split_at_checked(end).ok_or(LinkError::Code)?;
        if check != check_of(body) {
            return Err(LinkError::Code);
        }
        let ([1, length], rest) = body.split_first_chunk::<2>().ok_or(LinkError::Code)? else {
            return Err(LinkError::Code);
        };
        let (app, rest) = rest
            .split_at_checked(usize::from(*length))
            .ok_or(LinkError::Code)?;
        let app = std::str::from_utf8(app)
            .ok()
            .and_then(|app| app.parse().ok());
        let (secret, hash) = rest
            .split_first_chunk::<SECRET_BYTES>()
            .ok_or(LinkError::Code)?;
        Ok(Self {
            app: app.ok_or(LinkError::Code)?,
            secret: *secret,
            offer_hash: hash.try_into().map_err(|_| LinkError::Code)?,
        })
    }
}

/// Makes an offer on the new device, whose keys were just made.
///
/// # Errors
/// When the name is too long, or the system gives no randomness.
pub fn make_offer(
    keys: &DeviceKeys,
    device_name: &str,
    introduction_key: Vec<u8>,
    app: AppId,
    random: &mut dyn Random,
) -> Result<MadeOffer, LinkError> {
    if device_name.len() > DEVICE_NAME_BYTES_MAX {
        return Err(LinkError::Offer);
    }
    let pair = HpkeKeys::generate()?;
    let signature_key = keys.public();
    let mut secret = [0; SECRET_BYTES];
    random.fill(&mut secret);
    let mut code = LinkCode {
        app,
        secret,
        offer_hash: [0; HASH_BYTES],
    };
    let sealed_device_name = sealed::seal(
        &code.name_key(),
        &signature_key,
        device_name.as_bytes(),
        DEVICE_NAME_BYTES_MAX + 4,
        random,
    )
    .map_err(|_| LinkError::Offer)?;
    let offer = LinkOffer {
        signature_key: signature_key.to_vec(),
        suite: SUITE as u32,
        hpke_key: pair.public,
        sealed_device_name,
        introduction_key,
    }
    .encode_to_vec();
    code.offer_hash = Sha256::digest(&offer).into();
    Ok(MadeOffer {
        code,
        offer,
        hpke_private: pair.private,
    })
}

/// Checks, on the owner device, that the offer which the app hands out is the one of the code.
///
/// # Errors
/// [`LinkError::Swapped`] for another one: link nothing.
pub fn check_offer(code: &LinkCode, offer: &[u8]) -> Result<CheckedOffer, LinkError> {
    let hash: [u8; HASH_BYTES] = Sha256::digest(offer).into();
    if !bool::from(hash.ct_eq(&code.offer_hash)) {
        return Err(LinkError::Swapped);
    }
    let offer = LinkOffer::decode(offer).map_err(|_| LinkError::Offer)?;
    let name = sealed::open(
        &code.name_key(),
        &offer.signature_key,
        &offer.sealed_device_name,
    )
    .map_err(|_| LinkError::Offer)?;
    let device_name = std::str::from_utf8(&name)
        .ok()
        .filter(|name| name.len() <= DEVICE_NAME_BYTES_MAX)
        .ok_or(LinkError::Offer)?
        .to_owned();
    if offer.suite == SUITE as u32 && offer.signature_key.len() == 32 {
        Ok(CheckedOffer { offer, device_name })
    } else {
        Err(LinkError::Offer)
    }
}

fn info(signature_key: &[u8]) -> Vec<u8> {
    bound(b"comity link grant v1", &[signature_key])
}

/// Seals a grant to the device of the offer.
///
/// # Errors
/// When the offer's key is none.
pub fn seal_grant(offer: &LinkOffer, grant: &LinkGrant) -> Result<Vec<u8>, LinkError> {
    let plaintext = Zeroizing::new(grant.encode_to_vec());
    Ok(hpke::seal(
        &offer.hpke_key,
        &info(&offer.signature_key),
        &plaintext,
    )?)
}

/// Opens a grant on the new device.
///
/// # Errors
/// When it is not for this device's offer.
pub fn open_grant(
    hpke_private: &[u8],
    keys: &DeviceKeys,
    sealed: &[u8],
) -> Result<LinkGrant, LinkError> {
    let plaintext = hpke::open(hpke_private, &info(&keys.public()), sealed)?;
    LinkGrant::decode(plaintext.as_slice()).map_err(|_| LinkError::Grant)
}
