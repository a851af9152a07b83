//! What an image encoder keeps of a picture for later: its tokens, in half precision.

use half::f16;
use half::slice::HalfFloatSliceExt;

/// Tokens `[N, C]` of one picture, as sentences are matched with them ([`Encoder::match_logits`](crate::Encoder::match_logits)).
///
/// Half precision, so a ViT-B of 384 pixels (577 tokens of 768 channels) takes 0.9 MB a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageTokensF16 {
    width: usize,
    values: Vec<f16>,
}

impl ImageTokensF16 {
    /// Rounds row-major `values` of `width` channels a token. `None` when they are not whole tokens, or not all of them are
    /// finite in half precision (65,504 is the greatest).
    pub fn new(width: usize, values: &[f32]) -> Option<Self> {
        if values.is_empty() || width == 0 || !values.len().is_multiple_of(width) {
            return None;
        }
        let mut rounded = vec![f16::ZERO; values.len()];
        rounded.convert_from_f32_slice(values);
        let finite = rounded.iter().all(|value| value.is_finite());
        finite.then_some(Self {
            width,
            values: rounded,
        })
    }

    /// Tokens and channels: `[N, C]`.
    pub fn shape(&self) -> [usize; 2] {
        [self.values.len() / self.width, self.width]
    }

    /// The values, token by token.
    pub fn to_f32(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.values.len()];
        self.values.convert_to_f32_slice(&mut values);
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_to_half_precision_and_come_back_in_order() {
        let tokens = ImageTokensF16::new(3, &[1.0, -0.5, 0.1, 2.0, 3.0, 1000.4]).unwrap();
        assert_eq!(tokens.shape(), [2, 3]);
        let back = tokens.to_f32();
        assert_eq!(back[..2], [1.0, -0.5]);
        assert_eq!(back[3..], [2.0, 3.0, 1000.5]);
        assert!((back[2] - 0.1).abs() < 0.1 / 2048.0 && back[2] != 0.1);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        assert_eq!(ImageTokensF16::new(3, &[1.0; 4]), None);
        assert_eq!(ImageTokensF16::new(0, &[1.0]), None);
        assert_eq!(ImageTokensF16::new(2, &[]), None);
        assert_eq!(ImageTokensF16::new(1, &[f32::NAN]), None);
        assert_eq!(ImageTokensF16::new(1, &[70_000.0]), None);
    }
}
