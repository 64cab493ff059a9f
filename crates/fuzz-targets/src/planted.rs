//! A panic to be found, so that a fuzzer that finds nothing can be told from one that is blind.
//!
//! Always holds: without `COMITY_FUZZ_PLANTED` in the environment it is not there. Deliberately
//! absent: the input in any corpus; the fuzzer has to make it up.

use std::hint::black_box;
use std::sync::LazyLock;

static ARMED: LazyLock<bool> = LazyLock::new(|| std::env::var_os("COMITY_FUZZ_PLANTED").is_some());

/// Panics on inputs that begin with three certain bytes.
#[allow(clippy::panic, reason = "it is there to be found")]
pub(crate) fn look_at(input: &[u8]) {
    if *ARMED && begins(input, &[0xc3, 0x5a, 0x96]) {
        panic!("the planted panic was reached");
    }
}

/// One comparison after the other, which the compiler may not join: each right byte shows as new
/// coverage.
fn begins(input: &[u8], wanted: &[u8; 3]) -> bool {
    let right = |at: usize| black_box(input.get(at).copied()) == wanted.get(at).copied();
    black_box(right(0)) && black_box(right(1)) && black_box(right(2))
}
