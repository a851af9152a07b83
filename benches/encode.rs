//! Pictures and sentences through the built-in model, on the CPU, in batches as the indexer uses them. Pixels are noise: the
//! cost does not depend on them. `benches/pytorch_encode.py` times the same networks in PyTorch.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use imgsearch::media::Picture;
use imgsearch::{DeviceChoice, Encoder, ModelSource, Squares, Tag2TextMini};

const BATCH: u64 = 16;

fn encode(c: &mut Criterion) {
    let model =
        Tag2TextMini::open(ModelSource::Builtin, DeviceChoice::Cpu).expect("built-in model");
    let side = model.inputs()[0].side;
    let pictures: Vec<Squares> = (0..BATCH)
        .map(|picture| {
            let noise = |i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8 ^ picture as u8;
            let data = (0..3 * side * side).map(noise).collect();
            let picture = Picture::from_rgb(side, side, data).expect("right size");
            Squares::of(&picture, model.inputs())
        })
        .collect();
    let mut group = c.benchmark_group("encode");
    group.sample_size(10);
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("images/16", |b| {
        b.iter(|| model.images(&pictures).expect("encodes"))
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("text", |b| {
        b.iter(|| {
            model
                .text("a brown dog runs along the beach with a ball")
                .expect("encodes")
        });
    });
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
