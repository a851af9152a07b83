//! Scaled dot-product attention in several heads (Vaswani et al. 2017), between rows of tokens.

use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Tensor, module};
use rayon::prelude::*;

use super::gemm::{View, multiply, multiply_add};
use super::rows::{Rows, on_host, share};
use super::softmax::{Adjust, scale_rows, softmax_numerators};

/// Queries whose scores are in memory at a time: few enough that they stay in the second-level cache.
const TILE: usize = 192;

/// What is added to the scores of every head: -10000 or so where a query does not see a key.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // Few are alive at a time.
pub(crate) enum Mask {
    /// In main memory.
    Host {
        values: Vec<f32>,
        /// How far apart the numbers for two sequences are, and for two queries: 0 where all share them.
        strides: [usize; 2],
    },
    /// On another device, or recorded for gradients.
    Device(Tensor<4>),
}

impl Mask {
    /// From `[B or 1, 1, Q or 1, K]`, for `B` sequences of `Q` queries and `K` keys.
    pub(crate) fn new(tensor: Tensor<4>) -> Self {
        if !on_host(&tensor.device()) {
            return Self::Device(tensor);
        }
        let [batch, _, queries, keys] = tensor.dims();
        let stride = |count: usize, stride: usize| if count == 1 { 0 } else { stride };
        match tensor.into_data().try_into_vec::<f32>() {
            Ok(values) => Self::Host {
                values,
                strides: [stride(batch, queries * keys), stride(queries, keys)],
            },
            Err(_) => unreachable!("the CPU backend computes in f32"),
        }
    }
}

/// Attention within each of `batch` sequences. `packed` `[batch * N, 3 C]` holds queries, keys and values, `C` columns
/// each; the result is `[batch * N, C]`.
pub(crate) fn self_attention(packed: Rows, batch: usize, heads: usize) -> Rows {
    let [count, columns] = packed.dims();
    let (length, width) = (count / batch, columns / 3);
    match packed {
        Rows::Host { mut values, .. } => {
            let part = |part: usize| (&values[part * width..], columns);
            let parts = [part(0), part(1), part(2)];
            let by_head = host(parts, [length; 2], [batch; 2], heads, width, None);
            values.truncate(count * width);
            Rows::Host {
                values: merge(&by_head, values, [heads, length, width], |row| {
                    (row / length, row % length)
                }),
                width,
            }
        }
        Rows::Device(packed) => {
            let split = packed
                .reshape([batch, length, 3 * heads, width / heads])
                .swap_dims(1, 2);
            let part = |part: usize| split.clone().narrow(1, part * heads, heads);
            Rows::Device(device(part(0), part(1), part(2), None))
        }
    }
}

/// Attention from `query` `[S * Q, C]` to `key` and `value` `[batch * K, C]`, giving `[batch * Q, C]`. There are as many
/// sequences of queries as of keys, or one (`S` = 1) that serves all.
pub(crate) fn attention(
    query: Rows,
    query_sets: usize,
    key: &Rows,
    value: &Rows,
    batch: usize,
    heads: usize,
    mask: Option<&Mask>,
) -> Rows {
    let [queries, width] = query.dims();
    let [keys, _] = key.dims();
    let (queries, keys) = (queries / query_sets, keys / batch);
    match (query, key, value) {
        (
            Rows::Host { mut values, .. },
            Rows::Host { values: key, .. },
            Rows::Host { values: value, .. },
        ) => {
            let parts = [(values.as_slice(), width), (key, width), (value, width)];
            let by_head = host(
                parts,
                [queries, keys],
                [query_sets, batch],
                heads,
                width,
                mask,
            );
            values.resize(batch * queries * width, 0.0);
            Rows::Host {
                values: merge(&by_head, values, [heads, queries, width], |row| {
                    (row / queries, row % queries)
                }),
                width,
            }
        }
        (Rows::Device(query), Rows::Device(key), Rows::Device(value)) => {
            let split = |x: Tensor<2>, sets: usize, length: usize| {
                x.reshape([sets, length, heads, width / heads])
                    .swap_dims(1, 2)
            };
            let query =
                split(query, query_sets, queries).expand([batch, heads, queries, width / heads]);
            let bias = mask.map(|mask| match mask {
                Mask::Device(bias) => bias.clone(),
                Mask::Host { .. } => unreachable!("a mask and what it masks are on one device"),
            });
            Rows::Device(device(
                query,
                split(key.clone(), batch, keys),
                split(value.clone(), batch, keys),
                bias,
            ))
        }
        _ => unreachable!("queries, keys and values are on one device"),
    }
}

