//! Weights as integers of 8 to 16 bits with a scale a row.
//!
//! | tensor | type | shape |
//! |---|---|---|
//! | `NAME` | I8 | that of the weight: the high eight bits, with the sign |
//! | `NAME.low` | U8 | `[bits - 8, ceil(values / 8)]`: one plane for each further bit, the lowest first, eight values a byte |
//! | `NAME.scale` | F32 | that of the weight, but 1 along every axis except the one that the rows are counted along |
//!
//! A value is its integer times the scale of its row. All three tensors are always there, the planes of eight bits being none:
//! were one left out, a file that lost it would pass for one of fewer bits.

use std::borrow::Cow;

use safetensors::Dtype;

/// What the names of the parts end with.
pub(crate) const LOW: &str = ".low";
pub(crate) const SCALE: &str = ".scale";

/// A weight as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Quantised<'a> {
    high: Cow<'a, [u8]>,
    /// `planes` times `ceil(values / 8)` bytes.
    low: Cow<'a, [u8]>,
    planes: usize,
    scale: Vec<f32>,
    shape: Vec<usize>,
    /// Axis that the rows are counted along.
    axis: usize,
}

impl<'a> Quantised<'a> {
    /// Puts the parts of a weight of `shape` together: high bits, planes of low bits and scales, the latter two with their
    /// shapes.
    ///
    /// # Errors
    /// The name's ending of the part that does not fit, and what is wrong with it.
    pub(crate) fn from_parts(
        shape: &[usize],
        high: Cow<'a, [u8]>,
        (low_shape, low): (&[usize], Cow<'a, [u8]>),
        (scale_shape, scale): (&[usize], Vec<f32>),
    ) -> Result<Self, (&'static str, String)> {
        let stride = high.len().div_ceil(8);
        let planes = match *low_shape {
            [planes @ 0..=8, bytes] if bytes == stride => planes,
            _ => {
                let reason = format!("has shape {low_shape:?} instead of [0 to 8, {stride}]");
                return Err((LOW, reason));
            }
        };
        let is_axis = |axis: &usize| {
            let mut one_axis = vec![1; shape.len()];
            one_axis[*axis] = shape[*axis];
            one_axis == scale_shape
        };
        let Some(axis) = (0..shape.len()).find(is_axis) else {
            let reason = format!("has shape {scale_shape:?}: no scale a row of {shape:?}");
            return Err((SCALE, reason));
        };
        if let Some(wrong) = scale.iter().find(|s| !s.is_finite() || **s < 0.0) {
            return Err((SCALE, format!("holds {wrong}, which is no scale")));
        }
        Ok(Self {
            high,
            low,
            planes,
            scale,
            shape: shape.to_vec(),
            axis,
        })
    }

    /// Whether each row of scale lies in one piece.
    pub(crate) fn has_rows_in_one_piece(&self) -> bool {
        self.axis == 0
    }

    pub(crate) fn into_owned(self) -> Quantised<'static> {
        Quantised {
            high: Cow::Owned(self.high.into_owned()),
            low: Cow::Owned(self.low.into_owned()),
            planes: self.planes,
            scale: self.scale,
            shape: self.shape,
            axis: self.axis,
        }
    }

    /// Values that lie one after another in a row.
    fn run(&self) -> usize {
        self.shape[self.axis + 1..].iter().product()
    }

    /// All values.
    pub(crate) fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.high.len()];
        self.integers(0, &mut values);
        match self.run() {
            0 => {}
            1 => {
                for block in values.chunks_exact_mut(self.scale.len()) {
                    for (value, scale) in block.iter_mut().zip(&self.scale) {
                        *value *= scale;
                    }
                }
            }
            run => {
                let scales = self.scale.iter().cycle();
                for (row, scale) in values.chunks_exact_mut(run).zip(scales) {
                    for value in row {
                        *value *= scale;
                    }
                }
            }
        }
        values
    }

    /// Adds row `row` to `target`, which is as long, of a weight whose rows lie in one piece and are whole bytes of a plane
    /// long.
    pub(crate) fn add_row_to(&self, row: usize, target: &mut [f32]) {
        let mut integers = vec![0.0; target.len()];
        self.integers(row * target.len(), &mut integers);
        for (sum, integer) in target.iter_mut().zip(integers) {
            *sum += self.scale[row] * integer;
        }
    }

    /// The integers from `first`, a multiple of eight.
    fn integers(&self, first: usize, out: &mut [f32]) {
        let high = &self.high[first..];
        let planes: Vec<&[u8]> = match self.high.len().div_ceil(8) {
            0 => return,
            stride => self
                .low
                .chunks_exact(stride)
                .map(|plane| &plane[first / 8..])
                .collect(),
        };
        for (index, (out, high)) in out.chunks_mut(8).zip(high.chunks(8)).enumerate() {
            let mut low = 0;
            for (bit, plane) in planes.iter().enumerate() {
                low |= spread(plane[index]) << bit;
            }
            for ((value, &high), low) in out.iter_mut().zip(high).zip(low.to_le_bytes()) {
                let high = i16::from(high.cast_signed()) << self.planes;
                *value = f32::from(high | i16::from(low));
            }
        }
    }
}

