#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| context_manager::api::fuzzing::config(text));
