//! Attention within windows of the token grid, with a bias for every relative position (Swin, section 3.2).

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use rayon::prelude::*;

use crate::models::ModelError;
use crate::models::nn::dot_product::{attend, every_head, merge};
use crate::models::nn::gemm::View;
use crate::models::nn::interpolate::relative_positions;
use crate::models::nn::rows::{Rows, on_host};
use crate::models::nn::softmax::{Adjust, UNSEEN};
use crate::models::weights::Weights;

/// How the tokens of a grid are divided into windows.
#[derive(Debug)]
pub(super) struct Windows {
    /// Tokens along an edge of the grid.
    grid: usize,
    /// Tokens along an edge of a window.
    window: usize,
    /// How far the grid is rolled up and to the left before it is cut.
    shift: usize,
    /// The token at each position, window after window.
    tokens: Vec<u32>,
    /// The position at which each token is.
    positions: Vec<u32>,
    /// The region of the grid that each position is in. Rolling brings tokens of far regions into one window.
    regions: Vec<u8>,
    /// `[1, windows, 1, N, N]`: [`UNSEEN`] where query and key are in different regions; made where it is multiplied.
    mask: Option<Tensor<5>>,
}

impl Windows {
    pub(super) fn new(grid: usize, window: usize, shift: usize, device: &Device) -> Self {
        let across = grid / window;
        let place = |position: usize| {
            let (index, inside) = (position / (window * window), position % (window * window));
            let row = index / across * window + inside / window;
            let column = index % across * window + inside % window;
            (row, column)
        };
        let count = grid * grid;
        let mut windows = Self {
            grid,
            window,
            shift,
            tokens: Vec::with_capacity(count),
            positions: vec![0; count],
            regions: Vec::with_capacity(count),
            mask: None,
        };
        let band = |at: usize| u8::from(at >= grid - window) + u8::from(at >= grid - shift);
        for position in 0..count {
            let (row, column) = place(position);
            let token = (row + shift) % grid * grid + (column + shift) % grid;
            windows.tokens.push(token as u32);
            windows.positions[token] = position as u32;
            windows.regions.push(if shift > 0 {
                3 * band(row) + band(column)
            } else {
                0
            });
        }
        if shift > 0 && !on_host(device) {
            windows.mask = Some(windows.mask_tensor(device));
        }
        windows
    }

    /// Tokens of a window.
    pub(super) fn area(&self) -> usize {
        self.window * self.window
    }

    /// Windows of a picture.
    fn count(&self) -> usize {
        self.tokens.len() / self.area()
    }

    /// The region of each position of a window; `None` when there is only one.
    fn regions(&self, window: usize) -> Option<&[u8]> {
        let regions = &self.regions[window * self.area()..][..self.area()];
        regions
            .iter()
            .any(|region| *region != regions[0])
            .then_some(regions)
    }

    fn mask_tensor(&self, device: &Device) -> Tensor<5> {
        let area = self.area();
        let mut mask = Vec::with_capacity(self.count() * area * area);
        for regions in self.regions.chunks_exact(area) {
            for query in regions {
                mask.extend(
                    regions
                        .iter()
                        .map(|key| if key == query { 0.0 } else { UNSEEN }),
                );
            }
        }
        let shape = [1, self.count(), 1, area, area];
        Tensor::from_data(TensorData::new(mask, shape), device)
    }
}

/// Which row of a bias table belongs to a query and a key, `[N, N]`: it counts how far the query is below and to the right.
pub(super) fn relative_position_index(window: usize) -> Vec<usize> {
    let area = window * window;
    let distance = |a: usize, b: usize| a + window - 1 - b;
    (0..area * area)
        .map(|pair| {
            let (query, key) = (pair / area, pair % area);
            distance(query / window, key / window) * (2 * window - 1)
                + distance(query % window, key % window)
        })
        .collect()
}

/// Scores' biases of one block.
#[derive(Debug, Module)]
#[allow(clippy::large_enum_variant)] // Few are alive at a time.
enum Bias {
    /// In main memory.
    Host(HostBias),
    /// `[1, heads, N, N]`, on another device.
    Device(Tensor<4>),
    /// Recorded for gradients.
    Recorded(RecordedBias),
}

/// `[heads, (2 window - 1)²]`, small enough to load; spread over queries and keys as it is used.
#[derive(Debug, Module)]
struct HostBias {
    #[module(skip)]
    table: Vec<f32>,
}

