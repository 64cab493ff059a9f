//! History for a newly linked device: one sealed piece at a time, in the form of a file.

use crate::attachment::{CiphertextHash, Decryptor, Encryptor, FileError, FileKey};
use comity_content::Message as _;
use comity_content::proto::HistoryArchive;
use comity_wire::Random;
use std::fmt;
use zeroize::Zeroizing;

/// A sealed piece, and what its receiver needs (the fields of an `Attachment`).
#[derive(Clone)]
pub struct SealedArchive {
    /// The blob.
    pub sealed: Vec<u8>,
    /// Its key.
    pub key: FileKey,
    /// Of the encoded archive, bytes.
    pub size: u64,
    /// BLAKE3 of `sealed`.
    pub blake3: [u8; 32],
}

impl fmt::Debug for SealedArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedArchive({} bytes)", self.sealed.len())
    }
}

/// Why an archive was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The file does not open.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not an archive.
    #[error("not an archive")]
    Malformed,
}

/// Seals a piece under a new key.
///
/// # Errors
/// [`FileError::Size`] for a piece beyond all limits.
pub fn seal(
    archive: &HistoryArchive,
    random: &mut dyn Random,
) -> Result<SealedArchive, ArchiveError> {
    let plaintext = Zeroizing::new(archive.encode_to_vec());
    let size = u64::try_from(plaintext.len()).map_err(|_| FileError::Size)?;
    let key = FileKey::generate(random);
    let encryptor = Encryptor::new(&key, size)?;
    let mut sealed = Vec::new();
    for index in 0..encryptor.layout().chunks() {
        let (offset, length) = encryptor.layout().plaintext(index);
        let offset = usize::try_from(offset).map_err(|_| FileError::Size)?;
        let part = plaintext
            .get(offset..offset + length)
            .ok_or(FileError::Size)?;
        sealed.extend_from_slice(&encryptor.chunk(index, part)?);
    }
    let mut hash = CiphertextHash::new();
    hash.update(&sealed);
    Ok(SealedArchive {
        blake3: hash.finish(),
        sealed,
        key,
        size,
    })
}

/// Opens a piece.
///
/// # Errors
/// [`ArchiveError`], by what is wrong.
pub fn open(
    sealed: &[u8],
    key: &FileKey,
    size: u64,
    blake3: &[u8],
) -> Result<HistoryArchive, ArchiveError> {
    let blob_size = u64::try_from(sealed.len()).map_err(|_| FileError::Size)?;
    let mut decryptor = Decryptor::new(key, size, blob_size, blake3)?;
    let mut plaintext = Zeroizing::new(Vec::new());
    let mut rest = sealed;
    while !rest.is_empty() {
        let (_, length) = decryptor.layout().sealed(decryptor.next_chunk());
        let (chunk, tail) = rest.split_at_checked(length).ok_or(FileError::Truncated)?;
        plaintext.extend_from_slice(&decryptor.chunk(chunk)?);
        rest = tail;
    }
    decryptor.finish()?;
    HistoryArchive::decode(plaintext.as_slice()).map_err(|_| ArchiveError::Malformed)
}
