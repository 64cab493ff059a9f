//! The fuzzer's program for `mls_message`; its body is in crates/fuzz-targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    assert!(
        comity_fuzz_targets::run("mls_message", input),
        "no such target"
    );
});
