#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| twilio_proxy_fuzz::run("signing_key", data));
