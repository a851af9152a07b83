//! Searches with the built-in model over 10,000 pictures, or as many as `IMGSEARCH_BENCH_PICTURES` says, in a warm process: text encoder, both
//! legs, and the first 64 matched with the sentence. Each picture takes 17 kB of tokens, twice.

mod collection;

use std::ops::ControlFlow;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use imgsearch::{
    Config, DeviceChoice, Encoder, Engine, ImageTokensF16, Legs, ModelSource, Query, Tag2TextMini,
};

/// Image tokens of the built-in model: the mean of its grid and the grid of 8 by 8, as they are kept.
const TOKENS: (usize, usize) = (65, 256);
const SENTENCE: &str = "two brown dogs run along the beach with a red ball";

fn rerank(c: &mut Criterion) {
    let model =
        Tag2TextMini::open(ModelSource::Builtin, DeviceChoice::Cpu).expect("built-in model");
    let (count, width) = TOKENS;
    let values: Vec<f32> = (0..count * width)
        .map(|at| collection::noise(at as u64))
        .collect();
    let tokens = ImageTokensF16::new(width, &values).expect("finite").pack();
    let pictures = collection::size();
    let folder = tempfile::tempdir().expect("folder");
    let path = |i| format!("/photos/{i}.jpg").into();
    let mut writer = collection::write(model.id(), &tokens, folder.path(), pictures, path);
    writer
        .settle(|_, _| ControlFlow::Continue(()))
        .expect("settled");
    drop(writer);
    let config = Config::new(folder.path());
    let engine = Engine::with_encoder(&config, Arc::new(model)).expect("engine");
    // The numbers mean nothing, so any picture that is surely none would empty the answer.
    let query = Query::new(SENTENCE).with_min_score(0.0);
    let first = engine.search(&query).expect("searches").remove(0);
    assert!(first.why.itm.is_some());
    let mut group = c.benchmark_group(format!("rerank/{pictures}"));
    group.sample_size(20);
    group.bench_function("64 matched", |b| {
        b.iter(|| engine.search(&query).expect("searches"));
    });
    let unmatched = query.clone().with_legs(Legs::fast());
    group.bench_function("none matched", |b| {
        b.iter(|| engine.search(&unmatched).expect("searches"));
    });
}

criterion_group!(benches, rerank);
criterion_main!(benches);
