//! The fuzzer's program for `new_conversation`; its body is in crates/fuzz-targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    assert!(
        comity_fuzz_targets::run("new_conversation", input),
        "no such target"
    );
});
