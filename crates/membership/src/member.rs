//! A leaf of a conversation's tree: which device of which account it stands for.
//!
//! Always holds: a [`Member`] was read from a leaf whose credential names the device that its
//! signature key belongs to. Whether the account has that device is for [`crate::rules`].

use crate::crypto::Crypto;
use crate::{MlsError, SUITE, device_id, manifest};
use comity_wire::limits::KEY_PACKAGE_BYTES_MAX;
use comity_wire::{AccountId, Address, AppId, DeviceAddress, DeviceId, Message, proto};
use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, Credential, CredentialType, ExtensionType,
    KeyPackage, KeyPackageIn, KeyPackageVerifyError, LeafNode, MlsMessageBodyIn, MlsMessageIn,
    ProtocolVersion,
};

/// One member device.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// Leaf index in the tree.
    pub leaf: u32,
    /// The account.
    pub address: Address,
    /// The device.
    pub device: DeviceId,
    /// Ed25519 public key of the leaf.
    pub signature_key: Vec<u8>,
}

impl Member {
    /// The member that a leaf stands for.
    ///
    /// # Errors
    /// [`MlsError::Identity`] when the credential does not fit the key.
    pub fn of_leaf(leaf: u32, node: &LeafNode) -> Result<Self, MlsError> {
        Self::of_parts(leaf, node.credential(), node.signature_key().as_slice())
    }

    /// The member that a credential and a key stand for.
    ///
    /// # Errors
    /// [`MlsError::Identity`] when they do not fit together.
    pub fn of_parts(leaf: u32, credential: &Credential, key: &[u8]) -> Result<Self, MlsError> {
        let (address, device) = read_identity(credential)?;
        if device != device_id(key) {
            return Err(MlsError::Identity);
        }
        Ok(Self {
            leaf,
            address,
            device,
            signature_key: key.to_vec(),
        })
    }

    /// The device with its app.
    #[must_use]
    pub fn device_address(&self) -> DeviceAddress {
        DeviceAddress::new(self.address.app.clone(), self.device)
    }
}

/// The credential of a device.
#[must_use]
pub fn identity_of(address: &Address, device: &DeviceId) -> Credential {
    let identity = proto::DeviceIdentity {
        app: address.app.to_string(),
        account: address.account.to_vec(),
        device: device.to_vec(),
    };
    BasicCredential::new(identity.encode_to_vec()).into()
}

/// Reads a credential; it says nothing until its key was compared ([`Member::of_parts`]).
///
/// # Errors
/// [`MlsError::Identity`] when it is not a device's.
pub fn read_identity(credential: &Credential) -> Result<(Address, DeviceId), MlsError> {
    let basic = BasicCredential::try_from(credential.clone()).map_err(|_| MlsError::Identity)?;
    let identity =
        proto::DeviceIdentity::decode(basic.identity()).map_err(|_| MlsError::Identity)?;
    let app: AppId = identity.app.parse().map_err(|_| MlsError::Identity)?;
    let account = AccountId::from_slice(&identity.account).map_err(|_| MlsError::Identity)?;
    let device = DeviceId::from_slice(&identity.device).map_err(|_| MlsError::Identity)?;
    Ok((Address::new(app, account), device))
}

/// What every leaf says it can do, in conversations of this suite. Explicit, because the library's
/// defaults do not name the post-quantum suites.
#[must_use]
pub fn capabilities(suite: Ciphersuite) -> Capabilities {
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&[suite]),
        Some(&[
            ExtensionType::Unknown(crate::context::EXTENSION),
            ExtensionType::LastResort,
        ]),
        Some(&[]),
        Some(&[CredentialType::Basic]),
    )
}

/// What a server needs to know of a key package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPackageFacts {
    /// May be served more than once.
    pub last_resort: bool,
    /// Unix seconds.
    pub expires_s: u64,
    /// MLS cipher suite.
    pub suite: u16,
}

/// Parses and checks a key package's own signatures and lifetime.
///
/// # Errors
/// [`MlsError`], by what is wrong.
pub fn parse_key_package(bytes: &[u8]) -> Result<KeyPackage, MlsError> {
    if bytes.len() > KEY_PACKAGE_BYTES_MAX {
        return Err(MlsError::Malformed("key package"));
    }
    let malformed = |_| MlsError::Malformed("key package");
    let message = MlsMessageIn::tls_deserialize_exact(bytes).map_err(malformed)?;
    let MlsMessageBodyIn::KeyPackage(unchecked) = message.extract() else {
        return Err(MlsError::Malformed("key package"));
    };
    let unchecked: KeyPackageIn = unchecked;
    unchecked
        .validate(&Crypto::default(), ProtocolVersion::Mls10)
        .map_err(|error| match error {
            KeyPackageVerifyError::LifetimeError(_) => MlsError::OutOfDate,
            other => MlsError::Invalid(other.to_string()),
        })
}

/// Checks that a key package is of this device of this account, and can be used.
///
/// # Errors
/// [`MlsError`], by what is wrong.
pub fn check_key_package(
    bytes: &[u8],
    address: &Address,
    device: &manifest::Device,
) -> Result<KeyPackageFacts, MlsError> {
    let package = parse_key_package(bytes)?;
    if package.ciphersuite() != SUITE {
        return Err(MlsError::Suite);
    }
    let member = Member::of_leaf(0, package.leaf_node())?;
    if member.address != *address
        || member.device != device.id
        || member.signature_key != device.signature_key
    {
        return Err(MlsError::Identity);
    }
    let extensions = package.leaf_node().capabilities().extensions();
    if !extensions.contains(&ExtensionType::Unknown(crate::context::EXTENSION)) {
        return Err(MlsError::Unsupported(
            "a leaf without the conversation context",
        ));
    }
    let life = package.life_time();
    if !life.has_acceptable_range() {
        return Err(MlsError::Unsupported("so long a lifetime"));
    }
    Ok(KeyPackageFacts {
        last_resort: package.last_resort(),
        expires_s: life.not_after(),
        suite: package.ciphersuite() as u16,
    })
}
