//! Weights made from their names: the golden numbers were computed with networks whose every tensor comes from this
//! generator, so a test of any size needs no weight file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use safetensors::Dtype;

use super::ModelError;
use super::tensors::{TensorInfo, TensorSource};

/// Tensors of the given names and shapes.
pub(crate) struct Generated {
    /// Stands before a name where its seed is made.
    prefix: &'static str,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl Generated {
    pub(crate) fn new(
        prefix: &'static str,
        shapes: impl IntoIterator<Item = (String, Vec<usize>)>,
    ) -> Self {
        Self {
            prefix,
            shapes: shapes.into_iter().collect(),
        }
    }
}

impl TensorSource for Generated {
    fn file(&self) -> &str {
        "generated"
    }

    fn names(&self) -> Vec<&str> {
        self.shapes.keys().map(String::as_str).collect()
    }

    fn info(&self, name: &str) -> Option<TensorInfo> {
        let shape = self.shapes.get(name)?.clone();
        Some(TensorInfo {
            dtype: Dtype::F32,
            shape,
        })
    }

    fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, ModelError> {
        let shape = &self.shapes[name];
        let values = generate(&format!("{}{name}", self.prefix), shape);
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
