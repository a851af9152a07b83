//! Tag2Text and BLIP at full size, one picture or pair at a time. `benches/pytorch_full_size.py` times the same networks in
//! PyTorch. The weights are those that `tests/fixtures/golden/generate.py` writes, in the folder that IMGSEARCH_FULL_SIZE names.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use criterion::Criterion;
use imgsearch::store::{Import, ModelStore};
use imgsearch::{DeviceChoice, Encoder, ModelKind, WeightType, open_model};

use super::noise;

const TAGS: usize = 3429;
/// 33 words of one token each: 35 tokens with `[CLS]` and `[SEP]`, the longest text that BLIP reads.
const SENTENCE: &str = "a brown dog runs along the beach with a red ball in its mouth while two children in blue \
                        shirts look at the waves and a man reads a book in the sun";

fn import(
    store: &ModelStore,
    kind: ModelKind,
    file: &Path,
    tags: Option<&Path>,
) -> Arc<dyn Encoder> {
    let mut import = Import::new(kind, file);
    import.tags = tags.map(Path::to_owned);
    import.dtype = WeightType::F32;
    let name = store
        .import(&import)
        .expect("weights that generate.py wrote")
        .name;
    let source = store.source(&name).expect("just imported");
    open_model(&source, DeviceChoice::Cpu).expect("just imported")
}

#[expect(clippy::print_stderr, reason = "a bench is a program of its own")]
pub(super) fn encode(c: &mut Criterion) {
    let Some(folder) = std::env::var_os("IMGSEARCH_FULL_SIZE") else {
        eprintln!("full_size: skipped, because IMGSEARCH_FULL_SIZE names no folder with weights");
        return;
    };
    let weights = |name: &str| Path::new(&folder).join(name);
    let temporary = tempfile::tempdir().expect("temporary folder");
    let store = ModelStore::new(temporary.path().join("models"));
    let tags = temporary.path().join("tags.txt");
    let names: Vec<String> = (0..TAGS).map(|tag| format!("tag {tag}")).collect();
    fs::write(&tags, names.join("\n")).expect("temporary folder");

    let mut group = c.benchmark_group("full_size");
    group.sample_size(10);
    let tagger = import(
        &store,
        ModelKind::Tag2text,
        &weights("tag2text.safetensors"),
        Some(&tags),
    );
    let picture = [noise(tagger.inputs(), 0)];
    group.bench_function("tags", |b| {
        b.iter(|| tagger.tag_scores(&picture).expect("encodes"))
    });
    drop(tagger);

    let aligner = import(
        &store,
        ModelKind::BlipItm,
        &weights("blip.safetensors"),
        None,
    );
    let picture = [noise(aligner.inputs(), 0)];
    group.bench_function("vit", |b| {
        b.iter(|| aligner.embeddings(&picture).expect("encodes"))
    });
    group.bench_function("text", |b| {
        b.iter(|| aligner.text(SENTENCE).expect("encodes"))
    });
    let (_, tokens) = aligner
        .images_with_tokens(&picture)
        .expect("encodes")
        .remove(0);
    group.bench_function("pair", |b| {
        b.iter(|| {
            aligner
                .match_logits(&[&tokens], &[SENTENCE])
                .expect("matches")
        })
    });
    group.finish();
}
