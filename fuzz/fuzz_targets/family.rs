//! The fuzzer's program for `family`; its body is in crates/fuzz-targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    assert!(comity_fuzz_targets::run("family", input), "no such target");
});
