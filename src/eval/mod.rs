//! Measures models and fusions on captioned pictures.

mod features;
mod metrics;
mod rerank;
mod retrieval;
mod tagging;

pub use features::EvalError;
pub use metrics::{average_precision, precision_recall, rank_of, recall_at};
pub use rerank::rerank;
pub use retrieval::{Leg, Recall, RetrievalReport, retrieval};
pub use tagging::{TaggingReport, tagging};
