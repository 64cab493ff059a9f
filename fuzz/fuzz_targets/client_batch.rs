//! The fuzzer's program for `client_batch`; its body is in crates/fuzz-targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    assert!(
        comity_fuzz_targets::run("client_batch", input),
        "no such target"
    );
});
