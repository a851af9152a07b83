//! Image-tag-text generation.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};

/// Cross-entropy of the tokens of captions, each predicted from those before it, on average (paper appendix A, equation 3).
///
/// `logits` `[B, L, V]` are of the token that follows each; `tokens` are `L` a caption, of which `lengths` are no padding. The
/// first `given` tokens of each caption are a prompt, of which nothing is predicted. `smoothing` of the target's mass is spread
/// over the vocabulary; the reference takes 0.1.
///
/// Captions of which nothing is to be predicted make a loss of 0 without gradient.
pub(crate) fn generation(
    logits: Tensor<3>,
    tokens: &[u32],
    lengths: &[usize],
    given: usize,
    smoothing: f32,
) -> Tensor<1> {
    let ([batch, length, vocabulary], device) = (logits.dims(), logits.device());
    // Row of the logits, and the token it has to predict.
    let (rows, targets): (Vec<i32>, Vec<i32>) = lengths
        .iter()
        .enumerate()
        .flat_map(|(text, &used)| {
            (given.max(1)..used).map(move |position| text * length + position)
        })
        .map(|at| (at as i32 - 1, tokens[at] as i32))
        .unzip();
    if rows.is_empty() {
        return Tensor::zeros([1], &device);
    }
    let ids = |values: Vec<i32>| {
        let data = TensorData::new(values, [targets.len()]);
        Tensor::<1, Int>::from_data(data, &device)
    };
    let scores = logits
        .reshape([batch * length, vocabulary])
        .select(0, ids(rows));
    let scores = log_softmax(scores, 1);
    let target = scores
        .clone()
        .gather(1, ids(targets.clone()).unsqueeze_dim(1));
    // Mass spread evenly counts every score alike.
    -(target.mean() * (1.0 - smoothing) + scores.mean() * smoothing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::{Golden, assert_close, host};
    use burn::tensor::Device;

    const GOLDEN: &[u8] =
        include_bytes!("../../../../tests/fixtures/golden/tag2text_mini_golden.safetensors");

    #[test]
    fn the_loss_equals_the_reference() {
        let golden = Golden::parse(GOLDEN);
        let logits = golden.tensor("dec.logits", &Device::flex());
        let tokens: Vec<u32> = golden
            .i64("dec.input_ids")
            .values
            .iter()
            .map(|&id| id as u32)
            .collect();
        let loss = generation(logits, &tokens, &[11, 7], 4, 0.1);
        let key = "dec.loss_lm_smoothed0.1";
        assert_close(&host(loss), &golden.f32(key).values, 1e-5, key);
    }

    #[test]
    fn prompt_and_padding_are_not_predicted() {
        let device = Device::flex();
        // Two captions of four tokens, one of them padded; only the last token of the first is predicted.
        let loss = |scores: Vec<f32>| {
            let logits = Tensor::from_data(TensorData::new(scores, [2, 4, 2]), &device);
            host(generation(
                logits,
                &[0, 1, 1, 0, 0, 1, 0, 0],
                &[4, 3],
                3,
                0.0,
            ))[0]
        };
        let mut scores = vec![0.0; 16];
        assert!((loss(scores.clone()) - 2f32.ln()).abs() < 1e-6);
        for (index, score) in scores.iter_mut().enumerate() {
            *score = if index == 4 { 20.0 } else { index as f32 };
        }
        scores[5] = 0.0;
        assert!(loss(scores) < 1e-6);
        let logits = Tensor::zeros([1, 2, 2], &device);
        assert_eq!(host(generation(logits, &[0, 1], &[2], 4, 0.1)), [0.0]);
    }
}
