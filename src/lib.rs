//! Local-first image search: find any picture with a sentence or a few keywords, and see why it matched.
//!
//! An [`Engine`] keeps an index folder. It walks folders of pictures, recognises tags in each and places it in a space
//! that it shares with sentences; a query is answered by both, fused into one score that explains itself. The method is
//! that of Tag2Text (ICLR 2024); the built-in model needs no network.
//!
//! ```no_run
//! use std::ops::ControlFlow;
//! use imgsearch::{Config, Engine, Query};
//!
//! let engine = Engine::open(&Config::new("my-index"))?;
//! engine.index_paths(&["photos"], |_| ControlFlow::Continue(()))?;
//! for hit in engine.search(&Query::new("a dog on the beach"))? {
//!     println!("{:.2} {}", hit.score, hit.paths[0].display());
//! }
//! # Ok::<(), imgsearch::Error>(())
//! ```
//!
//! The library prints nothing, has no statics, reads no environment and never exits the process.

#[cfg(not(any(feature = "cpu", feature = "gpu")))]
compile_error!("the networks need a backend: enable feature `cpu`, `gpu` or both");

pub mod bench;
mod caption;
pub mod config;
pub mod corpus;
mod dump;
mod encoder;
mod engine;
mod error;
pub mod eval;
mod hit;
mod image_tokens;
mod ingest;
pub mod media;
pub mod models;
#[cfg(feature = "plot")]
mod plot;
pub mod query;
pub mod store;
mod thumbnails;
mod vocabulary;

pub use caption::{MatchLogits, SentenceMatch, TaggedCaption};
pub use config::{Config, Settings};
pub use encoder::{Encoder, ImageFeatures};
pub use engine::{
    Annotations, Engine, Export, Image, Imported, MissingFile, TagEdit, Unmet, Verdict,
};
pub use error::{Error, Result};
pub use hit::{Facet, Hit, RecognizedTag, Stats};
pub use image_tokens::ImageTokensF16;
pub use imgsearch_index::{
    CatalogueState, Embedding, Error as IndexError, Examination, Finding, ImageId, Remedy, examine,
    path_from_bytes,
};
#[cfg(feature = "watch")]
pub use ingest::WatchError;
pub use ingest::{IndexReport, Progress, SkippedFile, WalkError};
pub use media::{Input, Pixels, ResizeFilter, Squares};
pub use models::{
    Caption, CaptionOptions, Compute, DeviceChoice, MatchStart, ModelKind, ModelSource, Precision,
    Sampling, Tag2TextMini, WeightType, open_model,
};
pub use query::{Explanation, Legs, Query, Sort};
pub use vocabulary::{Tag, TagKind, Vocabulary};
