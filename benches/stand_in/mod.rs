//! A model whose sentences cost nothing, for what a search takes beside it.

use std::path::Path;
use std::sync::Arc;

use imgsearch::models::ModelError;
use imgsearch::{Config, Embedding, Encoder, Engine, ImageFeatures, Input, Squares, Vocabulary};

use crate::collection;

/// The model that a collection for it names.
pub(crate) const ID: &str = "stand-in";

/// An engine on a folder of them.
pub(crate) fn engine(folder: &Path) -> Engine {
    let encoder = Arc::new(StandIn(collection::vocabulary()));
    Engine::with_encoder(&Config::new(folder), encoder).expect("engine")
}

struct StandIn(Vocabulary);

impl Encoder for StandIn {
    fn id(&self) -> &str {
        ID
    }
    fn dim(&self) -> usize {
        collection::DIM
    }
    fn vocabulary(&self) -> &Vocabulary {
        &self.0
    }
    fn inputs(&self) -> &[Input] {
        &[]
    }
    fn images(&self, _: &[Squares]) -> Result<Vec<ImageFeatures>, ModelError> {
        Ok(Vec::new())
    }
    fn text(&self, sentence: &str) -> Result<Embedding, ModelError> {
        Ok(collection::embedding(sentence.len() as u64))
    }
}
