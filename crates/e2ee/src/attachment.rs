//! Files: encrypted in chunks of 256 KiB, so that neither side holds a whole one, and either can
//! go on from any chunk.
//!
//! STREAM over XChaCha20-Poly1305 (Hoang, Reyhanitabar, Rogaway, Vizár 2015, as in the `aead`
//! crate): the chunk's number and whether it is the last are in its nonce, so a truncated,
//! reordered or extended file does not open. The size is padded by Padmé (Nikitin et al. 2019):
//! at most 12 % more, and few sizes to tell apart. The BLAKE3 of the whole ciphertext travels with
//! the key, which commits to one file.
//!
//! Always holds: one key is used for one plaintext ([`FileKey::generate`] makes a new one);
//! sealing the same chunk again gives the same bytes, so an upload resumes anywhere.

use chacha20poly1305::aead::stream::{NewStream as _, StreamBE32, StreamPrimitive as _};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use comity_wire::Random;
use comity_wire::limits::ATTACHMENT_BYTES_MAX;
use std::fmt;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Plaintext bytes of a chunk.
pub const CHUNK_BYTES: usize = 256 * 1024;
const TAG_BYTES: usize = 16;
/// Ciphertext bytes of a chunk that is not the last.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;
const CHUNK: u64 = CHUNK_BYTES as u64;
const TAG: u64 = TAG_BYTES as u64;

/// The key of one file.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct FileKey([u8; 32]);

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileKey(secret)")
    }
}

impl FileKey {
    /// A new key, for one plaintext.
    pub fn generate(random: &mut dyn Random) -> Self {
        let mut key = [0; 32];
        random.fill(&mut key);
        Self(key)
    }

    /// From a message.
    ///
    /// # Errors
    /// When there are not exactly 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FileError> {
        bytes.try_into().map(Self).map_err(|_| FileError::Key)
    }

    /// For a message.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Why a file was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Not a key.
    #[error("not the key of a file")]
    Key,
    /// Larger than a file may be, or sizes that do not fit together.
    #[error("the sizes do not fit")]
    Size,
    /// A chunk does not open: damaged, from another place, or under another key.
    #[error("chunk {0} does not open")]
    Chunk(u64),
    /// The file ends too early, or there is more than there should be.
    #[error("the file is not whole")]
    Truncated,
    /// Not the ciphertext that the message speaks of.
    #[error("not the file that the message speaks of")]
    Hash,
}

/// How a file of some size is cut into chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    size: u64,
    padded: u64,
}

impl Layout {
    /// For a plaintext of this size.
    ///
    /// # Errors
    /// [`FileError::Size`] above the limit.
    pub fn new(size: u64) -> Result<Self, FileError> {
        if size > ATTACHMENT_BYTES_MAX {
            return Err(FileError::Size);
        }
        Ok(Self {
            size,
            padded: padme(size),
        })
    }

    /// Chunks in all; at least one.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.padded.div_ceil(CHUNK).max(1)
    }

    /// Size of the ciphertext.
    #[must_use]
    pub fn sealed_size(&self) -> u64 {
        self.padded + self.chunks() * TAG
    }

    /// Where the chunk's own plaintext lies in the file: offset and length. A chunk that is all
    /// padding has none.
    #[must_use]
    pub fn plaintext(&self, index: u64) -> (u64, usize) {
        let start = (index * CHUNK).min(self.size);
        let end = start.saturating_add(CHUNK).min(self.size);
        (start, usize::try_from(end - start).unwrap_or(0))
    }

    /// Where the chunk's ciphertext lies in the blob: offset and length.
    #[must_use]
    pub fn sealed(&self, index: u64) -> (u64, usize) {
        let start = index * (CHUNK + TAG);
        let plain = (self.padded.saturating_sub(index * CHUNK)).min(CHUNK);
        (start, usize::try_from(plain + TAG).unwrap_or(0))
    }

    fn is_last(&self, index: u64) -> bool {
        index + 1 == self.chunks()
    }
}

/// Size of the ciphertext of a plaintext of this size.
#[must_use]
pub fn sealed_size(plain_size: u64) -> u64 {
    Layout {
        size: plain_size,
        padded: padme(plain_size),
    }
    .sealed_size()
}

/// Padmé: keep as many leading bits of the size as there are bits in its number of bits.
fn padme(size: u64) -> u64 {
    let Some(exponent) = size.checked_ilog2().filter(|e| *e > 0) else {
        return size;
    };
    let kept = exponent.ilog2() + 1;
    let mask = (1_u64 << exponent.saturating_sub(kept)) - 1;
    (size + mask) & !mask
}

fn stream(key: &FileKey) -> StreamBE32<XChaCha20Poly1305> {
    // The key is used once, so that the fixed part of the nonce may be zero.
    StreamBE32::from_aead(XChaCha20Poly1305::new((&key.0).into()), &Default::default())
}

