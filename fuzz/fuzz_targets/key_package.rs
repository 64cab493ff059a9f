//! The fuzzer's program for `key_package`; its body is in crates/fuzz-targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    assert!(
        comity_fuzz_targets::run("key_package", input),
        "no such target"
    );
});
