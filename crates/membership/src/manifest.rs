//! The signed list of an account's devices, and the laws by which one list follows another.
//!
//! Always holds: a [`VerifiedManifest`] was signed by who may sign it, names each device once with
//! the key that its id comes from, and has an owner device. Deliberately absent: how the newest
//! manifest is fetched and pinned, and private keys (`e2ee::keys` signs).

use crate::device_id;
use comity_wire::limits::{DEVICES_MAX, MANIFEST_BYTES_MAX};
use comity_wire::{AccountId, Address, AppId, DeviceId, Message, UnixMs, proto};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

/// Attributes that this version knows: who it does not know and is critical is refused.
const KNOWN_ATTRIBUTES: [&str; 2] = ["kind", "operated_by"];
const ATTRIBUTES_MAX: usize = 8;
const ATTRIBUTE_BYTES_MAX: usize = 1024;

/// The highest number that a list can have.
pub const SEQ_MAX: u64 = 1 << 62;
/// How far an account's app lets its number go on by one list. No honest account gets as far in all
/// its time: a list has no room for the revoked devices of so many changes.
pub const SEQ_STEP_MAX: u64 = 10_000;
/// How far ahead of the list that is known one may be, for who was away: thousands of millions of
/// lists, each as far on as the app lets it, in one absence.
pub const SEQ_AHEAD_MAX: u64 = 1 << 48;

/// One attribute of a device, such as `kind` = `gateway`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Vec<u8>,
    /// Who does not know it must refuse the device.
    pub critical: bool,
}

/// One device of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Comes from the key: [`device_id`].
    pub id: DeviceId,
    /// Ed25519 public key, of the device's leaf in every conversation.
    pub signature_key: [u8; 32],
    /// May sign the next manifest.
    pub owner: bool,
    /// What else is said about it.
    pub attributes: Vec<Attribute>,
    /// When it was added.
    pub added_ms: UnixMs,
}

impl Device {
    /// A device with this key.
    #[must_use]
    pub fn new(signature_key: [u8; 32], owner: bool, added_ms: UnixMs) -> Self {
        Self {
            id: device_id(&signature_key),
            signature_key,
            owner,
            attributes: Vec::new(),
            added_ms,
        }
    }
}

/// The device list of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Whose.
    pub address: Address,
    /// Ed25519 public key of the account's root.
    pub root_key: [u8; 32],
    /// 1, 2, 3 …
    pub seq: u64,
    /// [`VerifiedManifest::hash`] of the one before; empty in manifest 1.
    pub previous_hash: Vec<u8>,
    /// At least one, at least one owner.
    pub devices: Vec<Device>,
    /// Devices that may never come back.
    pub revoked: Vec<DeviceId>,
    /// When it was made, by its maker's clock.
    pub at_ms: UnixMs,
}

impl Manifest {
    /// The device of this id, if it is in the list.
    #[must_use]
    pub fn device(&self, id: &DeviceId) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == *id)
    }
}

/// A manifest whose signatures hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedManifest {
    /// What it says.
    pub manifest: Manifest,
    /// The encoded `SignedManifest`.
    pub bytes: Vec<u8>,
    /// SHA-256 of the signed bytes.
    pub hash: [u8; 32],
}

