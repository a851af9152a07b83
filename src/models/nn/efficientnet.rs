//! EfficientNet-Lite (Tan & Le 2019, the Lite variants of 2020): a convolutional image encoder without squeeze and
//! excitation, ReLU6 throughout.

use burn::module::{Module, Param};
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::models::ModelError;
use crate::models::weights::Weights;

/// Repeats, kernel, stride, expansion, input and output channels of Lite0's seven stages.
const STAGES: [(usize, usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
];
const STEM: usize = 32;

/// Which member of the family: the coefficients of the compound scaling and the picture's side in pixels.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct EfficientNetConfig {
    pub(crate) width_coefficient: f64,
    pub(crate) depth_coefficient: f64,
    pub(crate) image_size: usize,
    /// Channels of the last feature map.
    pub(crate) features: usize,
}

impl EfficientNetConfig {
    /// Channels after width scaling, rounded to a multiple of eight but never below 90 % of the exact value.
    fn channels(&self, base: usize) -> usize {
        let exact = base as f64 * self.width_coefficient;
        let rounded = (((exact + 4.0) / 8.0) as usize * 8).max(8);
        if (rounded as f64) < 0.9 * exact {
            rounded + 8
        } else {
            rounded
        }
    }

    /// The Lite variants scale neither the stem nor the repeats of the first and last stage.
    fn repeats(&self, stage: usize, base: usize) -> usize {
        if stage == 0 || stage == STAGES.len() - 1 {
            base
        } else {
            (base as f64 * self.depth_coefficient).ceil() as usize
        }
    }

    /// Every block, from the stem up.
    pub(crate) fn blocks(&self) -> Vec<BlockShape> {
        let mut blocks = Vec::new();
        let mut input = STEM;
        for (stage, &(repeats, kernel, stride, expansion, _, output)) in STAGES.iter().enumerate() {
            let output = self.channels(output);
            for repeat in 0..self.repeats(stage, repeats) {
                blocks.push(BlockShape {
                    input,
                    hidden: input * expansion,
                    output,
                    kernel,
                    stride: if repeat == 0 { stride } else { 1 },
                });
                input = output;
            }
        }
        blocks
    }

    /// Side of the last feature map: five stages halve the picture, rounding up.
    pub(crate) fn grid(&self) -> usize {
        (0..5).fold(self.image_size, |side, _| side.div_ceil(2))
    }

    /// Tokens of a picture: positions of its feature map, behind their mean.
    pub(crate) fn tokens(&self) -> usize {
        1 + self.grid().pow(2)
    }
}

/// Widths of a block, and the kernel and stride of its depthwise convolution.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BlockShape {
    pub(crate) input: usize,
    /// Channels between expansion and projection.
    pub(crate) hidden: usize,
    pub(crate) output: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
}

impl BlockShape {
    /// Whether what comes in is added to what goes out.
    pub(crate) fn residual(&self) -> bool {
        self.stride == 1 && self.input == self.output
    }
}

/// A convolution with its batch norm folded into weight and bias, padded as TensorFlow's `SAME`.
#[derive(Debug, Module)]
struct FoldedConv {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
    stride: usize,
    groups: usize,
}

impl FoldedConv {
    fn load(
        weights: &Weights<'_>,
        prefix: &str,
        shape: [usize; 4],
        stride: usize,
        groups: usize,
        device: &Device,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            weight: weights.param(&format!("{prefix}.weight"), shape, device)?,
            bias: weights.param(&format!("{prefix}.bias"), [shape[0]], device)?,
            stride,
            groups,
        })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let [_, _, kernel, _] = self.weight.dims();
        // `SAME` puts the odd pixel of padding at the end, so padding may differ between the two sides.
        let pad = |size: usize| {
            let needed =
                ((size.div_ceil(self.stride) - 1) * self.stride + kernel).saturating_sub(size);
            (needed / 2, needed - needed / 2)
        };
        let (top, bottom) = pad(height);
        let (left, right) = pad(width);
        let x = if (top, left) == (bottom, right) {
            return conv2d(
                x,
                self.weight.val(),
                Some(self.bias.val()),
                ConvOptions::new([self.stride; 2], [top, left], [1, 1], self.groups),
            );
        } else {
            x.pad((left, right, top, bottom), 0.0)
        };
        conv2d(
            x,
            self.weight.val(),
            Some(self.bias.val()),
            ConvOptions::new([self.stride; 2], [0, 0], [1, 1], self.groups),
        )
    }
}