/// The table, which is what gradients are wanted of.
#[derive(Debug, Module)]
struct RecordedBias {
    /// `[(2 window - 1)², heads]`.
    table: Param<Tensor<2>>,
    /// [`relative_position_index`].
    index: Tensor<1, Int>,
}

impl RecordedBias {
    /// `[1, heads, N, N]`.
    fn spread(&self) -> Tensor<4> {
        let rows = self.table.val().select(0, self.index.clone());
        let [pairs, heads] = rows.dims();
        let area = pairs.isqrt();
        rows.transpose().reshape([1, heads, area, area])
    }
}

/// Multi-head attention in windows, without its projections.
#[derive(Debug, Module)]
pub(super) struct WindowAttention {
    bias: Bias,
    heads: usize,
    #[module(skip)]
    windows: Arc<Windows>,
    /// [`relative_position_index`].
    #[module(skip)]
    index: Arc<Vec<usize>>,
}

impl WindowAttention {
    /// Takes `prefix.relative_position_bias_table` `[(2 window - 1)², heads]`, of this window size or another.
    pub(super) fn load(
        prefix: &str,
        heads: usize,
        windows: Arc<Windows>,
        index: Arc<Vec<usize>>,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let key = format!("{prefix}.relative_position_bias_table");
        let side = 2 * windows.window - 1;
        let stored = match weights.shape(&key).as_deref() {
            Some([rows, _]) if rows.isqrt().pow(2) == *rows => rows.isqrt(),
            _ => side,
        };
        let mut table = weights.values(&key, &[stored * stored, heads])?;
        if stored != side {
            table = relative_positions(&table, stored, side)?;
        }
        let by_head = || -> Vec<f32> {
            (0..heads)
                .flat_map(|head| table[head..].iter().step_by(heads).copied())
                .collect()
        };
        let bias = if on_host(device) {
            Bias::Host(HostBias { table: by_head() })
        } else if device.is_autodiff() {
            let index: Vec<i32> = index.iter().map(|&row| row as i32).collect();
            let shape = [side * side, heads];
            Bias::Recorded(RecordedBias {
                table: Param::from_tensor(weights.to_device(table, shape, device)),
                index: Tensor::from_data(index.as_slice(), device),
            })
        } else {
            let area = windows.area();
            let shape = [1, heads, area, area];
            Bias::Device(weights.to_device(spread(&by_head(), &index), shape, device))
        };
        Ok(Self {
            bias,
            heads,
            windows,
            index,
        })
    }

    /// `packed` `[B * N, 3 C]`, queries, keys and values of the tokens row by row, to `[B * N, C]`.
    pub(super) fn forward(&self, packed: Rows, batch: usize) -> Rows {
        match (&self.bias, packed) {
            (Bias::Host(bias), Rows::Host { values, width }) => {
                self.host(&bias.table, values, width / 3)
            }
            (Bias::Device(bias), Rows::Device(packed)) => {
                Rows::Device(self.device(bias.clone(), packed, batch))
            }
            (Bias::Recorded(bias), Rows::Device(packed)) => {
                Rows::Device(self.device(bias.spread(), packed, batch))
            }
            _ => unreachable!("a layer and its input are on one device"),
        }
    }

    fn host(&self, table: &[f32], mut packed: Vec<f32>, width: usize) -> Rows {
        let (heads, windows) = (self.heads, &*self.windows);
        let (head_width, area, tokens) = (width / heads, windows.area(), windows.tokens.len());
        let batch = packed.len() / (3 * width * tokens);
        let bias = spread(table, &self.index);
        let count = batch * windows.count() * heads;
        let by_head = every_head(count, area * head_width, |index, scratch, out| {
            let (window, head) = (index / heads, index % heads);
            let (picture, window) = (window / windows.count(), window % windows.count());
            let mut rows = std::mem::take(&mut scratch.rows);
            rows.clear();
            for part in 0..3 {
                for token in &windows.tokens[window * area..][..area] {
                    let row = (picture * tokens + *token as usize) * 3 * width;
                    let start = row + part * width + head * head_width;
                    rows.extend_from_slice(&packed[start..start + head_width]);
                }
            }
            let part = |part: usize| {
                let size = area * head_width;
                View::packed(&rows[part * size..][..size], head_width)
            };
            let adjust = Adjust {
                bias: Some((&bias[head * area * area..], area)),
                regions: windows.regions(window),
            };
            attend([part(0), part(1), part(2)], adjust, scratch, out);
            scratch.rows = rows;
        });
        packed.truncate(batch * tokens * width);
        let values = merge(&by_head, packed, [heads, area, width], |row| {
            let (picture, token) = (row / tokens, row % tokens);
            let position = windows.positions[token] as usize;
            (picture * windows.count() + position / area, position % area)
        });
        Rows::Host { values, width }
    }

