//! The fuzzer's program for `http_bodies`; its body is in crates/fuzz-targets.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    assert!(
        comity_fuzz_targets::run("http_bodies", input),
        "no such target"
    );
});