/// The bits of a byte as eight bytes, the lowest bit first.
fn spread(byte: u8) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    // Byte i keeps bit i alone; adding 127 carries that to bit 7, wherever it was.
    let alone = (u64::from(byte) * EACH) & 0x8040_2010_0804_0201;
    ((alone + 127 * EACH) >> 7) & EACH
}

#[cfg(any(feature = "train", test))]
impl Quantised<'static> {
    /// Rounds `values` of `shape` to integers of `bits`, 8 to 16, with rows along `axis`.
    pub(crate) fn round(values: &[f32], shape: &[usize], axis: usize, bits: u32) -> Self {
        let planes = bits as usize - 8;
        let (rows, run): (usize, usize) = (shape[axis], shape[axis + 1..].iter().product());
        let row_of = |index: usize| index / run % rows;
        let mut largest = vec![0f32; rows];
        for (index, value) in values.iter().enumerate() {
            let largest = &mut largest[row_of(index)];
            *largest = largest.max(value.abs());
        }
        let most = f32::from(i16::MAX >> (16 - bits));
        let scale: Vec<f32> = largest.iter().map(|largest| largest / most).collect();
        let stride = values.len().div_ceil(8);
        let mut high = Vec::with_capacity(values.len());
        let mut low = vec![0; planes * stride];
        for (index, value) in values.iter().enumerate() {
            let step = match scale[row_of(index)] {
                0.0 => 0,
                scale => (value / scale).round_ties_even().clamp(-most, most) as i16,
            };
            high.push(((step >> planes) as i8).cast_unsigned());
            for plane in 0..planes {
                let bit = (step >> plane & 1) as u8;
                low[plane * stride + index / 8] |= bit << (index % 8);
            }
        }
        Self {
            high: Cow::Owned(high),
            low: Cow::Owned(low),
            planes,
            scale,
            shape: shape.to_vec(),
            axis,
        }
    }

    /// Rounds a matrix with rows along whichever axis moves its values less: an embedding a row, or a column for each output.
    #[cfg(feature = "train")]
    pub(crate) fn round_matrix(values: &[f32], shape: [usize; 2], bits: u32) -> Self {
        let distance = |rounded: &Self| -> f64 {
            let rounded = rounded.values();
            let differences = values.iter().zip(rounded).map(|(a, b)| f64::from(a - b));
            differences.map(|difference| difference * difference).sum()
        };
        let [first, second] = [0, 1].map(|axis| Self::round(values, &shape, axis, bits));
        if distance(&first) <= distance(&second) {
            first
        } else {
            second
        }
    }

    /// The tensors that a file holds of weight `name`: name, type, shape and bytes.
    pub(crate) fn parts(&self, name: &str) -> [(String, Dtype, Vec<usize>, Vec<u8>); 3] {
        let mut one_axis = vec![1; self.shape.len()];
        one_axis[self.axis] = self.scale.len();
        let scale = self.scale.iter().flat_map(|scale| scale.to_le_bytes());
        let stride = self.high.len().div_ceil(8);
        [
            (
                name.to_owned(),
                Dtype::I8,
                self.shape.clone(),
                self.high.to_vec(),
            ),
            (
                format!("{name}{LOW}"),
                Dtype::U8,
                vec![self.planes, stride],
                self.low.to_vec(),
            ),
            (
                format!("{name}{SCALE}"),
                Dtype::F32,
                one_axis,
                scale.collect(),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::ModelError;
    use crate::models::weights::Weights;
    use safetensors::tensor::TensorView;

    /// Values of both signs, rows of very different size, a row of zeros on either axis.
    fn matrix(rows: usize, columns: usize) -> Vec<f32> {
        (0..rows * columns)
            .map(|index| match (index / columns, index % columns) {
                (2, _) | (_, 1) => 0.0,
                (row, _) => (index as f32 * 0.7).sin() * 10f32.powi(row as i32 - 3),
            })
            .collect()
    }

    fn file(parts: &[(String, Dtype, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
        let views = parts.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes).unwrap();
            (name.as_str(), view)
        });
        safetensors::serialize(views, None).unwrap()
    }

    #[test]
    fn every_width_is_off_by_half_a_step_at_most_on_either_axis() {
        let (rows, columns) = (5, 13);
        let values = matrix(rows, columns);
        for bits in 8..=16 {
            for axis in 0..2 {
                let rounded = Quantised::round(&values, &[rows, columns], axis, bits);
                let file = file(&rounded.parts("a"));
                let weights = Weights::parse("w", &file).unwrap();
                assert!(weights.has("a"));
                assert_eq!(weights.shape("a").unwrap(), [rows, columns]);
                let found = weights.values("a", &[rows, columns]).unwrap();
                weights.finish().unwrap();
                let row_of = |index: usize| [index / columns, index % columns][axis];
                for (index, (found, value)) in found.iter().zip(&values).enumerate() {
                    let row = (0..values.len()).filter(|&other| row_of(other) == row_of(index));
                    let largest = row.map(|other| values[other].abs()).fold(0.0, f32::max);
                    let step = largest / ((1 << (bits - 1)) - 1) as f32;
                    let difference = (found - value).abs();
                    assert!(
                        difference <= 0.5001 * step,
                        "{bits} bits, axis {axis}: {value} became {found}"
                    );
                }
            }
        }
    }

    #[test]
    fn integers_keep_their_sign_and_every_bit() {
        for bits in 8..=16u32 {
            let most = (1i32 << (bits - 1)) - 1;
            let integers = [
                most,
                -most,
                -1,
                0,
                1,
                most / 3,
                -most / 3,
                most - 1,
                2 - most,
            ];
            let values: Vec<f32> = integers.iter().map(|&integer| integer as f32).collect();
            let rounded = Quantised::round(&values, &[1, 9], 0, bits);
            assert_eq!(rounded.values(), values, "{bits} bits");
        }
    }

    #[test]
    fn the_conversion_script_splits_integers_alike() {
        // What numpy made of [[-2047, 2047, -1, 5]] with a scale of a half and twelve bits.
        let parts = Quantised::round(&[-1023.5, 1023.5, -0.5, 2.5], &[1, 4], 0, 12).parts("a");
        let bytes = parts.map(|(_, _, _, bytes)| bytes);
        assert_eq!(bytes[0], [0x80, 0x7F, 0xFF, 0x00]);
        assert_eq!(bytes[1], [0b1111, 0b0110, 0b1110, 0b0110]);
        assert_eq!(bytes[2], 0.5f32.to_le_bytes());
    }

    #[test]
    fn convolutions_have_a_scale_an_output_channel() {
        let values: Vec<f32> = (0..18).map(|i| (i as f32 - 9.0) * 0.1).collect();
        let rounded = Quantised::round(&values, &[2, 1, 3, 3], 0, 16);
        assert_eq!(rounded.scale.len(), 2);
        for (found, value) in rounded.values().iter().zip(&values) {
            assert!((found - value).abs() < 2e-5, "{value} became {found}");
        }
    }

    #[test]
    fn a_part_that_is_missing_or_does_not_fit_is_named() {
        let values = matrix(4, 16);
        let parts = Quantised::round(&values, &[4, 16], 0, 12).parts("a");
        let read = |parts: &[(String, Dtype, Vec<usize>, Vec<u8>)]| {
            let file = file(parts);
            let weights = Weights::parse("w", &file).unwrap();
            weights.values("a", &[4, 16]).unwrap_err()
        };
        for (left_out, name) in [(1, "a.low"), (2, "a.scale")] {
            let mut rest = parts.to_vec();
            rest.remove(left_out);
            assert!(
                matches!(read(&rest), ModelError::MissingTensor { tensor, file } if tensor == name && file == "w")
            );
        }
        let changed = |part: usize, dtype, shape: &[usize], bytes: usize| {
            let mut parts = parts.to_vec();
            let name = parts[part].0.clone();
            parts[part] = (name.clone(), dtype, shape.to_vec(), vec![0xFF; bytes]);
            let text = read(&parts).to_string();
            assert!(text.contains(&name) && text.starts_with("w"), "{text}");
        };
        changed(1, Dtype::U8, &[9, 8], 72);
        changed(1, Dtype::U8, &[4, 7], 28);
        changed(1, Dtype::U8, &[32], 32);
        changed(1, Dtype::I8, &[4, 8], 32);
        changed(2, Dtype::F32, &[4], 16);
        changed(2, Dtype::F32, &[1, 4], 16);
        changed(2, Dtype::F32, &[4, 16], 256);
        changed(2, Dtype::U8, &[4, 1], 4);
        // Not a number.
        changed(2, Dtype::F32, &[4, 1], 16);
    }
}
