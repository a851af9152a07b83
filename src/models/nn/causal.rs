//! Self-attention of a decoder over the tokens that it has read so far.

use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{DType, Device, Int, Tensor, module};
use rayon::prelude::*;

use super::rows::Rows;
use super::simd::{dot, exp, greatest, sum, vectorised};

/// Keys and values of one layer for the tokens of each text.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one a layer, and tensors of a device are that large"
)]
pub(super) enum Past {
    /// In main memory, text by text: a token more is written behind those before, and a text that branches is copied.
    Host {
        /// `[length, C]` of each text.
        keys: Vec<Vec<f32>>,
        /// `[length, C]` of each text.
        values: Vec<Vec<f32>>,
    },
    /// On another device, `[texts, heads, length, C / heads]`.
    Device { keys: Tensor<4>, values: Tensor<4> },
}

/// What the new tokens of each text may look at: those before them, themselves, and nothing from `lengths` on.
#[derive(Debug)]
pub(super) struct Sight<'a> {
    /// Tokens of each text, the new ones included, without padding.
    pub(super) lengths: &'a [usize],
    /// Tokens read before.
    pub(super) past: usize,
    /// New tokens of each text, with padding.
    pub(super) count: usize,
}

impl Sight<'_> {
    /// Whether new token `query` of `text` sees the token at `key`.
    fn sees(&self, text: usize, query: usize, key: usize) -> bool {
        key <= self.past + query && key < self.lengths[text]
    }

    /// What is added to the scores of a device: `[texts, 1, count, past + count]`. None when everything is seen.
    pub(super) fn bias(&self, dtype: DType, device: &Device) -> Option<Tensor<4>> {
        let (texts, total) = (self.lengths.len(), self.past + self.count);
        let bias: Vec<f32> = (0..texts * self.count * total)
            .map(|at| {
                let (text, query) = (at / total / self.count, at / total % self.count);
                let seen = self.sees(text, query, at % total);
                if seen { 0.0 } else { -10_000.0 }
            })
            .collect();
        bias.iter().any(|&bias| bias != 0.0).then(|| {
            Tensor::<1>::from_floats(bias.as_slice(), device)
                .cast(dtype)
                .reshape([texts, 1, self.count, total])
        })
    }
}

impl Past {
    /// `past`, if there is any, and behind it `keys` and `values` `[texts * count, C]` of the next tokens.
    pub(super) fn extend(past: Option<Self>, next: [Rows; 2], texts: usize, heads: usize) -> Self {
        match next {
            [
                Rows::Host {
                    values: keys,
                    width,
                },
                Rows::Host { values, .. },
            ] => {
                let (mut all_keys, mut all_values) = match past {
                    Some(Self::Host { keys, values }) => (keys, values),
                    _ => (vec![Vec::new(); texts], vec![Vec::new(); texts]),
                };
                let size = keys.len() / texts;
                debug_assert_eq!(size % width, 0);
                for (all, next) in [(&mut all_keys, &keys), (&mut all_values, &values)] {
                    for (all, next) in all.iter_mut().zip(next.chunks_exact(size)) {
                        all.extend_from_slice(next);
                    }
                }
                Self::Host {
                    keys: all_keys,
                    values: all_values,
                }
            }
            [Rows::Device(keys), Rows::Device(values)] => {
                let [count, width] = keys.dims();
                let split = |x: Tensor<2>| {
                    x.reshape([texts, count / texts, heads, width / heads])
                        .swap_dims(1, 2)
                };
                let (keys, values) = (split(keys), split(values));
                match past {
                    Some(Self::Device {
                        keys: all_keys,
                        values: all_values,
                    }) => Self::Device {
                        keys: Tensor::cat(vec![all_keys, keys], 2),
                        values: Tensor::cat(vec![all_values, values], 2),
                    },
                    _ => Self::Device { keys, values },
                }
            }
            _ => unreachable!("keys and values are on one device"),
        }
    }

    /// The given texts, in this order; a text may come more than once.
    pub(super) fn select(&mut self, texts: &[usize]) {
        match self {
            Self::Host { keys, values } => {
                for all in [keys, values] {
                    *all = texts.iter().map(|&text| all[text].clone()).collect();
                }
            }
            Self::Device { keys, values } => {
                let texts: Vec<i32> = texts.iter().map(|&text| text as i32).collect();
                let texts = Tensor::<1, Int>::from_data(texts.as_slice(), &keys.device());
                *keys = keys.clone().select(0, texts.clone());
                *values = values.clone().select(0, texts);
            }
        }
    }

    /// What the new tokens with `query` `[texts * count, C]` see: `[texts * count, C]`. `bias` is [`Sight::bias`] where the
    /// layers are not in main memory.
    pub(super) fn attend(
        &self,
        query: Rows,
        heads: usize,
        sight: &Sight<'_>,
        bias: Option<&Tensor<4>>,
    ) -> Rows {
        match (self, query) {
            (
                Self::Host { keys, values },
                Rows::Host {
                    values: query,
                    width,
                },
            ) => {
                let mut seen = vec![0.0; query.len()];
                seen.par_chunks_exact_mut(width)
                    .zip(query.par_chunks_exact(width))
                    .enumerate()
                    .for_each_init(Vec::new, |scores, (row, (seen, query))| {
                        let (text, new) = (row / sight.count, row % sight.count);
                        let visible = (sight.past + new + 1).min(sight.lengths[text]) * width;
                        let (keys, values) = (&keys[text][..visible], &values[text][..visible]);
                        look(query, keys, values, heads, scores, seen);
                    });
                Rows::Host {
                    values: seen,
                    width,
                }
            }
            (Self::Device { keys, values }, Rows::Device(query)) => {
                let [count, width] = query.dims();
                let texts = sight.lengths.len();
                let query = query
                    .reshape([texts, count / texts, heads, width / heads])
                    .swap_dims(1, 2);
                let seen = module::attention(
                    query,
                    keys.clone(),
                    values.clone(),
                    None,
                    bias.cloned(),
                    AttentionModuleOptions::default(),
                );
                Rows::Device(seen.swap_dims(1, 2).reshape([count, width]))
            }
            _ => unreachable!("queries, keys and values are on one device"),
        }
    }
}

