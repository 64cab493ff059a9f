//! The fuzzer's program for `group_state`; its body is in crates/fuzz-targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    assert!(comity_fuzz_targets::run("group_state", input), "no such target");
});
