use super::*;
use crate::models::full_size::swin_base_config;
use crate::models::generated::{Generated, uniform};
use crate::models::golden::{self, Golden, device, devices};
use crate::models::reduced;

const GOLDEN: &[u8] =
    include_bytes!("../../../../tests/fixtures/golden/tag2text_mini_golden.safetensors");
const FULL_SIZE: &[u8] =
    include_bytes!("../../../../tests/fixtures/golden/full_size_golden.safetensors");
const WINDOW_12: &[u8] =
    include_bytes!("../../../../tests/fixtures/golden/swin_window12_golden.safetensors");

fn mini(window_size: usize) -> SwinConfig {
    SwinConfig {
        image_res: 192,
        vision_width: 128,
        embed_dim: 16,
        depths: vec![2; 4],
        num_heads: vec![1, 2, 4, 8],
        window_size,
    }
}

fn load(config: &SwinConfig, prefix: &str, device: &Device) -> Swin {
    let weights = golden::weights(Generated::new("", config.shapes(prefix)));
    let swin = Swin::load(config, prefix, &weights, device).unwrap();
    weights.finish().unwrap();
    swin
}

#[test]
fn every_stage_equals_the_reference() {
    let golden = Golden::parse(GOLDEN);
    for device in devices() {
        let swin = load(&mini(6), "visual_encoder", &device);
        let batch = 2;
        let first = |x: &Rows| {
            let [count, width] = x.dims();
            let length = count / batch;
            let rows = match x {
                Rows::Host { values, .. } => {
                    Tensor::<1>::from_floats(&values[..length * width], &device)
                        .reshape([length, width])
                }
                Rows::Device(tensor) => tensor.clone().narrow(0, 0, length),
            };
            rows.unsqueeze::<3>()
        };
        let mut x = swin.embed(reduced::pictures(&device));
        golden.assert_close(first(&x), "swin.patch_embed", 1e-5);

        let block = &swin.stages[0].blocks[0];
        let packed = block.qkv.forward(&block.norm1.forward(&x));
        let attended = block.proj.forward(&block.attention.forward(packed, batch));
        let cut = first(&attended)
            .reshape([8, 6, 8, 6, 16])
            .swap_dims(1, 2)
            .reshape([64, 36, 16])
            .narrow(0, 0, 8);
        golden.assert_close(cut, "swin.layers.0.blocks.0.attn.win", 1e-5);

        for (index, stage) in swin.stages.iter().enumerate() {
            for (index, block) in stage.blocks.iter().enumerate() {
                x = block.forward(x, batch);
                if stage.grid == 48 {
                    golden.assert_close(first(&x), &format!("swin.layers.0.blocks.{index}"), 1e-5);
                }
            }
            if let Some(merging) = &stage.downsample {
                x = merging.forward(x, batch, stage.grid, &device);
            }
            let seen = x.into_tensor(batch, &device);
            golden.assert_close(seen.clone(), &format!("swin.layers.{index}"), 2e-5);
            x = Rows::new(seen);
        }
        let normed = swin.norm.forward(&x).into_tensor(batch, &device);
        golden.assert_close(normed, "swin.norm", 2e-5);
    }
}

#[test]
fn image_tokens_equal_the_reference_in_a_batch_and_one_by_one() {
    let golden = Golden::parse(GOLDEN);
    for device in devices() {
        let swin = load(&mini(6), "visual_encoder", &device);
        let pictures = reduced::pictures(&device);
        golden.assert_close(swin.forward(pictures.clone()), "image_tokens", 2e-5);
        let single = (0..2).map(|index| swin.forward(pictures.clone().narrow(0, index, 1)));
        golden.assert_close(Tensor::cat(single.collect(), 0), "image_tokens", 2e-5);
    }
}

