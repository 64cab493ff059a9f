//! Profiles: name, about and photo, sealed under a key that contacts have.

use crate::sealed::{self, SealError, bound};
use comity_content::Message as _;
use comity_content::proto::Profile;
use comity_wire::limits::PROFILE_BYTES_MAX;
use comity_wire::{Address, Random};

/// The length says nothing finer than this.
const PAD_TO: usize = 512;

/// Why a profile could not be sealed, or was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// It does not open: another key, or another account's.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// Larger than it may be.
    #[error("too large")]
    TooLarge,
    /// Not a profile.
    #[error("not a profile")]
    Malformed,
}

fn context(of: &Address) -> Vec<u8> {
    bound(b"comity profile v1", &[of.to_string().as_bytes()])
}

/// Seals the own profile.
///
/// # Errors
/// [`ProfileError::TooLarge`].
pub fn seal(
    key: &[u8; 32],
    own: &Address,
    profile: &Profile,
    random: &mut dyn Random,
) -> Result<Vec<u8>, ProfileError> {
    let sealed = sealed::seal(key, &context(own), &profile.encode_to_vec(), PAD_TO, random)?;
    if sealed.len() > PROFILE_BYTES_MAX {
        Err(ProfileError::TooLarge)
    } else {
        Ok(sealed)
    }
}

/// Opens the profile of an account.
///
/// # Errors
/// [`ProfileError`], by what is wrong.
pub fn open(key: &[u8; 32], of: &Address, sealed: &[u8]) -> Result<Profile, ProfileError> {
    if sealed.len() > PROFILE_BYTES_MAX {
        return Err(ProfileError::TooLarge);
    }
    let plaintext = sealed::open(key, &context(of), sealed)?;
    Profile::decode(plaintext.as_slice()).map_err(|_| ProfileError::Malformed)
}
