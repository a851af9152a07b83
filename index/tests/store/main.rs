//! The index as a client sees it: a writer, readers, and a folder that things happen to.

mod beside;
mod corrections;
mod crash;
mod examine;
mod format;
mod full;
mod keywords;
mod kill;
mod life;
mod model;
mod search;
mod successor;

use std::path::Path;

use imgsearch_index::{
    Embedding, FileFacts, ImageFacts, ImageId, NewImage, Reader, Schema, Writer,
};

const DIM: usize = 16;
const TAGS: usize = 5;

fn schema() -> Schema {
    Schema {
        model: "test".into(),
        dim: DIM,
        tags: TAGS,
        thresholds: vec![0.5; TAGS],
    }
}

/// Numbers in -1 to 1, the same for the same seed.
fn random(seed: u64) -> impl Iterator<Item = f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    })
}

fn embedding(seed: u64) -> Embedding {
    Embedding::new(random(seed).skip(4).take(DIM).collect()).expect("it has a direction")
}

fn id(seed: u64) -> ImageId {
    ImageId::of(&seed.to_le_bytes())
}

fn file(path: impl AsRef<Path>, modified_ns: i64) -> FileFacts {
    FileFacts {
        path: path.as_ref().into(),
        len: 100,
        modified_ns,
    }
}

/// A picture that follows from its number, at `<number>.jpg`.
fn image(seed: u64) -> NewImage {
    let scores = random(seed + 1)
        .skip(8)
        .take(TAGS)
        .map(|x| x.abs().min(1.0));
    NewImage {
        id: id(seed),
        files: vec![file(format!("{seed}.jpg"), seed as i64)],
        facts: ImageFacts {
            width: 4,
            height: 3,
            format: "jpeg".into(),
            ..Default::default()
        },
        embedding: embedding(seed),
        tag_scores: scores.collect(),
        tokens: tokens(seed),
        corrections: None,
    }
}

/// Image tokens of a few hundred bytes, or so many that the catalogue keeps them in files of their own; every seventh picture has
/// none.
fn tokens(seed: u64) -> Vec<u8> {
    let len = match seed {
        seed if seed.is_multiple_of(7) => 0,
        seed if seed.is_multiple_of(5) => 5000,
        seed => 200 + seed as usize % 100,
    };
    random(seed + 2)
        .take(len)
        .map(|x| (127.0 * x) as i8 as u8)
        .collect()
}

fn tagged(seed: u64, tag_scores: [f32; TAGS]) -> NewImage {
    NewImage {
        tag_scores: tag_scores.into(),
        ..image(seed)
    }
}

/// A temporary folder, in memory where there is such a thing: the tests sync thousands of files, and it is not
/// the disk that is tested.
fn folder() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory
        .or_else(|_| tempfile::tempdir())
        .expect("a temporary folder")
}

fn open(dir: &Path) -> Writer {
    Writer::open(dir, &schema()).expect("the index opens for writing")
}

fn read(dir: &Path) -> Reader {
    Reader::open(dir).expect("the index opens for reading")
}

/// A folder with an index in one generation per pair of neighbouring bounds, of the pictures from the one up to
/// before the other.
fn indexed(bounds: &[u64]) -> tempfile::TempDir {
    let dir = folder();
    let mut writer = open(dir.path());
    for batch in bounds.windows(2) {
        writer
            .put((batch[0]..batch[1]).map(image).collect())
            .expect("they are stored");
        writer.commit().expect("they are published");
    }
    dir
}

/// Asserts that exactly the pictures of these numbers are there, by id, path, vector, record and image tokens, and that the tag
/// index agrees with the stored probabilities.
fn assert_has(reader: &Reader, seeds: impl IntoIterator<Item = u64>) {
    let seeds: Vec<u64> = seeds.into_iter().collect();
    assert_has_but_tokens(reader, seeds.iter().copied());
    for seed in seeds {
        let doc = reader.find(&id(seed)).expect("it is there");
        let packed = reader.tokens(doc).expect("tokens can be read");
        assert_eq!(
            packed.unwrap_or_default(),
            tokens(seed),
            "tokens of image {seed}"
        );
    }
}

/// The same where image tokens were not kept yet.
fn assert_has_but_tokens(reader: &Reader, seeds: impl IntoIterator<Item = u64>) {
    use imgsearch_index::{Filter, TagId};
    let all = Filter::default();
    let mut count = 0;
    let mut by_tag = [0; TAGS];
    for seed in seeds {
        count += 1;
        let doc = reader
            .find(&id(seed))
            .unwrap_or_else(|| panic!("image {seed} is missing"));
        let nearest = reader
            .nearest(&embedding(seed), 1, &all)
            .expect("it searches");
        assert_eq!(nearest[0].0, doc, "image {seed} finds itself");
        let record = reader.record(doc).expect("it has a record");
        assert_eq!(record.id, id(seed));
        for path in &record.paths {
            assert_eq!(reader.find_path(path), Some(doc), "{path:?}");
        }
        for tag in reader.tag_scores(doc).expect("it has scores").recognised() {
            by_tag[tag.tag.0 as usize] += 1;
        }
    }
    assert_eq!(reader.len(), count);
    for (tag, expected) in (0..).map(TagId).zip(by_tag) {
        let found = reader
            .match_tags(&[(tag, 1.0)], count + 1, &all)
            .expect("it searches");
        assert_eq!(found.len(), expected, "images with {tag:?}");
    }
    let counts = reader.tag_counts().expect("it counts").into_iter();
    let expected = (0..)
        .map(TagId)
        .zip(by_tag.map(|n| n as u64))
        .filter(|(_, n)| *n > 0);
    assert!(counts.eq(expected), "the counts agree");
}
