//! Word embeddings in twelve bits.

use super::ModelError;
use super::weights::Weights;

/// A table of word embeddings, kept as it is stored: a query touches a dozen of its rows, so expanding all of them at
/// start-up would cost more than encoding it.
///
/// Each value is a signed 12-bit integer times its row's scale. The high eight bits are one table; the low four are another,
/// two values a byte, the first in the lower half.
#[derive(Debug)]
pub(crate) struct WordTable {
    high: Vec<i8>,
    low: Vec<u8>,
    scale: Vec<f32>,
    width: usize,
}

impl WordTable {
    /// Takes `prefix.high` `[rows, width]`, `prefix.low` `[rows, width / 2]` and `prefix.scale` `[rows]`.
    pub(crate) fn load(
        weights: &Weights<'_>,
        prefix: &str,
        rows: usize,
        width: usize,
    ) -> Result<Self, ModelError> {
        let high = weights.bytes(&format!("{prefix}.high"), &[rows, width])?;
        Ok(Self {
            high: bytemuck::cast_slice(&high).to_vec(),
            low: weights
                .bytes(&format!("{prefix}.low"), &[rows, width / 2])?
                .to_vec(),
            scale: weights.values(&format!("{prefix}.scale"), &[rows])?,
            width,
        })
    }

    /// Adds the embedding of word `row` to `target` `[width]`.
    pub(crate) fn add_to(&self, row: usize, target: &mut [f32]) {
        let high = &self.high[row * self.width..][..self.width];
        let low = &self.low[row * self.width / 2..][..self.width / 2];
        let scale = self.scale[row];
        for ((pair, high), low) in target
            .chunks_exact_mut(2)
            .zip(high.chunks_exact(2))
            .zip(low)
        {
            let steps = |high: i8, low: u8| f32::from((i16::from(high) << 4) | i16::from(low));
            pair[0] += scale * steps(high[0], low & 15);
            pair[1] += scale * steps(high[1], low >> 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_bits_are_put_together_with_their_sign() {
        // -2048, 2047, -1 and 5, as the conversion script splits them.
        let table = WordTable {
            high: vec![-128, 127, -1, 0],
            low: vec![0xF0, 0x5F],
            scale: vec![0.5],
            width: 4,
        };
        let mut row = [1.0; 4];
        table.add_to(0, &mut row);
        assert_eq!(row, [1.0 - 1024.0, 1.0 + 1023.5, 0.5, 3.5]);
    }
}
