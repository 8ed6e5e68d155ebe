#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| twilio_proxy_fuzz::run("retry_after", data));
