//! Multi-head attention of BERT: over the sequence itself, or over the tokens of another network.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Device, Int, Tensor};

use crate::models::ModelError;
use crate::models::weights::Weights;

/// Keys and values of the tokens that are looked at, `[B, heads, N, C / heads]` each.
#[derive(Clone, Debug)]
pub(crate) struct KeysValues {
    keys: Tensor<4>,
    values: Tensor<4>,
}

impl KeysValues {
    /// Those of `self`, then those of `next`, for each row of the batch.
    pub(crate) fn followed_by(self, next: Self) -> Self {
        Self {
            keys: Tensor::cat(vec![self.keys, next.keys], 2),
            values: Tensor::cat(vec![self.values, next.values], 2),
        }
    }

    /// The given rows of the batch, in this order; a row may come more than once.
    pub(crate) fn select(&self, rows: Tensor<1, Int>) -> Self {
        Self {
            keys: self.keys.clone().select(0, rows.clone()),
            values: self.values.clone().select(0, rows),
        }
    }

    /// Rows of the batch, and tokens `N`.
    pub(crate) fn dims(&self) -> [usize; 2] {
        let [batch, _, length, _] = self.keys.dims();
        [batch, length]
    }
}

/// Multi-head attention. A checkpoint calls its parts `self.query`, `self.key`, `self.value` and `output.dense`, be it
/// self-attention or not.
#[derive(Debug, Module)]
pub(crate) struct Attention {
    pub(crate) query: Linear,
    pub(crate) key: Linear,
    pub(crate) value: Linear,
    pub(crate) output: Linear,
    pub(crate) heads: usize,
}

impl Attention {
    /// Queries of `width` channels, tokens of `encoder_width`.
    pub(crate) fn load(
        prefix: &str,
        width: usize,
        encoder_width: usize,
        heads: usize,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let linear =
            |name: &str, input| weights.linear(&format!("{prefix}.{name}"), input, width, device);
        Ok(Self {
            query: linear("self.query", width)?,
            key: linear("self.key", encoder_width)?,
            value: linear("self.value", encoder_width)?,
            output: linear("output.dense", width)?,
            heads,
        })
    }

    /// What queries need of tokens `[B, N, encoder_width]`: made once, however many queries look at them.
    pub(crate) fn keys_values(&self, tokens: Tensor<3>) -> KeysValues {
        // Laid out head by head here, or every use would do it again.
        let split = |t: Tensor<3>| {
            let split = self.split(t);
            let shape = split.dims();
            split.reshape(shape)
        };
        KeysValues {
            keys: split(self.key.forward(tokens.clone())),
            values: split(self.value.forward(tokens)),
        }
    }

    /// `[B, N, C]` to `[B, heads, N, C / heads]`.
    fn split(&self, t: Tensor<3>) -> Tensor<4> {
        let [batch, length, width] = t.dims();
        t.reshape([batch, length, self.heads, width / self.heads])
            .swap_dims(1, 2)
    }

    /// Queries `[S, Q, C]` against `B` sets of tokens, to `[max(S, B), Q, C]`. One set of queries serves every image (labels
    /// are the same for all, and projected once); else `S` is a multiple of `B`, and each image serves as many adjacent sets
    /// of queries (texts that are compared with it, beams of its caption).
    pub(crate) fn attend(&self, queries: Tensor<3>, tokens: &KeysValues) -> Tensor<3> {
        self.attend_masked(queries, tokens, None)
    }

