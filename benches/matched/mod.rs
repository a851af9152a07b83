//! The built-in model over a collection that is made up, each picture with tokens to match sentences with: 17 kB of them, twice.

use std::path::Path;
use std::sync::Arc;

use imgsearch::{Config, DeviceChoice, Encoder, Engine, ImageTokensF16, ModelSource, Tag2TextMini};

use crate::collection;

/// Image tokens of the built-in model: the mean of its grid and the grid of 8 by 8, as they are kept.
const TOKENS: (usize, usize) = (65, 256);

pub(crate) fn engine(folder: &Path, pictures: usize) -> Engine {
    let model =
        Tag2TextMini::open(ModelSource::Builtin, DeviceChoice::Cpu).expect("built-in model");
    let (count, width) = TOKENS;
    let values: Vec<f32> = (0..count * width)
        .map(|at| collection::noise(at as u64))
        .collect();
    let tokens = ImageTokensF16::new(width, &values).expect("finite").pack();
    let path = |i| format!("/photos/{i}.jpg").into();
    collection::write(model.id(), &tokens, folder, pictures, path);
    Engine::with_encoder(&Config::new(folder), Arc::new(model)).expect("engine")
}
