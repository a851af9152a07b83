//! Shape of a Swin transformer.

use serde::{Deserialize, Serialize};

use crate::models::ModelError;

/// Pixels along an edge of a patch.
pub(super) const PATCH: usize = 4;

/// Shape of the network, in the words of the checkpoints' `config_swin*.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct SwinConfig {
    /// Side of the input, in pixels.
    pub(crate) image_res: usize,
    /// Width of the image tokens.
    pub(crate) vision_width: usize,
    /// Width of the first stage; each further one is twice as wide.
    pub(crate) embed_dim: usize,
    /// Blocks of each stage.
    pub(crate) depths: Vec<usize>,
    /// Attention heads of each stage.
    pub(crate) num_heads: Vec<usize>,
    /// Tokens along an edge of a window.
    pub(crate) window_size: usize,
}

impl SwinConfig {
    /// Tokens along an edge of a stage's grid.
    pub(super) fn grid(&self, stage: usize) -> usize {
        (self.image_res / PATCH) >> stage
    }

    /// Width of a stage.
    pub(super) fn width(&self, stage: usize) -> usize {
        self.embed_dim << stage
    }

    /// Tokens of a picture: the mean and the grid of the last stage.
    #[cfg(test)]
    pub(crate) fn tokens(&self) -> usize {
        1 + self.grid(self.depths.len() - 1).pow(2)
    }

    /// Whether all fits together.
    pub(super) fn check(&self) -> Result<(), ModelError> {
        let fail = |reason: String| {
            Err(ModelError::Config {
                network: "Swin",
                reason,
            })
        };
        let stages = self.depths.len();
        if stages == 0 || stages > 8 || stages != self.num_heads.len() {
            return fail(format!(
                "{stages} depths with {} num_heads",
                self.num_heads.len()
            ));
        }
        if self.embed_dim == 0 || self.vision_width != self.width(stages - 1) {
            return fail(format!(
                "embed_dim {} with vision_width {} in {stages} stages",
                self.embed_dim, self.vision_width
            ));
        }
        if self.grid(0) == 0 || !self.image_res.is_multiple_of(PATCH << (stages - 1)) {
            return fail(format!("image_res {} with {stages} stages", self.image_res));
        }
        for (stage, heads) in self.num_heads.iter().enumerate() {
            let window = self.window_size.min(self.grid(stage));
            if window == 0 || !self.grid(stage).is_multiple_of(window) {
                return fail(format!(
                    "window_size {} on a grid of {}",
                    self.window_size,
                    self.grid(stage)
                ));
            }
            if *heads == 0 || !self.width(stage).is_multiple_of(*heads) {
                return fail(format!("{heads} heads of a width of {}", self.width(stage)));
            }
        }
        Ok(())
    }
}
