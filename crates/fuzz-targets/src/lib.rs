//! The bodies of the fuzz targets: one function a decoder of bytes that come from outside.
//!
//! Always holds: a body panics only when a decoder broke a promise: it must not panic, and what it
//! accepts must survive being written and read again. The same bodies run under the fuzzer
//! (`fuzz/`) and over the committed corpus in the tests. Deliberately absent: the fuzzer itself,
//! which needs an instrumented build.

mod content;
pub mod e2ee;
mod http;
mod identifiers;
mod membership;
mod planted;
mod wire;

/// One target.
pub struct Target {
    /// Its name, also of its file in fuzz/fuzz_targets and its folder in fuzz/corpus.
    pub name: &'static str,
    body: fn(&[u8]),
}

impl Target {
    /// Runs the body over one input.
    pub fn run(&self, input: &[u8]) {
        planted::look_at(input);
        (self.body)(input);
    }
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target {
        name: "client_batch",
        body: wire::client_batch,
    },
    Target {
        name: "server_batch",
        body: wire::server_batch,
    },
    Target {
        name: "documents",
        body: wire::documents,
    },
    Target {
        name: "family",
        body: wire::family,
    },
    Target {
        name: "http_bodies",
        body: http::bodies,
    },
    Target {
        name: "identifiers",
        body: identifiers::texts,
    },
    Target {
        name: "content",
        body: content::contents,
    },
    Target {
        name: "arrived",
        body: content::arrived,
    },
    Target {
        name: "manifest",
        body: membership::manifests,
    },
    Target {
        name: "key_package",
        body: membership::key_package,
    },
    Target {
        name: "mls_message",
        body: membership::messages,
    },
    Target {
        name: "new_conversation",
        body: membership::new_conversation,
    },
    Target {
        name: "commit",
        body: membership::commit,
    },
    Target {
        name: "link_code",
        body: e2ee::link_code,
    },
    Target {
        name: "invitation",
        body: e2ee::invitation,
    },
    Target {
        name: "group_state",
        body: e2ee::group_states,
    },
    Target {
        name: "file",
        body: e2ee::file,
    },
    Target {
        name: "envelope",
        body: e2ee::envelopes,
    },
    Target {
        name: "sealed",
        body: e2ee::sealed,
    },
];

/// Runs the target of this name; false when there is none.
#[must_use]
pub fn run(name: &str, input: &[u8]) -> bool {
    let target = TARGETS.iter().find(|target| target.name == name);
    target.inspect(|target| target.run(input)).is_some()
}

/// Splits an input into parts: each but the last is preceded by its length in two bytes.
fn parts<const N: usize>(mut input: &[u8]) -> Option<[&[u8]; N]> {
    let mut parts = [input; N];
    let last = N.checked_sub(1)?;
    for part in parts.iter_mut().take(last) {
        let (length, rest) = input.split_first_chunk::<2>()?;
        (*part, input) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    }
    *parts.last_mut()? = input;
    Some(parts)
}

/// The opposite of the splitting, for who makes a corpus. `None` when a part is longer than 65,535.
#[must_use]
pub fn join(parts: &[&[u8]]) -> Option<Vec<u8>> {
    let (last, others) = parts.split_last()?;
    let mut out = Vec::new();
    for part in others {
        out.extend(u16::try_from(part.len()).ok()?.to_be_bytes());
        out.extend_from_slice(part);
    }
    out.extend_from_slice(last);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{join, parts};

    #[test]
    fn an_input_comes_apart_as_it_was_joined() {
        let joined = join(&[b"one", b"", b"three"]).unwrap();
        assert_eq!(parts::<3>(&joined), Some([&b"one"[..], b"", b"three"]));
        assert_eq!(parts::<2>(b"\x00"), None);
        assert_eq!(parts::<2>(b"\x00\x05four"), None);
    }
}
