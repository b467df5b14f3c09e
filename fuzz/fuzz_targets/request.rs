//! `cargo +nightly fuzz run request`
#![no_main]

#[path = "../../tests/entries/mod.rs"]
#[expect(dead_code, reason = "each target has one way in")]
mod entries;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entries::engine::request(bytes));