    fn device(&self, bias: Tensor<4>, packed: Tensor<2>, batch: usize) -> Tensor<2> {
        let Windows {
            grid,
            window,
            shift,
            ..
        } = *self.windows;
        let (heads, count, area) = (self.heads, self.windows.count(), self.windows.area());
        let across = grid / window;
        let columns = packed.dims()[1];
        let (width, head) = (columns / 3, columns / 3 / heads);
        let roll = |x: Tensor<4>, shift: isize| {
            if shift == 0 {
                x
            } else {
                x.roll(&[shift, shift], &[1, 2])
            }
        };
        let split = roll(
            packed.reshape([batch, grid, grid, columns]),
            -(shift as isize),
        )
        .reshape([batch, across, window, across, window, columns])
        .permute([0, 1, 3, 2, 4, 5])
        .reshape([batch * count, area, 3 * heads, head])
        .swap_dims(1, 2);
        let part = |part: usize| split.clone().narrow(1, part * heads, heads);
        let scores = (part(0) / (head as f64).sqrt()).matmul(part(1).swap_dims(2, 3)) + bias;
        let scores = match &self.windows.mask {
            None => scores,
            Some(mask) => {
                let mask = mask.clone().cast(scores.dtype());
                (scores.reshape([batch, count, heads, area, area]) + mask).reshape([
                    batch * count,
                    heads,
                    area,
                    area,
                ])
            }
        };
        let context = softmax(scores, 3)
            .matmul(part(2))
            .swap_dims(1, 2)
            .reshape([batch, across, across, window, window, width])
            .permute([0, 1, 3, 2, 4, 5])
            .reshape([batch, grid, grid, width]);
        roll(context, shift as isize).reshape([batch * grid * grid, width])
    }
}

/// `[heads, rows]` to `[heads, N, N]` by `index` `[N, N]`.
fn spread(table: &[f32], index: &[usize]) -> Vec<f32> {
    let rows = index.iter().max().map_or(0, |last| last + 1);
    let mut out = vec![0.0; table.len() / rows * index.len()];
    out.par_chunks_exact_mut(index.len())
        .zip(table.par_chunks_exact(rows))
        .for_each(|(out, table)| {
            for (value, row) in out.iter_mut().zip(index) {
                *value = table[*row];
            }
        });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::{Golden, device};

    const GOLDEN: &[u8] =
        include_bytes!("../../../../tests/fixtures/golden/swin_window12_golden.safetensors");

    #[test]
    fn masks_equal_the_reference() {
        let golden = Golden::parse(GOLDEN).i8("attn_mask.layers.1.blocks.1");
        let device = device();
        let found = Windows::new(24, 12, 6, &device).mask_tensor(&device);
        let found = found.into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(golden.shape, [4, 144, 144]);
        assert!(
            golden
                .values
                .iter()
                .zip(found)
                .all(|(a, b)| f32::from(*a) == b)
        );
    }

    #[test]
    fn relative_positions_are_counted_as_in_the_reference() {
        let golden = Golden::parse(GOLDEN);
        let equal = |key: &str, found: &[usize]| {
            let expected = golden.i64(key).values;
            assert!(
                expected.iter().zip(found).all(|(a, b)| *a == *b as i64),
                "{key}"
            );
        };
        equal(
            "rel_index.layers.2.blocks.0.first2rows",
            &relative_position_index(12),
        );
        equal("rel_index.layers.3.blocks.0", &relative_position_index(6));
    }

    #[test]
    fn every_token_has_one_position() {
        let windows = Windows::new(12, 4, 2, &device());
        for (token, position) in windows.positions.iter().enumerate() {
            assert_eq!(windows.tokens[*position as usize] as usize, token);
        }
        assert!(windows.regions(0).is_none() && windows.regions(8).is_some());
    }
}
