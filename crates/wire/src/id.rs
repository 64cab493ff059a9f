//! Identifiers. Each is its own type, so that none can stand where another belongs.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Why a text or some bytes are not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Wrong number of bytes.
    #[error("an identifier of this kind has {expected} bytes, not {got}")]
    Length {
        /// Bytes that this kind has.
        expected: usize,
        /// Bytes that were given.
        got: usize,
    },
    /// Not lowercase hexadecimal, or not of the form asked.
    #[error("not an identifier of the form {0}")]
    Form(&'static str),
}

/// A source of random bytes, given from outside so that the core stays deterministic.
pub trait Random {
    /// Fills `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<F: FnMut(&mut [u8])> Random for F {
    fn fill(&mut self, bytes: &mut [u8]) {
        self(bytes);
    }
}

/// A screen knows an identifier as a text with a name of its own.
#[cfg(feature = "boundary")]
macro_rules! in_typescript {
    ($($name:ident),*) => { $(
        impl ts_rs::TS for $name {
            type WithoutGenerics = Self;
            type OptionInnerType = Self;
            fn name(_: &ts_rs::Config) -> String {
                stringify!($name).to_owned()
            }
            fn inline(_: &ts_rs::Config) -> String {
                "string".to_owned()
            }
            fn decl(_: &ts_rs::Config) -> String {
                concat!("type ", stringify!($name), " = string;").to_owned()
            }
        }
    )* };
}
#[cfg(feature = "boundary")]
in_typescript!(Address, ConversationId, DeviceId, MessageId);

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $len:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// From exactly `LEN` bytes.
            #[must_use]
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Drawn at random.
            pub fn random(random: &mut dyn Random) -> Self {
                let mut bytes = [0; $len];
                random.fill(&mut bytes);
                Self(bytes)
            }

            /// From bytes off the wire.
            ///
            /// # Errors
            /// When there are not exactly `LEN` of them.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, IdError> {
                bytes
                    .try_into()
                    .map(Self)
                    .map_err(|_| IdError::Length { expected: $len, got: bytes.len() })
            }

            /// The raw bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// The raw bytes, owned.
            #[must_use]
            pub fn to_vec(&self) -> Vec<u8> {
                self.0.to_vec()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let bytes = data_encoding::HEXLOWER
                    .decode(text.as_bytes())
                    .map_err(|_| IdError::Form("lowercase hexadecimal"))?;
                Self::from_slice(&bytes)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

byte_id! {
    /// An account of one app: random, permanent, never a phone number.
    AccountId, 16
}
byte_id! {
    /// One device (one MLS client): the first 16 bytes of
    /// SHA-256(`"comity device id"` ‖ Ed25519 signature public key).
    DeviceId, 16
}
byte_id! {
    /// One message, chosen by its author; it stays when the entry is encrypted anew.
    MessageId, 16
}
byte_id! {
    /// Names one append: a retry with the same key is answered, not repeated.
    IdempotencyKey, 16
}
byte_id! {
    /// A blob: knowing it is the right to read it.
    BlobId, 32
}

/// An app: a permanent DNS name, lowercase, 1 to 100 characters, optionally `:port` for an app
/// that is not at port 443.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppId(Box<str>);

impl AppId {
    /// Longest name, in bytes.
    pub const LEN_MAX: usize = 100;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let fine = !text.is_empty()
            && text.len() <= Self::LEN_MAX
            && !text.starts_with(['.', '-', ':'])
            && text
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b':'));
        if fine {
            Ok(Self(text.into()))
        } else {
            Err(IdError::Form("a DNS name in lowercase"))
        }
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppId({self})")
    }
}

macro_rules! serde_by_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
serde_by_text!(AppId);
serde_by_text!(Address);
serde_by_text!(ConversationId);
serde_by_text!(DeviceAddress);

macro_rules! at_app {
    ($(#[$doc:meta])* $name:ident, $id:ident: $type:ty, $app:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name {
            /// The app that it lives at.
            pub $app: AppId,
            /// Its identifier there.
            pub $id: $type,
        }

        impl $name {
            /// Of these two parts.
            #[must_use]
            pub fn new($app: AppId, $id: $type) -> Self {
                Self { $app, $id }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}@{}", self.$id, self.$app)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let (id, app) = text.split_once('@').ok_or(IdError::Form("id@app"))?;
                Ok(Self { $app: app.parse()?, $id: id.parse()? })
            }
        }
    };
}

at_app! {
    /// An account with the app that it lives at: `<32 hex digits>@<app>`. Ordered by app, then id.
    Address, account: AccountId, app
}
at_app! {
    /// A device with its app.
    DeviceAddress, device: DeviceId, app
}
at_app! {
    /// A conversation: one log at its hub, one MLS group.
    ConversationId, id: Id16, hub
}

byte_id! {
    /// The part of a [`ConversationId`] that its hub chooses nothing of: 16 random bytes.
    Id16, 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_survive_their_text_form() {
        let address: Address = "00112233445566778899aabbccddeeff@chat.example"
            .parse()
            .unwrap();
        assert_eq!(
            address.to_string(),
            "00112233445566778899aabbccddeeff@chat.example"
        );
        let json = serde_json::to_string(&address).unwrap();
        assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address);
    }

    #[test]
    fn what_is_not_an_identifier_is_refused() {
        assert!("0011@chat.example".parse::<Address>().is_err());
        assert!(
            "00112233445566778899AABBCCDDEEFF"
                .parse::<AccountId>()
                .is_err()
        );
        assert!("".parse::<AppId>().is_err());
        assert!("Chat.example".parse::<AppId>().is_err());
        assert!("a".repeat(101).parse::<AppId>().is_err());
    }
}
