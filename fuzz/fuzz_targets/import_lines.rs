#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| context_manager::api::fuzzing::import_lines(bytes));
