//! Measures models and fusions on captioned pictures, and the parser on sentences that a person has read.

mod features;
mod metrics;
mod parsing;
mod rerank;
mod retrieval;
mod tagging;

pub use features::EvalError;
pub use metrics::{average_precision, precision_recall, rank_of, recall_at};
pub use parsing::{Agreement, Misread, ParsingExample, ParsingReport, parsing, read_examples};
pub use rerank::rerank;
pub use retrieval::{Leg, Recall, RetrievalReport, retrieval};
pub use tagging::{TaggingReport, tagging};
