use super::Kernels;
use crate::Embedding;

/// The codes of a vector are biased by this, because the fastest instruction multiplies unsigned by signed bytes.
pub(super) const BIAS: i32 = 128;

/// A vector in bytes: `x[i]` is about `(codes[i] - 128) * scale`.
pub(crate) struct Codes {
    pub(crate) scale: f32,
    /// How far the vector is from what its codes say.
    pub(crate) error: f32,
}

/// Appends the codes of a vector.
pub(crate) fn quantise(vector: &[f32], codes: &mut Vec<u8>) -> Codes {
    let largest = vector.iter().fold(0.0_f32, |a, x| a.max(x.abs()));
    let scale = largest / 127.0;
    let per_step = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    let mut error = 0.0;
    for &x in vector {
        let step = (x * per_step).round().clamp(-127.0, 127.0);
        error += (x - step * scale).powi(2);
        codes.push((step as i32 + BIAS) as u8);
    }
    Codes {
        scale,
        error: error.sqrt(),
    }
}

/// A vector to be compared with many.
pub(crate) struct Query {
    floats: Vec<f32>,
    codes: Vec<i8>,
    scale: f32,
    error: f32,
    /// What the bias of the other side adds to each dot product.
    bias: i32,
}

impl Query {
    pub(crate) fn new(embedding: &Embedding) -> Self {
        let floats = embedding.as_slice().to_vec();
        let mut biased = Vec::with_capacity(floats.len());
        let Codes { scale, error } = quantise(&floats, &mut biased);
        let codes: Vec<i8> = biased
            .iter()
            .map(|&code| (i32::from(code) - BIAS) as i8)
            .collect();
        let bias = codes.iter().map(|&code| i32::from(code)).sum::<i32>() * BIAS;
        Self {
            floats,
            codes,
            scale,
            error,
            bias,
        }
    }

    pub(crate) fn floats(&self) -> &[f32] {
        &self.floats
    }

    pub(crate) fn codes(&self) -> &[i8] {
        &self.codes
    }

    /// The cosine that a dot product of codes stands for.
    pub(crate) fn estimate(&self, dot: i32, scale: f32) -> f32 {
        (dot - self.bias) as f32 * (scale * self.scale)
    }

    /// How far an estimate can be from the cosine, given how far rows can be from their codes: by the triangle
    /// inequality, |xy - x'y'| <= |x - x'| |y| + |x'| |y - y'|, with both norms 1 and |x'| <= 1 + |x - x'|.
    pub(crate) fn slack(&self, row_error: f32) -> f32 {
        // The rest is for rounding in the f32 sums of both sides.
        row_error + (1.0 + row_error) * self.error + 1e-5
    }

    /// How far an estimate hardly ever is from the cosine. The bound is met when the rounding of all numbers points to where the other
    /// vector does; as each is rounded by itself, it has a standard deviation of the bound over the square root of their number.
    pub(crate) fn likely_slack(&self, row_error: f32) -> f32 {
        const DEVIATIONS: f32 = 4.0;
        let share = DEVIATIONS / (self.floats.len() as f32).sqrt();
        self.slack(row_error) * share.min(1.0)
    }
}

impl Kernels {
    /// The estimate of one pair, for tests and for single rows.
    #[cfg(test)]
    fn pair(self, row: &[f32], query: &Query) -> (f32, f32) {
        let mut codes = Vec::new();
        let quantised = quantise(row, &mut codes);
        let estimate = query.estimate(self.dot_codes(&codes, query.codes()), quantised.scale);
        (estimate, query.slack(quantised.error))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn estimates_are_within_their_slack(
            a in prop::collection::vec(-1.0_f32..1.0, 70),
            b in prop::collection::vec(-1.0_f32..1.0, 70),
        ) {
            let (Ok(a), Ok(b)) = (Embedding::new(a), Embedding::new(b)) else { return Ok(()) };
            let (estimate, slack) = Kernels::detect().pair(a.as_slice(), &Query::new(&b));
            prop_assert!((estimate - a.dot(&b)).abs() <= slack);
            prop_assert!(slack < 0.05);
        }
    }
}