#[test]
fn windows_shrink_to_a_smaller_grid() {
    let golden = Golden::parse(WINDOW_12);
    for device in devices() {
        let swin = load(&mini(12), "w12", &device);
        let picture = reduced::pictures(&device).narrow(0, 0, 1);
        golden.assert_close(swin.forward(picture), "image_tokens", 2e-5);
    }
}

#[test]
fn tables_of_another_window_are_interpolated() {
    let device = device();
    let (small, large) = (mini(6), mini(12));
    let table = "v.layers.0.blocks.0.attn.relative_position_bias_table";
    let weights = golden::weights(Generated::new("", small.shapes("v")));
    let swin = Swin::load(&large, "v", &weights, &device).unwrap();
    weights.finish().unwrap();
    let picture = Tensor::zeros([1, 3, 192, 192], &device);
    assert_eq!(swin.forward(picture).dims(), [1, large.tokens(), 128]);

    let shapes = small.shapes("v").into_iter().map(|(name, shape)| {
        let odd = name == table;
        (name, if odd { vec![120, 1] } else { shape })
    });
    let weights = golden::weights(Generated::new("", shapes));
    let error = Swin::load(&large, "v", &weights, &device)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(table) && error.contains("[120, 1]"),
        "{error}"
    );
}

#[test]
fn buffers_are_not_taken_from_a_file() {
    let config = mini(6);
    let buffers = ["relative_position_index", "attn_mask"];
    let names = buffers.map(|name| format!("v.layers.0.blocks.1.attn.{name}"));
    let shapes = config.shapes("v").into_iter();
    let shapes = shapes.chain(names.clone().map(|name| (name, vec![1])));
    let weights = golden::weights(Generated::new("", shapes));
    Swin::load(&config, "v", &weights, &device()).unwrap();
    assert!(
        matches!(weights.finish(), Err(ModelError::SurplusTensors { tensors, .. }) if tensors.len() == 2)
    );
}

#[test]
fn impossible_configurations_are_errors() {
    let cases: [fn(&mut SwinConfig); 7] = [
        |c| c.depths.clear(),
        |c| c.num_heads[1] = 3,
        |c| c.num_heads[0] = 0,
        |c| c.vision_width = 64,
        |c| c.image_res = 190,
        |c| c.window_size = 5,
        |c| c.window_size = 0,
    ];
    for change in cases {
        let mut config = mini(6);
        change(&mut config);
        assert!(
            matches!(config.check(), Err(ModelError::Config { .. })),
            "{config:?}"
        );
    }
}

#[test]
fn the_configuration_reads_the_checkpoints_words() {
    let text = r#"{"ckpt": "", "vision_width": 128, "image_res": 192, "window_size": 6, "embed_dim": 16,
        "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8]}"#;
    assert_eq!(serde_json::from_str::<SwinConfig>(text).unwrap(), mini(6));
}

#[test]
#[ignore = "Swin-B of 384 pixels: 350 MB of weights"]
fn every_stage_of_the_full_size_equals_the_reference() {
    let golden = Golden::parse(FULL_SIZE);
    let device = device();
    let swin = load(&swin_base_config(), "visual_encoder", &device);
    let values: Vec<f32> = uniform("full.image", 3 * 384 * 384)
        .map(|u| (2.0 * u) as f32)
        .collect();
    let picture = Tensor::<1>::from_floats(values.as_slice(), &device).reshape([1, 3, 384, 384]);
    let check = |x: Rows, stage: &str| -> Rows {
        let x = x.into_tensor(1, &device);
        let first = x.clone().narrow(1, 0, 4).squeeze_dim::<2>(0);
        golden.assert_close(first, &format!("{stage}.first4tokens"), 1e-4);
        golden.assert_close(x.clone().abs().mean(), &format!("{stage}.absmean"), 1e-4);
        Rows::new(x)
    };
    let mut x = check(swin.embed(picture), "swin.patch_embed");
    for (index, stage) in swin.stages.iter().enumerate() {
        x = check(
            stage.forward(x, 1, &device),
            &format!("swin.layers.{index}"),
        );
    }
}
