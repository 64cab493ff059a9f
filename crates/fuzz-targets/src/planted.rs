//! A panic to be found, so that a fuzzer that finds nothing can be told from one that is blind.
//!
//! Always holds: without `COMITY_FUZZ_PLANTED` in the environment it is not there. Deliberately
//! absent: the input in any corpus; the fuzzer has to make it up.

use std::sync::LazyLock;

static ARMED: LazyLock<bool> = LazyLock::new(|| std::env::var_os("COMITY_FUZZ_PLANTED").is_some());

/// Panics on inputs that hold two certain bytes next to one another: rare enough to be in no
/// corpus, common enough that a fuzzer which sees and changes inputs comes upon it in seconds.
#[allow(clippy::panic, reason = "it is there to be found")]
pub(crate) fn look_at(input: &[u8]) {
    if *ARMED && input.windows(2).any(|pair| pair == [0xc3, 0x5a]) {
        panic!("the planted panic was reached");
    }
}
