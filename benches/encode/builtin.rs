//! The built-in model, in batches as the indexer uses them. `benches/pytorch_encode.py` times the same networks in PyTorch.

use criterion::{Criterion, Throughput};
use imgsearch::{DeviceChoice, Encoder, ModelSource, Squares, Tag2TextMini};

use super::noise;

const BATCH: u32 = 16;

pub(super) fn encode(c: &mut Criterion) {
    let model =
        Tag2TextMini::open(ModelSource::Builtin, DeviceChoice::Cpu).expect("built-in model");
    let pictures: Vec<Squares> = (0..BATCH).map(|i| noise(model.inputs(), i)).collect();
    let mut group = c.benchmark_group("encode");
    group.sample_size(10);
    group.throughput(Throughput::Elements(BATCH.into()));
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
