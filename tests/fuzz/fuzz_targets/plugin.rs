#![no_main]

#[path = "../plugin.rs"]
mod plugin;

libfuzzer_sys::fuzz_target!(|input: &[u8]| plugin::plugin(input));
