//! Names and shapes of the network's parameters, for tests that need no file.

use super::config::PATCH;
use super::{MLP_RATIO, SwinConfig};

impl SwinConfig {
    pub(crate) fn shapes(&self, prefix: &str) -> Vec<(String, Vec<usize>)> {
        let mut shapes = Vec::new();
        let mut add = |name: String, shape: &[usize]| {
            shapes.push((format!("{prefix}.{name}"), shape.to_vec()));
        };
        let mut layer = |name: String, input: &[usize], output: usize| {
            let shape: Vec<usize> = [output].iter().chain(input).copied().collect();
            add(format!("{name}.weight"), &shape);
            add(format!("{name}.bias"), &[output]);
        };
        layer(
            "patch_embed.proj".to_owned(),
            &[3, PATCH, PATCH],
            self.embed_dim,
        );
        layer("patch_embed.norm".to_owned(), &[], self.embed_dim);
        layer("norm".to_owned(), &[], self.vision_width);
        for (stage, depth) in self.depths.iter().enumerate() {
            let (width, wide) = (self.width(stage), MLP_RATIO * self.width(stage));
            for block in 0..*depth {
                let name = |name: &str| format!("layers.{stage}.blocks.{block}.{name}");
                layer(name("norm1"), &[], width);
                layer(name("norm2"), &[], width);
                layer(name("attn.qkv"), &[width], 3 * width);
                layer(name("attn.proj"), &[width], width);
                layer(name("mlp.fc1"), &[width], wide);
                layer(name("mlp.fc2"), &[wide], width);
            }
            if stage + 1 < self.depths.len() {
                layer(format!("layers.{stage}.downsample.norm"), &[], 4 * width);
            }
        }
        for (stage, depth) in self.depths.iter().enumerate() {
            let side = 2 * self.window_size.min(self.grid(stage)) - 1;
            for block in 0..*depth {
                let table = "attn.relative_position_bias_table";
                let name = format!("layers.{stage}.blocks.{block}.{table}");
                add(name, &[side * side, self.num_heads[stage]]);
            }
            if stage + 1 < self.depths.len() {
                let width = self.width(stage);
                let name = format!("layers.{stage}.downsample.reduction.weight");
                add(name, &[2 * width, 4 * width]);
            }
        }
        shapes
    }
}
