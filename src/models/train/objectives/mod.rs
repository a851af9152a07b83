//! The training objectives (paper section 3.3 and appendix A): logits in, loss out.
//!
//! | objective | of |
//! |---|---|
//! | [`asymmetric()`] | tags that a picture shows |
//! | [`generation()`] | the next token of a caption |
//! | [`in_batch_contrastive`], [`queued_contrastive`] | features of pictures and sentences (ITC) |
//! | [`matching()`] over [`MatchPairs`] | a picture and a sentence read together (ITM) |
//! | [`grouped`] | pictures and sentences of a group, each read with each |
//! | [`balanced`] | several of these at once |
//!
//! [`queued_contrastive`] compares with what a momentum encoder ([`copy_of`], [`follow`]) made of earlier batches ([`Queue`]).

mod asymmetric;
mod balance;
mod contrastive;
mod generation;
mod matching;
mod momentum;
mod queue;

pub(crate) use asymmetric::asymmetric;
pub(crate) use balance::balanced;
pub(crate) use contrastive::{PairFeatures, Temperature, in_batch_contrastive, queued_contrastive};
pub(crate) use generation::generation;
pub(crate) use matching::{MatchPairs, Negatives, grouped, matching};
pub(crate) use momentum::{copy_of, follow};
pub(crate) use queue::Queue;

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

/// Cross-entropy of each row of `logits` `[R, C]` against a distribution `[R, C]`, on average.
fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    -(log_softmax(logits, 1) * targets).sum_dim(1).mean()
}
