//! Measures models and fusions on captioned pictures, and the parser on sentences that a person has read.

mod ablation;
mod answers;
mod bleu;
mod bootstrap;
mod calibration;
mod captioning;
mod cider;
mod clean;
mod collection;
mod features;
#[cfg(test)]
mod fixtures;
mod fusion;
mod keywords;
mod logistic;
mod matching;
mod metrics;
mod names;
mod ngrams;
mod parsing;
mod pattern;
#[cfg(feature = "plot")]
mod plot;
mod progress;
mod queries;
mod ranking;
mod recall;
mod rerank;
mod retrieval;
mod scores;
mod sweep;
mod tagging;
mod words;

pub use ablation::{AblationReport, AblationRow, Figure, ablation};
pub use bootstrap::Interval;
pub use calibration::{CalibrationFit, Emptiness, fit_calibration};
pub use captioning::{CaptioningReport, captioning};
pub use features::EvalError;
pub use fusion::{Change, FusionFit, fit_fusion};
pub use metrics::{average_precision, precision_recall, rank_of};
pub use parsing::{Agreement, Misread, ParsingExample, ParsingReport, parsing, read_examples};
pub use progress::EvalProgress;
pub use recall::{Leg, Recall, RecallIntervals};
pub use rerank::rerank;
pub use retrieval::{RetrievalOptions, RetrievalReport, retrieval};
pub use sweep::SweepPoint;
pub use tagging::{TaggingFigures, TaggingReport, tagging};

#[cfg(feature = "train")]
pub(crate) use cider::DocumentFrequencies;
#[cfg(feature = "train")]
pub(crate) use keywords::keywords;
#[cfg(test)]
pub(crate) use matching::Matches;
#[cfg(test)]
pub(crate) use progress::Watch;
#[cfg(test)]
pub(crate) use queries::Queries;
#[cfg(test)]
pub(crate) use scores::LegScores;
#[cfg(feature = "train")]
pub(crate) use words::words;
