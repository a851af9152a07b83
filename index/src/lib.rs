//! The stored side of imgsearch: which pictures are known, what was recognised in them and where they lie in
//! the embedding space. It knows no model, no pixel, no terminal and no flag.
//!
//! One [`Writer`] per folder holds the catalogue, which is the truth. [`Writer::commit`] publishes a
//! [`Generation`]: immutable, checksummed, memory-mapped files and a tag index. Any number of [`Reader`]s, in
//! any number of processes, search the last published generation, also while the writer works.
//!
//! ```
//! use imgsearch_index::{
//!     Embedding, FileFacts, Filter, ImageFacts, ImageId, NewImage, Reader, Schema, TagId, Writer,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dir = tempfile::tempdir()?;
//! let schema = Schema { model: "example".into(), dim: 3, tags: 2, thresholds: vec![0.5, 0.5] };
//!
//! let mut writer = Writer::open(dir.path(), &schema)?;
//! writer.put(vec![NewImage {
//!     id: ImageId::of(b"the bytes of the file"),
//!     files: vec![FileFacts { path: "beach.jpg".into(), len: 21, modified_ns: 0 }],
//!     facts: ImageFacts { width: 640, height: 480, format: "jpeg".into(), ..ImageFacts::default() },
//!     embedding: Embedding::new(vec![0.0, 3.0, 4.0])?,
//!     tag_scores: vec![0.9, 0.1],
//!     tokens: Vec::new(),
//!     corrections: None,
//! }])?;
//! writer.commit()?;
//!
//! let reader = Reader::open(dir.path())?;
//! let query = Embedding::new(vec![0.0, 0.0, 1.0])?;
//! let (doc, cosine) = reader.nearest(&query, 10, &Filter::default())?[0];
//! assert_eq!(reader.record(doc)?.paths[0].to_str(), Some("beach.jpg"));
//! assert!((cosine - 0.8).abs() < 1e-6);
//! assert_eq!(reader.match_tags(&[(TagId(0), 1.0)], 10, &Filter::default())?[0].0, doc);
//! # Ok(())
//! # }
//! ```
//!
//! The layout of the files, the order of a commit and what a crash can and cannot lose are in `README.md`.

#[cfg(target_endian = "big")]
compile_error!("the published files are little-endian and mapped as they are");

mod audit;
mod catalogue;
mod changes;
mod durable;
mod embedding;
mod error;
mod examine;
mod filter;
mod image_id;
mod keywords;
mod lock;
mod manifest;
mod matching;
mod pack;
mod packing;
mod publish;
mod reader;
mod record;
mod rescue;
mod room;
mod segment;
mod snapshot;
mod successor;
mod tags;
mod tiers;
mod tombstones;
mod types;
mod vectors;
mod writer;

pub use durable::size as size_on_disk;
pub use embedding::Embedding;
pub use error::{Error, Result};
pub use examine::{CatalogueState, Examination, Finding, Remedy, examine};
pub use image_id::{ImageId, ParseImageIdError};
pub use keywords::Keywords;
pub use reader::Reader;
pub use record::path_from_bytes;
pub use segment::TagScores;
pub use types::{
    Correction, Doc, Effort, FactTest, FileFacts, Filter, Generation, ImageFacts, Keyword,
    NewImage, Record, Schema, TagId, TagScore,
};
pub use writer::{Options, Writer};

const fn assert_shareable<T: Send + Sync>() {}
const _: () = {
    assert_shareable::<Reader>();
    assert_shareable::<Writer>();
    assert_shareable::<Error>();
};