vectorised! {
    /// One query `[C]` on keys and values `[N, C]`: a product of matrices would be too small to pay for its preparation.
    fn look(
        query: &[f32],
        keys: &[f32],
        values: &[f32],
        heads: usize,
        scores: &mut Vec<f32>,
        seen: &mut [f32],
    ) {
        let width = query.len();
        let head = width / heads;
        let scale = 1.0 / (head as f32).sqrt();
        for (at, seen) in (0..width).step_by(head).zip(seen.chunks_exact_mut(head)) {
            let query = &query[at..at + head];
            scores.clear();
            for key in keys.chunks_exact(width) {
                scores.push(scale * dot(query, &key[at..at + head]));
            }
            let highest = greatest(scores);
            for score in scores.iter_mut() {
                *score = exp(*score - highest);
            }
            let share = 1.0 / sum(scores, |score| score);
            for (score, value) in scores.iter().zip(values.chunks_exact(width)) {
                let share = share * score;
                for (seen, value) in seen.iter_mut().zip(&value[at..at + head]) {
                    *seen += share * value;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::{alone, devices, host};
    use burn::tensor::{Distribution, TensorData};

    const HEADS: usize = 3;
    const WIDTH: usize = 12;

    /// Keys and values of two texts of five tokens, one of them with two tokens of padding.
    fn attend(device: &Device, tokens: &[f32], at_once: usize) -> Vec<Vec<f32>> {
        let part = |first: usize, count: usize| {
            let rows = [0, 5].map(|text| &tokens[(text + first) * WIDTH..][..count * WIDTH]);
            let data = TensorData::new(rows.concat(), [2, count, WIDTH]);
            Rows::new(Tensor::from_data(data, device))
        };
        let mut past = None;
        let mut found = Vec::new();
        for first in (0..5).step_by(at_once) {
            let next = [part(first, at_once), part(first, at_once)];
            let all = Past::extend(past, next, 2, HEADS);
            let sight = Sight {
                lengths: &[5, 3],
                past: first,
                count: at_once,
            };
            let bias = sight.bias(DType::F32, device);
            let seen = all.attend(part(first, at_once), HEADS, &sight, bias.as_ref());
            let seen = host(seen.into_tensor(2, device));
            found.extend(seen.chunks(WIDTH).map(<[f32]>::to_vec));
            past = Some(all);
        }
        found
    }

    #[test]
    fn each_token_sees_those_before_it_and_no_padding() {
        let _alone = alone();
        for device in devices() {
            let random = Distribution::Uniform(-2.0, 2.0);
            let tokens = host(Tensor::<1>::random([10 * WIDTH], random, &device));
            let together = attend(&device, &tokens, 5);
            let apart = attend(&device, &tokens, 1);
            for (row, found) in together.iter().enumerate() {
                let (text, query) = (row / 5, row % 5);
                let visible = (query + 1).min([5, 3][text]);
                let token = |at: usize| &tokens[(text * 5 + at) * WIDTH..][..WIDTH];
                for column in 0..WIDTH {
                    let head = column / 4 * 4..column / 4 * 4 + 4;
                    let weight = |key: usize| {
                        let pairs = token(query)[head.clone()]
                            .iter()
                            .zip(&token(key)[head.clone()]);
                        (pairs.map(|(a, b)| a * b).sum::<f32>() / 2.0).exp()
                    };
                    let total: f32 = (0..visible).map(weight).sum();
                    let expected: f32 = (0..visible)
                        .map(|key| weight(key) * token(key)[column])
                        .sum::<f32>()
                        / total;
                    let difference = (found[column] - expected).abs();
                    assert!(difference < 1e-5, "{row}, {column}: {difference}");
                    let difference = (apart[query * 2 + text][column] - expected).abs();
                    assert!(difference < 1e-5, "{row}, {column}, alone: {difference}");
                }
            }
        }
    }

    #[test]
    fn texts_branch_and_are_dropped() {
        for device in devices() {
            let rows = |values: &[f32]| {
                let data = TensorData::new(values.to_vec(), [values.len(), 1, 1]);
                Rows::new(Tensor::from_data(data, &device))
            };
            // One key, so what is seen is its value.
            let mut past = Past::extend(None, [rows(&[0.0; 3]), rows(&[1.0, 2.0, 3.0])], 3, 1);
            past.select(&[2, 0, 2, 2]);
            let sight = Sight {
                lengths: &[1; 4],
                past: 0,
                count: 1,
            };
            let seen = past.attend(rows(&[0.0; 4]), 1, &sight, None);
            assert_eq!(host(seen.into_tensor(4, &device)), [3.0, 1.0, 3.0, 3.0]);
        }
    }
}