    /// The same, with as many sets of queries as of tokens, where `mask` `[B, heads, Q, N]` is true where a query must not
    /// look.
    pub(crate) fn attend_masked(
        &self,
        queries: Tensor<3>,
        tokens: &KeysValues,
        mask: Option<Tensor<4, Bool>>,
    ) -> Tensor<3> {
        let [sets, count, width] = queries.dims();
        let [batch, heads, _, head] = tokens.keys.dims();
        // Queries do not see each other, so those that look at one image are one long set: no copy of its keys and values,
        // and one large product instead of several small ones.
        let queries = if sets > batch {
            queries.reshape([batch, sets / batch * count, width])
        } else {
            queries
        };
        let [_, length, _] = queries.dims();
        let query = self.split(self.query.forward(queries));
        let query = if sets < batch {
            query.expand([batch, heads, length, head])
        } else {
            query
        };
        let context = attention(
            query,
            tokens.keys.clone(),
            tokens.values.clone(),
            mask,
            None,
            AttentionModuleOptions::default(),
        );
        let context = context
            .swap_dims(1, 2)
            .reshape([sets.max(batch), count, width]);
        self.output.forward(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::LinearConfig;
    use burn::tensor::{Distribution, TensorData};

    fn layer(device: &Device) -> Attention {
        let linear = |input| LinearConfig::new(input, 12).init(device);
        Attention {
            query: linear(12),
            key: linear(20),
            value: linear(20),
            output: linear(12),
            heads: 3,
        }
    }

    fn random(shape: [usize; 3], device: &Device) -> Tensor<3> {
        Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), device)
    }

    fn close(found: TensorData, expected: TensorData) {
        found.assert_approx_eq::<f32>(&expected, burn::tensor::Tolerance::absolute(1e-6));
    }

    #[test]
    fn one_set_of_tokens_serves_every_set_of_queries() {
        let device = Device::flex();
        let attention = layer(&device);
        let (queries, tokens) = (random([3, 4, 12], &device), random([1, 5, 20], &device));
        let together = attention.attend(queries.clone(), &attention.keys_values(tokens.clone()));
        assert_eq!(together.dims(), [3, 4, 12]);
        let repeated = tokens.repeat_dim(0, 3);
        let apart = attention.attend(queries, &attention.keys_values(repeated));
        close(together.into_data(), apart.into_data());
    }

    #[test]
    fn one_set_of_queries_serves_every_set_of_tokens() {
        let device = Device::flex();
        let attention = layer(&device);
        let (queries, tokens) = (random([1, 4, 12], &device), random([3, 5, 20], &device));
        let tokens = attention.keys_values(tokens);
        let together = attention.attend(queries.clone(), &tokens);
        assert_eq!(together.dims(), [3, 4, 12]);
        let apart = attention.attend(queries.repeat_dim(0, 3), &tokens);
        close(together.into_data(), apart.into_data());
    }

    #[test]
    fn sets_of_queries_share_the_tokens_of_their_group() {
        let device = Device::flex();
        let attention = layer(&device);
        let (queries, tokens) = (random([6, 1, 12], &device), random([2, 5, 20], &device));
        let keys_values = attention.keys_values(tokens.clone());
        let together = attention.attend(queries.clone(), &keys_values);
        let rows = Tensor::from_ints([0, 0, 0, 1, 1, 1], &device);
        assert_eq!(keys_values.select(rows.clone()).dims(), [6, 5]);
        let apart = attention.attend(queries, &keys_values.select(rows));
        close(together.into_data(), apart.into_data());
    }

    #[test]
    fn what_is_masked_is_as_if_it_were_not_there() {
        let device = Device::flex();
        let attention = layer(&device);
        let (queries, tokens) = (random([1, 2, 12], &device), random([1, 5, 20], &device));
        let mask = Tensor::<1, Bool>::from_data([false, true, false, true, true], &device)
            .reshape([1, 1, 1, 5])
            .expand([1, 3, 2, 5]);
        let all = attention.keys_values(tokens.clone());
        let masked = attention.attend_masked(queries.clone(), &all, Some(mask));
        let seen = attention.keys_values(tokens.select(1, Tensor::from_ints([0, 2], &device)));
        close(
            masked.into_data(),
            attention.attend(queries, &seen).into_data(),
        );
    }

    #[test]
    fn keys_and_values_follow_each_other() {
        let device = Device::flex();
        let attention = layer(&device);
        let (queries, tokens) = (random([1, 2, 12], &device), random([1, 5, 20], &device));
        let part = |range| attention.keys_values(tokens.clone().slice([0..1, range, 0..20]));
        let joined = part(0..2).followed_by(part(2..5));
        let found = attention.attend(queries.clone(), &joined);
        let whole = attention.attend(queries, &attention.keys_values(tokens.clone()));
        close(found.into_data(), whole.into_data());
    }
}