/// `[B, H, Q, D]`, `[B, H, K, D]` twice, to `[B * Q, H * D]`.
fn device(
    query: Tensor<4>,
    key: Tensor<4>,
    value: Tensor<4>,
    bias: Option<Tensor<4>>,
) -> Tensor<2> {
    let [batch, heads, queries, head] = query.dims();
    module::attention(
        query,
        key,
        value,
        None,
        bias,
        AttentionModuleOptions::default(),
    )
    .swap_dims(1, 2)
    .reshape([batch * queries, heads * head])
}

/// Queries, keys and values, each as a slice and how far apart its rows begin, to `[batch, heads, queries, C / heads]`.
fn host(
    parts: [(&[f32], usize); 3],
    [queries, keys]: [usize; 2],
    [query_sets, batch]: [usize; 2],
    heads: usize,
    width: usize,
    mask: Option<&Mask>,
) -> Vec<f32> {
    let head_width = width / heads;
    every_head(
        batch * heads,
        queries * head_width,
        |index, scratch, out| {
            let (sequence, head) = (index / heads, index % heads);
            let view = |part: usize, sequence: usize, length: usize| {
                let (values, stride) = parts[part];
                let start = sequence * length * stride + head * head_width;
                View::new(&values[start..], length, head_width, stride)
            };
            let adjust = Adjust {
                bias: mask.map(|mask| match mask {
                    Mask::Host { values, strides } => {
                        (&values[sequence * strides[0]..], strides[1])
                    }
                    Mask::Device(_) => unreachable!("a mask and what it masks are on one device"),
                }),
                regions: None,
            };
            let query = view(0, sequence % query_sets, queries);
            attend(
                [query, view(1, sequence, keys), view(2, sequence, keys)],
                adjust,
                scratch,
                out,
            );
        },
    )
}

/// Memory that a thread works in, from one head to the next.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Rows gathered from afar.
    pub(super) rows: Vec<f32>,
    scores: Vec<f32>,
    inverses: Vec<f32>,
}

/// Runs `work` for each of `count` heads on all threads, with memory to work in and `size` zeros for its result.
pub(super) fn every_head(
    count: usize,
    size: usize,
    work: impl Fn(usize, &mut Scratch, &mut [f32]) + Sync,
) -> Vec<f32> {
    let mut out = vec![0.0; count * size];
    out.par_chunks_mut(size).enumerate().for_each_init(
        Scratch::default,
        |scratch, (index, out)| {
            work(index, scratch, out);
        },
    );
    out
}

/// One head: adds `softmax(query * keyᵀ / sqrt(D), adjusted) * value` to `out` `[queries, D]`.
pub(super) fn attend(
    [query, key, value]: [View<'_>; 3],
    adjust: Adjust<'_>,
    scratch: &mut Scratch,
    out: &mut [f32],
) {
    let (queries, keys, width) = (query.rows(), key.rows(), value.columns());
    let scale = (query.columns() as f32).sqrt().recip();
    let Scratch {
        scores, inverses, ..
    } = scratch;
    scores.clear();
    scores.reserve(TILE.min(queries) * keys);
    for (out, first) in out.chunks_mut(TILE * width).zip((0..).step_by(TILE)) {
        let count = out.len() / width;
        let place = &mut scores.spare_capacity_mut()[..count * keys];
        let scores = multiply(query.slice(first, count), key.transposed(), scale, place);
        inverses.clear();
        softmax_numerators(scores, keys, first, adjust, inverses);
        multiply_add(View::packed(scores, keys), value, out, width, 0);
        scale_rows(out, width, inverses);
    }
}

/// `[groups, heads, length, width / heads]` to rows of `width` in the memory of `out`; `place` says which group a row is in, and where.
pub(super) fn merge(
    by_head: &[f32],
    mut out: Vec<f32>,
    [heads, length, width]: [usize; 3],
    place: impl Fn(usize) -> (usize, usize) + Sync,
) -> Vec<f32> {
    let head_width = width / heads;
    let share = share(out.len() / width);
    out.par_chunks_mut(share * width)
        .enumerate()
        .for_each(|(index, rows)| {
            for (row, out) in rows.chunks_exact_mut(width).enumerate() {
                let (group, position) = place(index * share + row);
                for (head, out) in out.chunks_exact_mut(head_width).enumerate() {
                    let start = ((group * heads + head) * length + position) * head_width;
                    out.copy_from_slice(&by_head[start..start + head_width]);
                }
            }
        });
    out
}
