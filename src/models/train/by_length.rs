//! Rows of tokens that are encoded in parts.

use burn::tensor::{Int, Tensor};

/// Rows encoded at once.
pub(crate) const PART: usize = 32;

/// Rows of tokens in the order of their lengths, so that little of a part is padding.
pub(crate) struct ByLength<'a> {
    rows: Vec<&'a [u32]>,
    /// Where each row was.
    origins: Vec<usize>,
}

impl<'a> ByLength<'a> {
    pub(crate) fn new(rows: Vec<&'a [u32]>) -> Self {
        let mut origins: Vec<usize> = (0..rows.len()).collect();
        origins.sort_by_key(|&row| rows[row].len());
        Self {
            rows: origins.iter().map(|&row| rows[row]).collect(),
            origins,
        }
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &[&'a [u32]]> {
        self.rows.chunks(PART)
    }

    /// What was computed of the rows, `[rows, width]`, as they were before.
    pub(crate) fn restored(&self, computed: Tensor<2>) -> Tensor<2> {
        let mut places = vec![0; self.origins.len()];
        for (place, &origin) in self.origins.iter().enumerate() {
            places[origin] = place as i32;
        }
        let places = Tensor::<1, Int>::from_data(places.as_slice(), &computed.device());
        computed.select(0, places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::backbone::host;
    use burn::tensor::Device;

    #[test]
    fn what_was_computed_in_parts_comes_back_in_order() {
        let lengths = (0..150).map(|row| 1 + (row * 37) % 11);
        let rows: Vec<Vec<u32>> = lengths.map(|length| vec![7; length]).collect();
        let ordered = ByLength::new(rows.iter().map(Vec::as_slice).collect());
        let counted: Vec<f32> = ordered
            .parts()
            .flatten()
            .map(|row| row.len() as f32)
            .collect();
        assert!(counted.is_sorted());
        let counted = Tensor::<1>::from_floats(counted.as_slice(), &Device::flex());
        let restored = host(ordered.restored(counted.reshape([150, 1]))).unwrap();
        let expected: Vec<f32> = rows.iter().map(|row| row.len() as f32).collect();
        assert_eq!(restored, expected);
    }
}
