//! `cargo +nightly fuzz run template`
#![no_main]

#[path = "../../tests/entries/mod.rs"]
#[expect(dead_code, reason = "each target has one way in")]
mod entries;

libfuzzer_sys::fuzz_target!(|text: &str| entries::engine::template(text));