/// Why a manifest was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not an encoded manifest, or over a limit.
    #[error("not a manifest: {0}")]
    Malformed(&'static str),
    /// Breaks a law of a single manifest.
    #[error("the manifest {0}")]
    Invalid(&'static str),
    /// Nobody who may sign it did.
    #[error("nobody who may sign the manifest did")]
    Signature,
    /// Another account, or another root key: not the next manifest of this account.
    #[error("the manifest is another account's, or has another root")]
    OtherAccount,
    /// A revoked device came back.
    #[error("a revoked device came back")]
    Resurrected,
    /// Older than the one that is known.
    #[error("older than the manifest that is known")]
    Rollback,
    /// The same number as the one that is known, with other content; or does not follow from it.
    #[error("two manifests with one number, or a broken chain")]
    Fork,
    /// Its number is so far on that no account came there by changing its list.
    #[error("the manifest's number is too far ahead of the one that is known")]
    TooFar,
}

/// The bytes that are signed: encoded, not yet signed.
#[must_use]
pub fn encode(manifest: &Manifest) -> Vec<u8> {
    proto::Manifest {
        app: manifest.address.app.to_string(),
        account: manifest.address.account.to_vec(),
        root_key: manifest.root_key.to_vec(),
        seq: manifest.seq,
        previous_hash: manifest.previous_hash.clone(),
        devices: manifest.devices.iter().map(certificate).collect(),
        revoked: manifest.revoked.iter().map(DeviceId::to_vec).collect(),
        at_ms: manifest.at_ms,
    }
    .encode_to_vec()
}

fn certificate(device: &Device) -> proto::DeviceCertificate {
    proto::DeviceCertificate {
        device: device.id.to_vec(),
        signature_key: device.signature_key.to_vec(),
        owner: device.owner,
        attributes: device
            .attributes
            .iter()
            .map(|a| proto::Attribute {
                name: a.name.clone(),
                value: a.value.clone(),
                critical: a.critical,
            })
            .collect(),
        added_ms: device.added_ms,
    }
}

/// What the signer signs: `"comity manifest v1"` ‖ the encoded manifest.
#[must_use]
pub fn sign_message(bytes: &[u8]) -> Vec<u8> {
    [b"comity manifest v1".as_slice(), bytes].concat()
}

/// SHA-256 of the encoded manifest: what the next one names as `previous_hash`.
#[must_use]
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Checks a manifest that stands alone: the root must have signed it.
///
/// # Errors
/// [`ManifestError`], by what is wrong.
pub fn verify(bytes: &[u8]) -> Result<VerifiedManifest, ManifestError> {
    let (signed, verified) = parse(bytes, Keys::ToCheck)?;
    if signed_by_root(&signed, &verified.manifest) {
        Ok(verified)
    } else {
        Err(ManifestError::Signature)
    }
}

/// Reads a manifest that was verified before it was kept. Its signatures and keys are not checked
/// again: a large group asks for a thousand of them at every change.
///
/// # Errors
/// [`ManifestError::Malformed`] and [`ManifestError::Invalid`], when what was kept is damaged.
pub fn pinned(bytes: &[u8]) -> Result<VerifiedManifest, ManifestError> {
    parse(bytes, Keys::Checked).map(|(_, verified)| verified)
}

/// Checks a manifest that comes after `previous` (or is the same).
///
/// The root may sign any later one, up to [`SEQ_AHEAD_MAX`]; an owner device of `previous` only the
/// very next.
///
/// # Errors
/// [`ManifestError`], by what is wrong.
pub fn verify_next(
    previous: &VerifiedManifest,
    bytes: &[u8],
) -> Result<VerifiedManifest, ManifestError> {
    let (signed, next) = parse(bytes, Keys::ToCheck)?;
    let (old, new) = (&previous.manifest, &next.manifest);
    if new.address != old.address || new.root_key != old.root_key {
        return Err(ManifestError::OtherAccount);
    }
    match new.seq.cmp(&old.seq) {
        std::cmp::Ordering::Less => return Err(ManifestError::Rollback),
        std::cmp::Ordering::Equal if next.hash == previous.hash => return Ok(previous.clone()),
        std::cmp::Ordering::Equal => return Err(ManifestError::Fork),
        std::cmp::Ordering::Greater if new.seq - old.seq > SEQ_AHEAD_MAX => {
            return Err(ManifestError::TooFar);
        }
        std::cmp::Ordering::Greater => {}
    }
    let very_next = old.seq.checked_add(1) == Some(new.seq);
    if very_next && new.previous_hash != previous.hash {
        return Err(ManifestError::Fork);
    }
    if new
        .devices
        .iter()
        .any(|device| old.revoked.contains(&device.id))
    {
        return Err(ManifestError::Resurrected);
    }
    let by_owner = || very_next && signed_by_owner(&signed, old);
    if signed_by_root(&signed, new) || by_owner() {
        Ok(next)
    } else {
        Err(ManifestError::Signature)
    }
}

/// As [`verify_next`], for the account's app, which has every list: one is at most [`SEQ_STEP_MAX`]
/// ahead of the one before, so that who has the root key can not use up the numbers.
///
/// # Errors
/// [`ManifestError`], by what is wrong.
pub fn verify_step(
    previous: &VerifiedManifest,
    bytes: &[u8],
) -> Result<VerifiedManifest, ManifestError> {
    let next = verify_next(previous, bytes)?;
    if next.manifest.seq - previous.manifest.seq > SEQ_STEP_MAX {
        return Err(ManifestError::TooFar);
    }
    Ok(next)
}

/// Whether `next` is the very next list, signed by an owner device of `previous`: one of the
/// account's devices made it, and not only who has the root key.
#[must_use]
pub fn is_by_owner(previous: &Manifest, next: &VerifiedManifest) -> bool {
    previous.seq.checked_add(1) == Some(next.manifest.seq)
        && proto::SignedManifest::decode(next.bytes.as_slice())
            .is_ok_and(|signed| signed_by_owner(&signed, previous))
}

fn signed_by_root(signed: &proto::SignedManifest, manifest: &Manifest) -> bool {
    let message = sign_message(&signed.manifest);
    signed
        .signatures
        .iter()
        .filter(|s| s.signer.is_empty())
        .any(|s| holds(&manifest.root_key, &message, &s.signature))
}

fn signed_by_owner(signed: &proto::SignedManifest, previous: &Manifest) -> bool {
    let message = sign_message(&signed.manifest);
    signed.signatures.iter().any(|s| {
        DeviceId::from_slice(&s.signer)
            .ok()
            .and_then(|id| previous.device(&id))
            .is_some_and(|d| d.owner && holds(&d.signature_key, &message, &s.signature))
    })
}

/// True when the Ed25519 signature of `message` by `key` holds, strictly.
#[must_use]
pub fn holds(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    crate::crypto::checked([key, message, signature], || {
        holds_by_itself(key, message, signature)
    })
}

fn holds_by_itself(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = <[u8; 32]>::try_from(key) else {
        return false;
    };
    let (Ok(key), Ok(signature)) = (
        VerifyingKey::from_bytes(&key),
        Signature::from_slice(signature),
    ) else {
        return false;
    };
    key.verify_strict(message, &signature).is_ok()
}

/// Whether its keys were found to be points of the curve, and no weak ones, before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    ToCheck,
    Checked,
}

