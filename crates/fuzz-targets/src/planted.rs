//! A panic to be found, so that a fuzzer that finds nothing can be told from one that is blind.
//!
//! Always holds: without `COMITY_FUZZ_PLANTED` in the environment it is not there. Deliberately
//! absent: the input in any corpus; the fuzzer has to make it up.

use std::sync::LazyLock;

static ARMED: LazyLock<bool> = LazyLock::new(|| std::env::var_os("COMITY_FUZZ_PLANTED").is_some());

/// Panics on inputs that begin with four certain bytes. One comparison after the other, so that
/// each right byte shows as new coverage.
#[allow(clippy::panic, reason = "it is there to be found")]
pub(crate) fn look_at(input: &[u8]) {
    if !*ARMED {
        return;
    }
    let mut bytes = input.iter();
    if bytes.next() == Some(&0xc3)
        && bytes.next() == Some(&0x5a)
        && bytes.next() == Some(&0x96)
        && bytes.next() == Some(&0x0f)
    {
        panic!("the planted panic was reached");
    }
}
