//! What a tensor is before training.

#[cfg(feature = "train")]
use std::borrow::Cow;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::weights::Layout;
#[cfg(feature = "train")]
use super::{
    ModelError,
    tensors::{TensorInfo, TensorSource},
};

/// Values of the tensor `key` of `shape`. A norm changes nothing, other vectors are zero, tables of embeddings have a standard
/// deviation of 0.02 (BERT), and weights are uniform in ±1/√d_input, which is what PyTorch and burn start linear layers with.
///
/// What looks at pictures from within trained text layers hardly speaks at first, so that they go on saying what they did.
///
/// Numbers come from the seed and the name, so a tensor does not depend on what else is made.
pub(crate) fn initial(seed: u64, key: &str, shape: &[usize], layout: Layout) -> Vec<f32> {
    const EMBEDDING_DEVIATION: f32 = 0.02;
    const QUIET_DEVIATION: f32 = 0.002;
    let count = shape.iter().product();
    let is_norm = key.contains("Norm") || key.contains("norm");
    match *shape {
        [first, second] => {
            let bound = match layout {
                _ if key.contains("embed") => EMBEDDING_DEVIATION * 3f32.sqrt(),
                _ if key.starts_with("matcher.") && key.contains("crossattention.output") => {
                    QUIET_DEVIATION * 3f32.sqrt()
                }
                Layout::Burn => 1.0 / (first as f32).sqrt(),
                Layout::Torch => 1.0 / (second as f32).sqrt(),
            };
            let mut hash = blake3::Hasher::new();
            hash.update(&seed.to_le_bytes()).update(key.as_bytes());
            let mut random = ChaCha8Rng::from_seed(hash.finalize().into());
            // 24 random bits make a number in [0, 1).
            let mut unit = || (random.next_u32() >> 8) as f32 / (1u32 << 24) as f32;
            (0..count).map(|_| bound * (2.0 * unit() - 1.0)).collect()
        }
        _ if is_norm && key.ends_with(".weight") => vec![1.0; count],
        _ => vec![0.0; count],
    }
}

/// A source without tensors: of a network that is trained from the start.
#[cfg(feature = "train")]
pub(crate) struct Nothing;

#[cfg(feature = "train")]
impl TensorSource for Nothing {
    fn file(&self) -> &'static str {
        "nothing"
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }

    fn info(&self, _: &str) -> Option<TensorInfo> {
        None
    }

    fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, ModelError> {
        Err(ModelError::MissingTensor {
            file: self.file().to_owned(),
            tensor: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_spread_as_wide_as_their_input_allows_and_depend_on_seed_and_name_alone() {
        let deviation = |values: &[f32]| {
            let sum: f32 = values.iter().map(|v| v * v).sum();
            (sum / values.len() as f32).sqrt()
        };
        let make = |seed, key, layout| initial(seed, key, &[400, 100], layout);
        let weight = make(1, "layer.weight", Layout::Burn);
        assert!((deviation(&weight) - 1.0 / 1200f32.sqrt()).abs() < 1e-3);
        let torch = make(1, "layer.weight", Layout::Torch);
        assert!((deviation(&torch) - 1.0 / 300f32.sqrt()).abs() < 1e-3);
        let table = make(1, "word_embeddings.weight", Layout::Burn);
        assert!((deviation(&table) - 0.02).abs() < 1e-3);
        assert_eq!(weight, make(1, "layer.weight", Layout::Burn));
        assert_ne!(weight, make(2, "layer.weight", Layout::Burn));
        assert_ne!(weight, make(1, "other.weight", Layout::Burn));
    }

    #[test]
    fn a_norm_starts_as_the_identity() {
        let make = |key| initial(1, key, &[3], Layout::Burn);
        assert_eq!(make("a.LayerNorm.weight"), [1.0; 3]);
        assert_eq!(make("a.LayerNorm.bias"), [0.0; 3]);
        assert_eq!(make("a.dense.bias"), [0.0; 3]);
    }
}
