//! A panic to be found, so that a fuzzer that finds nothing can be told from one that is blind.
//!
//! Always holds: without `COMITY_FUZZ_PLANTED` in the environment it is not there. Deliberately
//! absent: the input in any corpus; the fuzzer has to make it up.

use std::sync::LazyLock;

static ARMED: LazyLock<bool> = LazyLock::new(|| std::env::var_os("COMITY_FUZZ_PLANTED").is_some());

/// Panics on inputs that hold two certain bytes next to one another: rare enough to be in no
/// corpus. The first of them opens a branch of its own, so that a fuzzer which sees where inputs
/// lead comes upon the second in seconds, and one that is blind does not.
#[allow(clippy::panic, reason = "it is there to be found")]
pub(crate) fn look_at(input: &[u8]) {
    if !*ARMED {
        return;
    }
    for pair in input.windows(2) {
        // Not to be made one comparison of both bytes.
        if let [first, second] = std::hint::black_box(pair)
            && *first == 0xc3
            && *std::hint::black_box(second) == 0x5a
        {
            panic!("the planted panic was reached");
        }
    }
}