/// Inverted bottleneck: expand, depthwise, project.
#[derive(Debug, Module)]
struct Block {
    expand: Option<FoldedConv>,
    depthwise: FoldedConv,
    project: FoldedConv,
    residual: bool,
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let hidden = match &self.expand {
            Some(expand) => relu6(expand.forward(x.clone())),
            None => x.clone(),
        };
        let hidden = relu6(self.depthwise.forward(hidden));
        let out = self.project.forward(hidden);
        if self.residual { out + x } else { out }
    }
}

fn relu6(x: Tensor<4>) -> Tensor<4> {
    x.clamp(0.0, 6.0)
}

/// The convolutional image encoder.
#[derive(Debug, Module)]
pub(crate) struct EfficientNet {
    stem: FoldedConv,
    blocks: Vec<Block>,
    head: FoldedConv,
}

impl EfficientNet {
    /// Takes `image_encoder.*` from `weights`.
    pub(crate) fn load(
        config: &EfficientNetConfig,
        weights: &Weights<'_>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let conv = |name: &str, shape, stride, groups| {
            FoldedConv::load(
                weights,
                &format!("image_encoder.{name}"),
                shape,
                stride,
                groups,
                device,
            )
        };
        let stem = conv("stem", [STEM, 3, 3, 3], 2, 1)?;
        let mut blocks = Vec::new();
        let mut channels = STEM;
        for shape in config.blocks() {
            let BlockShape {
                input,
                hidden,
                output,
                kernel,
                stride,
            } = shape;
            let name = |part: &str| format!("blocks.{}.{part}", blocks.len());
            let expand = (hidden != input)
                .then(|| conv(&name("expand"), [hidden, input, 1, 1], 1, 1))
                .transpose()?;
            let filters = [hidden, 1, kernel, kernel];
            let depthwise = conv(&name("depthwise"), filters, stride, hidden)?;
            let project = conv(&name("project"), [output, hidden, 1, 1], 1, 1)?;
            blocks.push(Block {
                expand,
                depthwise,
                project,
                residual: shape.residual(),
            });
            channels = output;
        }
        let head = conv("head", [config.features, channels, 1, 1], 1, 1)?;
        Ok(Self { stem, blocks, head })
    }

    /// Pixels `[B, 3, S, S]`, normalised, to the last feature map `[B, features, S / 32, S / 32]` (rounded up).
    pub(crate) fn forward(&self, pixels: Tensor<4>) -> Tensor<4> {
        self.above(self.below(pixels, self.blocks.len()), self.blocks.len())
    }

    /// Pixels to the feature map that block `cut` reads, or the head where there are no more blocks.
    pub(crate) fn below(&self, pixels: Tensor<4>, cut: usize) -> Tensor<4> {
        let pixels = pixels.cast(self.stem.weight.val().dtype());
        let x = relu6(self.stem.forward(pixels));
        self.blocks[..cut]
            .iter()
            .fold(x, |x, block| block.forward(x))
    }

    /// What [`EfficientNet::below`] gave, to the last feature map.
    pub(crate) fn above(&self, x: Tensor<4>, cut: usize) -> Tensor<4> {
        let x = self.blocks[cut..]
            .iter()
            .fold(x, |x, block| block.forward(x));
        relu6(self.head.forward(x))
    }

    /// Blocks between stem and head.
    #[cfg(feature = "train")]
    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lite2_has_the_published_channels_and_grid() {
        let config = EfficientNetConfig {
            width_coefficient: 1.1,
            depth_coefficient: 1.2,
            image_size: 260,
            features: 1280,
        };
        let channels: Vec<usize> = STAGES.iter().map(|s| config.channels(s.5)).collect();
        assert_eq!(channels, [16, 24, 48, 88, 120, 208, 352]);
        let repeats: Vec<usize> = (0..7).map(|i| config.repeats(i, STAGES[i].0)).collect();
        assert_eq!(repeats, [1, 3, 3, 4, 4, 5, 1]);
        assert_eq!(config.grid(), 9);
    }
}
