#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| stubwright::fuzzing::link(input));
