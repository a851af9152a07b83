//! The built-in model, in batches as the indexer uses them. `benches/pytorch_encode.py` times the same networks in PyTorch.

use criterion::{Criterion, Throughput};
use imgsearch::{DeviceChoice, Encoder, ImageTokensF16, ModelSource, Squares, Tag2TextMini};

use super::noise;

const BATCH: u32 = 16;
/// Candidates that one search matches with its sentence.
const CANDIDATES: u32 = 64;

#[expect(clippy::print_stderr, reason = "a bench is a program of its own")]
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
    if model.images_with_tokens(&pictures[..1]).is_err() {
        eprintln!("match/64 is left out: the built-in model matches no sentences (ITM)");
        group.finish();
        return;
    }
    let candidates: Vec<Squares> = (0..CANDIDATES).map(|i| noise(model.inputs(), i)).collect();
    let stored: Vec<ImageTokensF16> = candidates
        .chunks(BATCH as usize)
        .flat_map(|batch| model.images_with_tokens(batch).expect("encodes"))
        .map(|(_, tokens)| tokens)
        .collect();
    let stored: Vec<&ImageTokensF16> = stored.iter().collect();
    group.throughput(Throughput::Elements(CANDIDATES.into()));
    group.bench_function("match/64", |b| {
        b.iter(|| {
            model
                .match_logits(&stored, &["a brown dog runs along the beach with a ball"])
                .expect("matches")
        });
    });
    group.finish();
}