/// Encrypts a file, chunk by chunk, from the first or any other.
pub struct Encryptor {
    layout: Layout,
    stream: StreamBE32<XChaCha20Poly1305>,
}

impl fmt::Debug for Encryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encryptor(secret)")
    }
}

impl Encryptor {
    /// For a plaintext of this size.
    ///
    /// # Errors
    /// [`FileError::Size`] above the limit.
    pub fn new(key: &FileKey, size: u64) -> Result<Self, FileError> {
        Ok(Self {
            layout: Layout::new(size)?,
            stream: stream(key),
        })
    }

    /// How the file is cut.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Seals a chunk, given the file's bytes at [`Layout::plaintext`].
    ///
    /// # Errors
    /// [`FileError::Size`] when it is not that many bytes, or there is no such chunk.
    pub fn chunk(&self, index: u64, plaintext: &[u8]) -> Result<Vec<u8>, FileError> {
        let position = u32::try_from(index).map_err(|_| FileError::Size)?;
        let (_, expected) = self.layout.plaintext(index);
        if index >= self.layout.chunks() || plaintext.len() != expected {
            return Err(FileError::Size);
        }
        let (_, sealed_length) = self.layout.sealed(index);
        let mut padded = Zeroizing::new(plaintext.to_vec());
        padded.resize(sealed_length.saturating_sub(TAG_BYTES), 0);
        self.stream
            .encrypt(position, self.layout.is_last(index), padded.as_slice())
            .map_err(|_| FileError::Size)
    }
}

/// The running BLAKE3 of a ciphertext. An upload that resumes feeds it the earlier chunks again.
#[derive(Debug, Clone, Default)]
pub struct CiphertextHash(blake3::Hasher);

impl CiphertextHash {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes.
    pub fn update(&mut self, sealed: &[u8]) {
        self.0.update(sealed);
    }

    /// The hash, for the message.
    #[must_use]
    pub fn finish(&self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Decrypts a file in order, and says at the end whether it was the one meant. Nothing of it may
/// be handed on as the file before [`Decryptor::finish`] said yes.
pub struct Decryptor {
    layout: Layout,
    stream: StreamBE32<XChaCha20Poly1305>,
    hash: CiphertextHash,
    expected: [u8; 32],
    next: u64,
}

impl fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decryptor(secret)")
    }
}

impl Decryptor {
    /// By what the message says: the plaintext's size, the blob's, the ciphertext's BLAKE3.
    ///
    /// # Errors
    /// [`FileError::Size`] when the sizes do not fit together, [`FileError::Hash`] for a hash that
    /// is none.
    pub fn new(key: &FileKey, size: u64, blob_size: u64, blake3: &[u8]) -> Result<Self, FileError> {
        let layout = Layout::new(size)?;
        if layout.sealed_size() != blob_size {
            return Err(FileError::Size);
        }
        let expected = blake3.try_into().map_err(|_| FileError::Hash)?;
        Ok(Self {
            layout,
            stream: stream(key),
            hash: CiphertextHash::new(),
            expected,
            next: 0,
        })
    }

    /// How the file is cut.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The number of the chunk that is wanted next.
    #[must_use]
    pub fn next_chunk(&self) -> u64 {
        self.next
    }

    /// Opens the next chunk; what comes out is without padding, and may be empty.
    ///
    /// # Errors
    /// [`FileError::Chunk`] or [`FileError::Truncated`].
    pub fn chunk(&mut self, sealed: &[u8]) -> Result<Vec<u8>, FileError> {
        let index = self.take(sealed)?;
        let position = u32::try_from(index).map_err(|_| FileError::Size)?;
        let mut plaintext = self
            .stream
            .decrypt(position, self.layout.is_last(index), sealed)
            .map_err(|_| FileError::Chunk(index))?;
        plaintext.truncate(self.layout.plaintext(index).1);
        Ok(plaintext)
    }

    /// Passes over a chunk that was opened before a restart: it only goes into the hash.
    ///
    /// # Errors
    /// [`FileError::Truncated`].
    pub fn skip(&mut self, sealed: &[u8]) -> Result<(), FileError> {
        self.take(sealed).map(|_| ())
    }

    fn take(&mut self, sealed: &[u8]) -> Result<u64, FileError> {
        let index = self.next;
        if index >= self.layout.chunks() || sealed.len() != self.layout.sealed(index).1 {
            return Err(FileError::Truncated);
        }
        self.hash.update(sealed);
        self.next += 1;
        Ok(index)
    }

    /// All there, and the right file.
    ///
    /// # Errors
    /// [`FileError::Truncated`] or [`FileError::Hash`].
    pub fn finish(self) -> Result<(), FileError> {
        if self.next != self.layout.chunks() {
            return Err(FileError::Truncated);
        }
        let same: bool = self.hash.finish().ct_eq(&self.expected).into();
        if same { Ok(()) } else { Err(FileError::Hash) }
    }
}
