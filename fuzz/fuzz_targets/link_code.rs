//! The fuzzer's program for `link_code`; its body is in crates/fuzz-targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    assert!(
        comity_fuzz_targets::run("link_code", input),
        "no such target"
    );
});
