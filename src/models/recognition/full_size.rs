//! Tag2Text with Swin-B of 384 pixels and 3,429 tags.

use super::{Recognizer, RecognizerConfig};
use crate::models::full_size::{alone, golden, peak_memory, picture, swin_base, weights};
use crate::models::golden::{device, host};
use crate::models::tagger::TaggerConfig;

/// f32 parameters of Swin-B, the recognition decoder and the tag tables.
const PARAMETERS: u64 = 86_878_584 + 14_962_176 + 2_633_472 + 2_636_901;

fn tagger() -> RecognizerConfig {
    RecognizerConfig::Tag2Text(TaggerConfig {
        num_class: 3429,
        hidden_size: 768,
        intermediate_size: 3072,
        num_attention_heads: 4,
        num_hidden_layers: 2,
        encoder_width: 1024,
    })
}

#[test]
#[ignore = "reads 430 MB of weights from IMGSEARCH_FULL_SIZE"]
fn tagging_equals_the_reference_and_fits_in_memory() {
    let name = "models::recognition::full_size::tagging_equals_the_reference_and_fits_in_memory";
    if !alone(name) {
        return;
    }
    let device = device();
    let golden = golden();
    let weights = weights("tag2text.safetensors");
    let swin = swin_base(&weights, &device);
    let recognizer = Recognizer::load(&tagger(), &weights, &device).unwrap();
    let tokens = swin.forward(picture(&device));
    let logits = recognizer.forward(tokens.clone());
    let peak = peak_memory();
    assert_eq!(tokens.dims(), [1, 145, 1024]);
    let rows = |range| {
        tokens
            .clone()
            .slice([0..1, range, 0..1024])
            .squeeze_dim::<2>(0)
    };
    golden.assert_close(rows(0..8), "image_tokens.first8", 1e-4);
    golden.assert_close(rows(143..145), "image_tokens.last2", 1e-4);
    golden.assert_close(tokens.abs().mean(), "image_tokens.absmean", 1e-4);
    golden.assert_close(logits.clone(), "tag_logits", 5e-5);
    assert!(host(logits).iter().all(|logit| logit.is_finite()));
    let most = 13 * 4 * PARAMETERS / 10;
    assert!(peak <= most, "{peak} bytes at the peak, {most} are allowed");
}
