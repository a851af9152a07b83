//! Weights made from their names: the golden numbers were computed with networks whose every tensor comes from this
//! generator, so a test of any size needs no weight file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use safetensors::Dtype;

use super::ModelError;
use super::tensors::{TensorInfo, TensorSource};

/// Tensors of the given names and shapes.
pub(crate) struct Generated {
    tensors: BTreeMap<String, Recipe>,
}

/// How a tensor is made.
struct Recipe {
    /// What its numbers come from: at first its name, after a prefix.
    key: String,
    shape: Vec<usize>,
    /// An element, and what is added to it.
    raised: Option<(usize, f32)>,
}

impl Generated {
    /// `prefix` stands before a name where its numbers are made.
    pub(crate) fn new(
        prefix: &str,
        shapes: impl IntoIterator<Item = (String, Vec<usize>)>,
    ) -> Self {
        let recipe = |(name, shape): (String, Vec<usize>)| {
            let key = format!("{prefix}{name}");
            let raised = None;
            (name, Recipe { key, shape, raised })
        };
        Self {
            tensors: shapes.into_iter().map(recipe).collect(),
        }
    }

    /// With the tensors of `other`.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.tensors.extend(other.tensors);
        self
    }

    /// With `amount` added to element `index` of the tensor `name`.
    pub(crate) fn raised(mut self, name: &str, index: usize, amount: f32) -> Self {
        self.tensors.get_mut(name).expect("a tensor").raised = Some((index, amount));
        self
    }

    /// Tensors keep their numbers under the names that `rename` gives them; those without a name go.
    pub(crate) fn renamed(self, rename: impl Fn(&str) -> Option<String>) -> Self {
        let tensors = self.tensors.into_iter();
        Self {
            tensors: tensors
                .filter_map(|(name, recipe)| Some((rename(&name)?, recipe)))
                .collect(),
        }
    }
}

impl TensorSource for Generated {
    fn file(&self) -> &str {
        "generated"
    }

    fn names(&self) -> Vec<&str> {
        self.tensors.keys().map(String::as_str).collect()
    }

    fn info(&self, name: &str) -> Option<TensorInfo> {
        let shape = self.tensors.get(name)?.shape.clone();
        Some(TensorInfo {
            dtype: Dtype::F32,
            shape,
        })
    }

    fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, ModelError> {
        let Recipe { key, shape, raised } = &self.tensors[name];
        let mut values = generate(key, shape);
        if let Some((index, amount)) = raised {
            values[*index] += amount;
        }
        Ok(values.into_iter().flat_map(f32::to_le_bytes).collect())
    }
}

/// The tensor called `key`.
pub(crate) fn generate(key: &str, shape: &[usize]) -> Vec<f32> {
    let (offset, scale) = distribution(key, shape);
    uniform(key, shape.iter().product())
        .map(|u| (offset + scale * u) as f32)
        .collect()
}

/// `count` numbers of [-1, 1): the stream of SplitMix64 that starts at the 64-bit FNV-1a hash of `key`.
pub(crate) fn uniform(key: &str, count: usize) -> impl Iterator<Item = f64> {
    let seed = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (1..=count as u64).map(move |step| {
        let mut z = seed.wrapping_add(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        2.0 * ((z >> 40) as f64 / f64::from(1 << 24)) - 1.0
    })
}

/// Centre and half-width of the numbers of a tensor: what keeps a random network's activations in range.
fn distribution(key: &str, shape: &[usize]) -> (f64, f64) {
    let parts: Vec<&str> = key.split('.').collect();
    let last = *shape.last().unwrap_or(&1) as f64;
    let is_norm = parts.len() > 1 && parts[parts.len() - 2].to_lowercase().contains("norm");
    let decoder = key.contains("text_decoder");
    match key {
        _ if is_norm && key.ends_with(".weight") => (1.0, 0.2),
        _ if key.ends_with("relative_position_bias_table") => (0.0, 1.0),
        "fc.W" => (0.0, 1.5 * (3.0 / last).sqrt()),
        "fc.b" => (0.0, 1.0),
        "temp" => (0.07, 0.0),
        "ram.wordvec_proj.weight" => (0.0, 20.0 * (3.0 / 512.0_f64).sqrt()),
        "ram.label_embed" | "ramplus.label_embed" => (0.0, 0.08),
        _ if key.ends_with("reweight_scale") => ((1.0_f64 / 0.07).ln(), 0.0),
        _ if key.contains("word_embeddings") && decoder => (0.0, 0.6 * 8.0 / last.sqrt()),
        _ if key.contains("word_embeddings") => (0.0, 0.5),
        _ if key.contains("position_embeddings") => (0.0, 1.0),
        _ if key.starts_with("label_embed")
            || key.ends_with("pos_embed")
            || key.ends_with("cls_token") =>
        {
            (0.0, 0.5)
        }
        _ if shape.len() >= 2 => {
            let gain = match key {
                _ if decoder && key.ends_with("crossattention.output.dense.weight") => 0.3,
                _ if decoder && key.ends_with("self.query.weight") => 3.0,
                _ => 1.0,
            };
            let inputs: usize = shape[1..].iter().product();
            (0.0, gain * (3.0 / inputs as f64).sqrt())
        }
        _ => (0.0, 0.1),
    }
}
