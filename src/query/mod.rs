//! The language half: from words to tags, and from scores to a ranking that explains itself.
//!
//! A caption or query is parsed into heads, modifiers and relations ([`Parser`]). Captions make the vocabulary
//! ([`mine`], [`assemble`]) and the training targets ([`Labeller`]); the words of a query are resolved to its
//! tags ([`Resolver`]), and tags and embeddings are fused into one score ([`Fusion`]) with its [`Explanation`].

mod address;
pub(crate) mod asked;
mod assemble;
mod calibrate;
mod closed;
mod closed_list;
mod context;
mod day;
mod dropped;
mod error;
mod explain;
mod field;
#[cfg(test)]
pub(crate) mod fixtures;
mod fuse;
mod fusion_params;
mod keyword;
mod language;
mod legs;
mod lemma;
mod lexicon;
mod mine;
mod name;
mod negation;
mod options;
mod parse;
mod prepare;
mod rarity;
mod reading;
mod request;
mod resolution;
mod resolve;
mod rules;
mod sorted;
mod source;
mod speech;
mod spelling;
mod syntax;
mod targets;
mod token;

pub use assemble::{ImagenetClass, Sources, assemble, imagenet_classes};
pub use calibrate::{AnswerParams, CalibrationParams, ShownParams};
pub(crate) use calibrate::{Evidence, mean_margin, support};
pub(crate) use closed_list::tags_from_names;
pub use day::Day;
pub use dropped::{DroppedWord, Reason};
pub use error::QueryError;
pub use explain::{Explanation, MatchedTag};
pub use fuse::Fusion;
pub(crate) use fuse::log_odds;
pub use fusion_params::FusionParams;
pub use legs::{Legs, LegsError};
pub use lexicon::{Entry, Lexicon, Thing};
pub use mine::{MineOptions, Mined, MinedTag, mine};
pub use parse::{Parsed, Parser, Phrase, Role};
pub use prepare::Prepared;
pub use rarity::Rarity;
pub use request::{Query, Sort};
pub use resolution::{Candidate, Concept, How, Resolution};
pub use resolve::Resolver;
pub use source::TagSource;
pub use syntax::{OPERATORS, Operator};
pub use targets::Labeller;
