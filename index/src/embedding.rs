use crate::{Error, Result};

/// A direction in the space that pictures and sentences share: finite numbers with norm 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(Vec<f32>);

impl Embedding {
    /// Scales a vector to norm 1.
    ///
    /// # Errors
    /// [`Error::NoDirection`] for a vector that is empty, zero, or has a NaN or an infinity in it.
    pub fn new(mut vector: Vec<f32>) -> Result<Self> {
        let refuse = |reason| {
            Err(Error::NoDirection {
                dim: vector.len(),
                reason,
            })
        };
        if vector.is_empty() {
            return refuse("it is empty");
        }
        if !vector.iter().all(|x| x.is_finite()) {
            return refuse("it has a NaN or an infinity in it");
        }
        // In f64 the squares of two finite f32 neither overflow nor vanish, so only a true zero fails.
        let norm = vector
            .iter()
            .map(|&x| f64::from(x) * f64::from(x))
            .sum::<f64>()
            .sqrt();
        if norm == 0.0 {
            return refuse("it is zero");
        }
        for x in &mut vector {
            *x = (f64::from(*x) / norm) as f32;
        }
        Ok(Self(vector))
    }

    /// Takes back a vector that this type gave out, bit for bit; `None` if it cannot have.
    #[must_use]
    pub fn restore(vector: Vec<f32>) -> Option<Self> {
        let norm = vector
            .iter()
            .map(|&x| f64::from(x) * f64::from(x))
            .sum::<f64>();
        (norm.is_finite() && (norm - 1.0).abs() < 1e-3).then_some(Self(vector))
    }

    /// The numbers, `[dim]`.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// How many numbers there are.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.0.len()
    }

    /// The cosine of the angle between two embeddings of the same length, -1 to 1.
    #[must_use]
    pub fn dot(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_scaled_to_norm_one() {
        let tiny = Embedding::new(vec![3e-30, 4e-30]).expect("it has a direction");
        let huge = Embedding::new(vec![3e38, 0.0]).expect("it has a direction");
        assert!((tiny.as_slice()[1] - 0.8).abs() < 1e-6);
        assert_eq!(huge.as_slice(), [1.0, 0.0]);
        assert!((tiny.dot(&tiny) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn vectors_without_a_direction_are_refused() {
        for bad in [
            vec![],
            vec![0.0; 4],
            vec![1.0, f32::NAN],
            vec![f32::INFINITY],
        ] {
            assert!(matches!(
                Embedding::new(bad),
                Err(Error::NoDirection { .. })
            ));
        }
    }
}
