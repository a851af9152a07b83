//! What an image encoder keeps of a picture for later: its tokens, in half precision.

use half::f16;
use half::slice::HalfFloatSliceExt;

/// Which kind of bytes [`ImageTokensF16::pack`] writes.
const PACKED: u8 = 1;
/// The largest code.
const LARGEST: f32 = 127.0;

/// Tokens `[N, C]` of one picture, as sentences are matched with them ([`Encoder::match_logits`](crate::Encoder::match_logits)).
///
/// Half precision, so a ViT-B of 384 pixels (577 tokens of 768 channels) takes 0.9 MB a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageTokensF16 {
    width: usize,
    values: Vec<f16>,
}

impl ImageTokensF16 {
    /// Rounds row-major `values` of `width` channels a token. `None` when they are not whole tokens, there are more than 65,535 of
    /// them or of their channels, or not all of them are finite in half precision (65,504 is the greatest).
    pub fn new(width: usize, values: &[f32]) -> Option<Self> {
        let is_whole = width > 0 && !values.is_empty() && values.len().is_multiple_of(width);
        if !is_whole || width.max(values.len() / width) > usize::from(u16::MAX) {
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

    /// The tokens in a quarter of the room that f32 takes, as an index keeps them: `[kind u8][C u16][N u16]`, then of each token its
    /// scale as f32 and `[C]` signed bytes, little-endian. A value is its byte times the scale of its token.
    pub fn pack(&self) -> Vec<u8> {
        let [tokens, width] = self.shape();
        let mut packed = Vec::with_capacity(5 + tokens * (4 + width));
        packed.push(PACKED);
        packed.extend((width as u16).to_le_bytes());
        packed.extend((tokens as u16).to_le_bytes());
        for token in self.values.chunks_exact(self.width) {
            let most = token.iter().map(|x| x.to_f32().abs()).fold(0.0, f32::max);
            let scale = most / LARGEST;
            packed.extend(scale.to_le_bytes());
            let codes = token.iter().map(|x| match scale > 0.0 {
                true => (x.to_f32() / scale).round() as i8,
                false => 0,
            });
            packed.extend(codes.map(|code| code as u8));
        }
        packed
    }

    /// What [`ImageTokensF16::pack`] wrote, to within half a 127th of the largest value of each token; `None` for other bytes.
    pub fn unpack(packed: &[u8]) -> Option<Self> {
        let (&[kind, c0, c1, n0, n1], packed) = packed.split_first_chunk()?;
        let [width, tokens] =
            [[c0, c1], [n0, n1]].map(|bytes| usize::from(u16::from_le_bytes(bytes)));
        if kind != PACKED || packed.len() != tokens * (4 + width) {
            return None;
        }
        let values = packed.chunks_exact(4 + width).flat_map(|token| {
            let (scale, codes) = token.split_at(4);
            let scale = f32::from_le_bytes(*scale.first_chunk().unwrap_or(&[0; 4]));
            codes.iter().map(move |&code| f32::from(code as i8) * scale)
        });
        Self::new(width, &values.collect::<Vec<_>>())
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
    fn packed_values_come_back_nearly_and_other_bytes_do_not() {
        let values = [1.0, -0.5, 0.1, 200.0, 300.0, -1000.0, 0.0, 0.0, 0.0];
        let tokens = ImageTokensF16::new(3, &values).unwrap();
        let packed = tokens.pack();
        assert_eq!(packed.len(), 5 + 3 * 7);
        let back = ImageTokensF16::unpack(&packed).unwrap();
        assert_eq!(back.shape(), [3, 3]);
        for (row, (back, value)) in back.to_f32().into_iter().zip(values).enumerate() {
            let largest = [1.0, 1000.0, 0.0][row / 3];
            assert!((back - value).abs() <= largest / 250.0, "{back} {value}");
        }
        for cut in 0..packed.len() {
            assert_eq!(ImageTokensF16::unpack(&packed[..cut]), None, "{cut}");
        }
        let other = [&[9], &packed[1..]].concat();
        assert_eq!(ImageTokensF16::unpack(&other), None);
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
