//! Reports: chosen messages with their proofs, sealed to the app's moderation key.
//!
//! Always holds for a [`Genuine`] message: the reported device's account wrote these very bytes,
//! given that the hub's seal over its header holds (`membership::franking::verify_seal`, with the
//! hub's own key). Deliberately absent: that key, and what follows from a report.

use crate::envelope::{self, EnvelopeError};
use crate::hpke::{self, HpkeOpenError};
use crate::sealed::bound;
use comity_content::proto::{Report, ReportedMessage};
use comity_content::{Content, Message as _};
use comity_membership::franking::Header;
use comity_wire::limits::REPORT_BYTES_MAX;
use comity_wire::{Address, DeviceId};

const INFO: &[u8] = b"comity report v1";

/// Why a report could not be sealed, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// It does not open with this key.
    #[error(transparent)]
    Sealed(#[from] HpkeOpenError),
    /// It is not a report.
    #[error("not a report")]
    Malformed,
    /// Larger than it may be.
    #[error("too large")]
    TooLarge,
    /// A message in it is not what it claims to be.
    #[error(transparent)]
    Forged(#[from] EnvelopeError),
}

/// A reported message whose franking holds.
#[derive(Debug, Clone)]
pub struct Genuine {
    /// What was said.
    pub content: Content,
    /// The clear header, over which the hub's seal is still to be checked.
    pub header: Header,
    /// The device that wrote it.
    pub device: DeviceId,
}

/// Seals a report to the moderation key.
///
/// # Errors
/// [`ReportError`] when it is too large, or the key is none.
pub fn seal(report: &Report, moderation_key: &[u8]) -> Result<Vec<u8>, ReportError> {
    let sealed = hpke::seal(
        moderation_key,
        &bound(INFO, &[moderation_key]),
        &report.encode_to_vec(),
    )?;
    if sealed.len() > REPORT_BYTES_MAX {
        Err(ReportError::TooLarge)
    } else {
        Ok(sealed)
    }
}

/// Opens a report with the operator's key pair.
///
/// # Errors
/// [`ReportError`], by what is wrong.
pub fn open(
    moderation_public: &[u8],
    moderation_private: &[u8],
    sealed: &[u8],
) -> Result<Report, ReportError> {
    if sealed.len() > REPORT_BYTES_MAX {
        return Err(ReportError::TooLarge);
    }
    let info = bound(INFO, &[moderation_public]);
    let plaintext = hpke::open(moderation_private, &info, sealed)?;
    Report::decode(plaintext.as_slice()).map_err(|_| ReportError::Malformed)
}

/// Checks that the reported account wrote a message of the report.
///
/// # Errors
/// [`ReportError::Forged`] when it can not be shown.
pub fn verify(message: &ReportedMessage, reported: &Address) -> Result<Genuine, ReportError> {
    let device =
        DeviceId::from_slice(&message.author_device).map_err(|_| ReportError::Malformed)?;
    let header = envelope::verify(
        &message.content,
        &message.franking_key,
        &message.sender_nonce,
        &message.header,
        reported,
        &device,
    )?;
    let content =
        Content::decode(message.content.as_slice()).map_err(|_| ReportError::Malformed)?;
    Ok(Genuine {
        content,
        header,
        device,
    })
}