/// Shape and the laws of a single manifest; signatures are still to be checked.
fn parse(
    bytes: &[u8],
    keys: Keys,
) -> Result<(proto::SignedManifest, VerifiedManifest), ManifestError> {
    if bytes.len() > MANIFEST_BYTES_MAX {
        return Err(ManifestError::Malformed("too large"));
    }
    let signed = proto::SignedManifest::decode(bytes)
        .map_err(|_| ManifestError::Malformed("encoding of the envelope"))?;
    if signed.signatures.len() > DEVICES_MAX + 1 {
        return Err(ManifestError::Malformed("too many signatures"));
    }
    let inner = proto::Manifest::decode(signed.manifest.as_slice())
        .map_err(|_| ManifestError::Malformed("encoding"))?;
    let manifest = Manifest {
        address: Address::new(
            inner
                .app
                .parse::<AppId>()
                .map_err(|_| ManifestError::Malformed("app"))?,
            AccountId::from_slice(&inner.account)
                .map_err(|_| ManifestError::Malformed("account"))?,
        ),
        root_key: public_key(&inner.root_key, keys)?,
        seq: inner.seq,
        previous_hash: inner.previous_hash,
        devices: inner
            .devices
            .into_iter()
            .map(|certificate| device(certificate, keys))
            .collect::<Result<_, _>>()?,
        revoked: inner
            .revoked
            .iter()
            .map(|id| {
                DeviceId::from_slice(id).map_err(|_| ManifestError::Malformed("revoked device"))
            })
            .collect::<Result<_, _>>()?,
        at_ms: inner.at_ms,
    };
    check(&manifest)?;
    let hash = hash(&signed.manifest);
    Ok((
        signed,
        VerifiedManifest {
            manifest,
            bytes: bytes.to_vec(),
            hash,
        },
    ))
}

fn check(manifest: &Manifest) -> Result<(), ManifestError> {
    let fault = |what| Err(ManifestError::Invalid(what));
    let hash_bytes = if manifest.seq == 1 { 0 } else { 32 };
    if !(1..=SEQ_MAX).contains(&manifest.seq) || manifest.previous_hash.len() != hash_bytes {
        return fault("has no place in a chain");
    }
    if manifest.devices.is_empty() || manifest.devices.len() > DEVICES_MAX {
        return fault("has no devices, or too many");
    }
    if !manifest.devices.iter().any(|device| device.owner) {
        return fault("has no owner device");
    }
    let mut ids: Vec<_> = manifest.devices.iter().map(|device| device.id).collect();
    ids.extend(&manifest.revoked);
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() == count {
        Ok(())
    } else {
        fault("names a device twice")
    }
}

fn device(certificate: proto::DeviceCertificate, keys: Keys) -> Result<Device, ManifestError> {
    let signature_key = public_key(&certificate.signature_key, keys)?;
    let id = device_id(&signature_key);
    if certificate.device != id.as_bytes() {
        return Err(ManifestError::Invalid(
            "has a device whose id is not its key's",
        ));
    }
    if certificate.attributes.len() > ATTRIBUTES_MAX {
        return Err(ManifestError::Invalid("has too many attributes"));
    }
    let attributes = certificate
        .attributes
        .into_iter()
        .map(|a| {
            if a.critical && !KNOWN_ATTRIBUTES.contains(&a.name.as_str()) {
                return Err(ManifestError::Invalid(
                    "has a critical attribute that is not known",
                ));
            }
            if a.name.len() + a.value.len() > ATTRIBUTE_BYTES_MAX {
                return Err(ManifestError::Invalid("has too large an attribute"));
            }
            Ok(Attribute {
                name: a.name,
                value: a.value,
                critical: a.critical,
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(Device {
        id,
        signature_key,
        owner: certificate.owner,
        attributes,
        added_ms: certificate.added_ms,
    })
}

fn public_key(bytes: &[u8], keys: Keys) -> Result<[u8; 32], ManifestError> {
    let key: [u8; 32] = bytes
        .try_into()
        .map_err(|_| ManifestError::Malformed("key"))?;
    if keys == Keys::Checked {
        return Ok(key);
    }
    let parsed = VerifyingKey::from_bytes(&key).map_err(|_| ManifestError::Malformed("key"))?;
    // A key of small order verifies signatures that nobody made.
    if parsed.is_weak() {
        Err(ManifestError::Malformed("key"))
    } else {
        Ok(key)
    }
}
