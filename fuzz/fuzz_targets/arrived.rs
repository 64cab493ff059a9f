//! The fuzzer's program for `arrived`; its body is in crates/fuzz-targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    assert!(comity_fuzz_targets::run("arrived", input), "no such target");
});
