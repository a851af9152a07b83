//! Word embeddings as they are stored.

use super::ModelError;
use super::quantised::Quantised;
use super::weights::Weights;

/// A table of word embeddings, kept in integers: a query touches a dozen of its rows, so expanding all of them at start-up would
/// cost more than encoding it.
#[derive(Debug)]
pub(crate) struct WordTable {
    rows: Quantised<'static>,
}

impl WordTable {
    /// Takes `prefix.weight` `[rows, width]`, which has a scale a word. `width` is a multiple of eight, as attention heads
    /// make it.
    pub(crate) fn load(
        weights: &Weights<'_>,
        prefix: &str,
        rows: usize,
        width: usize,
    ) -> Result<Self, ModelError> {
        let key = format!("{prefix}.weight");
        let rows = weights.quantised(&key, &[rows, width])?;
        if !rows.has_rows_in_one_piece() || !width.is_multiple_of(8) {
            return Err(weights.damaged(&key, "is no table of words with a scale each"));
        }
        Ok(Self {
            rows: rows.into_owned(),
        })
    }

    /// Adds the embedding of word `row` to `target` `[width]`.
    pub(crate) fn add_to(&self, row: usize, target: &mut [f32]) {
        self.rows.add_row_to(row, target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::TensorView;

    fn table(axis: usize) -> Result<WordTable, ModelError> {
        let values: Vec<f32> = (0..24).map(|i| (i as f32 - 7.0) * 0.5).collect();
        let parts = Quantised::round(&values, &[3, 8], axis, 12).parts("words.weight");
        let views = parts.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes).unwrap();
            (name.as_str(), view)
        });
        let file = safetensors::serialize(views, None).unwrap();
        WordTable::load(&Weights::parse("w", &file).unwrap(), "words", 3, 8)
    }

    #[test]
    fn a_word_is_added_to_what_is_there() {
        let mut sum = [1.0; 8];
        table(0).unwrap().add_to(1, &mut sum);
        for (index, sum) in sum.iter().enumerate() {
            let expected = 1.0 + (index as f32 + 1.0) * 0.5;
            assert!((sum - expected).abs() < 2e-3, "{sum}, not {expected}");
        }
    }

    #[test]
    fn scales_of_columns_are_refused() {
        let text = table(1).unwrap_err().to_string();
        assert!(text.contains("`words.weight`"), "{text}");
    }
}
