//! Any bytes have a bounded number of short keywords; nothing panics.

#![no_main]

use imgsearch::media::facts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let keywords = facts(bytes).keywords;
    assert!(keywords.len() <= 200);
    assert!(keywords.iter().all(|word| word.chars().count() <= 100));
});
