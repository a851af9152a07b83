//! How probable it is that a picture answers a query.

use super::EvalError;
use super::collection::{Collection, Things};
use super::logistic::{logistic, rounded};
use super::matching::Matches;
use super::progress::Watch;
use super::queries::Queries;
use super::rerank::closest;
use super::scores::{LegScores, Scores};
use crate::image_tokens::ImageTokensF16;
use crate::query::{AnswerParams, log_odds, mean_margin};

/// Pictures of each answer whose probability is fitted: those that somebody looks at.
pub(super) const LOOKED_AT: usize = 20;

/// Log odds of a match where there is one, cosine, mean margin of the tags; whether it is a right picture.
pub(super) type Sample = ([f64; 3], bool);

/// What sentences bring.
pub(super) struct Answers {
    pub(super) samples: Vec<Sample>,
    /// Of each sentence that names a thing.
    pub(super) shown: Vec<Things>,
}

/// The first pictures that each caption brings, of those captions that are matched, where a model can, with as many of their
/// candidates as are given; the picture that it is of is the right one.
pub(super) fn sentence_answers(
    collection: &Collection<'_>,
    queries: &Queries,
    matching: Option<(&[ImageTokensF16], usize)>,
    watch: &mut Watch<'_>,
) -> Result<Answers, EvalError> {
    let (encoder, fusion) = (collection.encoder, collection.fusion);
    let scores = LegScores::new(encoder, collection.images, queries, fusion, watch)?;
    let ranked: &Scores = scores
        .tags
        .as_ref()
        .map_or(&scores.similarity, |[_, fused]| fused);
    let texts = &queries.texts;
    let matches = matching.map(|(tokens, depth)| {
        Matches::of_sentences(encoder, tokens, texts, &[ranked], depth, watch)
    });
    let matches = matches.transpose()?;
    let mut answers = Answers {
        samples: Vec::new(),
        shown: Vec::new(),
    };
    let own = queries.own.iter();
    for (own, query) in own.flat_map(|(own, range)| range.clone().map(move |query| (own, query))) {
        let resolution = collection.resolver.resolve(&texts[query], false);
        let cosines = scores.similarity.row(query);
        if !resolution.concepts.is_empty() {
            answers.shown.push(collection.things(&resolution, cosines));
        }
        let Some(matches) = matches.as_ref().filter(|_| resolution.relates()) else {
            continue;
        };
        let row = matches.fused(ranked.row(query), &fusion, |p| (query, p));
        let probabilities = matches.alone(ranked.row(query), |p| (query, p));
        let fusion = collection.prepared(&resolution);
        for image in closest(&row, LOOKED_AT) {
            if probabilities[image] < 0.0 {
                continue;
            }
            let evidence = collection.evidence(&fusion, image);
            let features = [
                f64::from(log_odds(probabilities[image])),
                f64::from(cosines[image]),
                f64::from(mean_margin(&evidence)),
            ];
            answers.samples.push((features, image == *own));
        }
    }
    Ok(answers)
}

/// The probability of an answer by some of the features; `None` without a right and a wrong one.
pub(super) fn fit_answers(samples: &[Sample], used: [bool; 3]) -> Option<AnswerParams> {
    let right = samples.iter().filter(|(_, is_right)| *is_right).count();
    if right == 0 || right == samples.len() {
        return None;
    }
    let samples = samples.iter().map(|(features, is_right)| {
        let mut row = [1.0; 4];
        for at in 0..3 {
            row[at + 1] = if used[at] { features[at] } else { 0.0 };
        }
        (row, *is_right, 1.0)
    });
    let samples: Vec<_> = samples.collect();
    let [offset, itm, itc, margin] = logistic(&samples).map(rounded);
    Some(AnswerParams {
        offset,
        itm,
        itc,
        margin,
    })
}
