//! Fits the parameters of the fusion to captioned pictures (paper, section 3.4).

use std::fmt;
use std::ops::ControlFlow;

use imgsearch_index::TagId;
use rayon::prelude::*;
use serde::Serialize;

use super::EvalError;
use super::features::matchable_features;
use super::matching::Matches;
use super::metrics::rank_of;
use super::pattern::{Axis, climb};
use super::progress::{EvalProgress, Watch};
use super::queries::Queries;
use super::retrieval::RetrievalOptions;
use super::scores::{Scores, rarity};
use crate::corpus::CaptionedPicture;
use crate::encoder::{Encoder, ImageFeatures};
use crate::query::{Fusion, FusionParams, Rarity, Resolution, Resolver};
use crate::vocabulary::Vocabulary;

/// What the search of parameters moves, and how far at first.
///
/// Not the slope of the similarity: only its proportion to the weight of a tag matters to a rank, but for the curve far from the
/// centre.
const AXES: [Axis<FusionParams>; 6] = [
    Axis::linear(|params| &mut params.itc_centre, 0.1),
    Axis::factor(|params| &mut params.tag_weight, 2.0),
    Axis::factor(|params| &mut params.keyword_factor, 1.5),
    Axis::factor(|params| &mut params.confidence_slope, 1.5),
    Axis::linear(|params| &mut params.confidence_margin, 1.0),
    Axis::linear(|params| &mut params.rarity, 0.25),
];
/// The same where only matching has yet to find its place.
const MATCHING: [Axis<FusionParams>; 2] = [
    Axis::factor(|params| &mut params.itm_weight, 2.0),
    Axis::factor(|params| &mut params.itm_slope, 2.0),
];

/// Parameters that rank the right picture higher than those that were started with, or as high.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FusionFit {
    /// The parameters.
    pub fusion: FusionParams,
    /// Pictures that were searched among.
    pub pictures: usize,
    /// Captions that were searched with, each in whole and by keywords.
    pub captions: usize,
    /// Mean reciprocal rank of the right picture for whole captions.
    pub sentences: Change,
    /// The same for 2 to 4 content words of each.
    pub keywords: Change,
    /// Candidates of each search that were ranked by matching (ITM) too; 0 where there was none.
    pub rerank: usize,
}

/// A figure with what was started with, and with what was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// With the parameters that were started with.
    pub before: f64,
    /// With those that were found.
    pub after: f64,
}

impl fmt::Display for FusionFit {
    /// A part of the configuration file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Fitted to {} captions of {} pictures; mean reciprocal rank, and what it was before:",
            self.captions, self.pictures
        )?;
        let itm = match self.rerank {
            0 => String::new(),
            depth => format!(", the first {depth} candidates matched (ITM)"),
        };
        for (what, change) in [("captions", self.sentences), ("keywords", self.keywords)] {
            let Change { before, after } = change;
            writeln!(f, "# {what} {after:.4} ({before:.4}){itm}")?;
        }
        let table = toml::to_string(&self.fusion).map_err(|_| fmt::Error)?;
        write!(f, "[search.fusion]\n{table}")
    }
}

/// Searches the parameters that rank the right picture of whole captions and of their keywords highest, both by the mean of the
/// reciprocal rank, from `start` on. With `rerank` the weight of matching (ITM) is fitted afterwards, for that many candidates.
///
/// # Errors
/// When there is no caption, the model recognises no tags, a picture cannot be decoded, the model fails, or `progress` breaks.
pub fn fit_fusion(
    encoder: &dyn Encoder,
    pictures: &[CaptionedPicture],
    start: FusionParams,
    rerank: usize,
    mut progress: impl FnMut(EvalProgress) -> ControlFlow<()>,
) -> Result<FusionFit, EvalError> {
    let watch = &mut Watch::new(&mut progress);
    if encoder.vocabulary().is_empty() {
        return Err(EvalError::Nothing(
            "the model recognises no tags, so there is nothing to fuse",
        ));
    }
    let kinds = [false, true].map(|keywords| {
        let options = RetrievalOptions {
            keywords,
            ..RetrievalOptions::default()
        };
        Queries::new(pictures, &options)
    });
    let [sentences, keywords] = kinds;
    let kinds = [sentences?, keywords?];
    let (images, tokens) = matchable_features(encoder, pictures, rerank > 0, watch)?;
    let collection = Collection {
        vocabulary: encoder.vocabulary(),
        rarity: rarity(encoder, &images),
        images,
    };
    let [sentences, keywords] =
        [0, 1].map(|kind| Searches::new(encoder, &collection, &kinds[kind], watch));
    let searches = [sentences?, keywords?];
    let mut params = start;
    let mut tried = 0;
    climb(&mut params, &AXES, |params| {
        tried += 1;
        watch.count("fitting the fusion", tried, tried)?;
        let means = searches.iter().map(|s| s.mean(&collection, params));
        Ok::<_, EvalError>(means.sum::<f64>())
    })?;
    let changes = match &tokens {
        None => searches.map(|searches| Change {
            before: searches.mean(&collection, &start),
            after: searches.mean(&collection, &params),
        }),
        Some(tokens) => {
            let [sentences, keywords] = [0, 1].map(|kind| {
                let searches = &searches[kind];
                let fused = [&start, &params].map(|params| searches.fused(&collection, params));
                let rankings = [&fused[0], &fused[1]];
                let texts = &kinds[kind].texts;
                let matches = Matches::new(encoder, tokens, texts, &rankings, rerank, watch)?;
                Ok::<_, EvalError>(Matched {
                    searches,
                    fused,
                    matches,
                })
            });
            let kinds: [Matched<'_>; 2] = [sentences?, keywords?];
            climb(&mut params, &MATCHING, |params| {
                let means = kinds.iter().map(|kind| kind.mean(1, params));
                Ok::<_, EvalError>(means.sum())
            })?;
            kinds.map(|kind| Change {
                before: kind.mean(0, &start),
                after: kind.mean(1, &params),
            })
        }
    };
    Ok(FusionFit {
        fusion: params,
        pictures: pictures.len(),
        captions: kinds[0].texts.len(),
        sentences: changes[0],
        keywords: changes[1],
        rerank: tokens.map_or(0, |_| rerank),
    })
}

/// What is searched among.
struct Collection<'a> {
    vocabulary: &'a Vocabulary,
    rarity: Rarity,
    images: Vec<ImageFeatures>,
}

/// A search of which the right answer is known.
struct Search {
    resolution: Resolution,
    cosines: Vec<f32>,
    own: usize,
}

struct Searches(Vec<Search>);

impl Searches {
    fn new(
        encoder: &dyn Encoder,
        collection: &Collection<'_>,
        queries: &Queries,
        watch: &mut Watch<'_>,
    ) -> Result<Self, EvalError> {
        let resolver = Resolver::new(collection.vocabulary);
        let mut searches = Vec::with_capacity(queries.texts.len());
        for (picture, own) in &queries.own {
            for sentence in &queries.texts[own.clone()] {
                let text = encoder.text(sentence)?;
                let images = collection.images.iter();
                searches.push(Search {
                    resolution: resolver.resolve(sentence, false),
                    cosines: images.map(|image| image.embedding.dot(&text)).collect(),
                    own: *picture,
                });
            }
            watch.count("reading sentences", searches.len(), queries.texts.len())?;
        }
        Ok(Self(searches))
    }

    fn scores(search: &Search, collection: &Collection<'_>, params: &FusionParams) -> Vec<f32> {
        let Collection {
            vocabulary,
            rarity,
            images,
        } = collection;
        let fusion = Fusion::new(vocabulary, &search.resolution, rarity, *params);
        let scored = images.iter().zip(&search.cosines).map(|(image, &cosine)| {
            fusion.score(Some(cosine), |tag: TagId| image.tag_scores[tag.0 as usize])
        });
        scored.collect()
    }

    fn fused(&self, collection: &Collection<'_>, params: &FusionParams) -> Scores {
        let mut scores = Scores::new(collection.images.len());
        for search in &self.0 {
            scores.push_row(&Self::scores(search, collection, params));
        }
        scores
    }

    /// Mean reciprocal rank of the right picture.
    fn mean(&self, collection: &Collection<'_>, params: &FusionParams) -> f64 {
        self.mean_of(|at| Self::scores(&self.0[at], collection, params))
    }

    /// The same by the scores of each search. They are summed in order, so that two runs agree to the bit.
    fn mean_of(&self, scores: impl Fn(usize) -> Vec<f32> + Sync) -> f64 {
        let searches = self.0.par_iter().enumerate();
        let reciprocal: Vec<f64> = searches
            .map(|(at, search)| 1.0 / (1 + rank_of(&scores(at), &[search.own])) as f64)
            .collect();
        reciprocal.iter().sum::<f64>() / reciprocal.len().max(1) as f64
    }
}

/// Searches with what matching says of their candidates.
struct Matched<'a> {
    searches: &'a Searches,
    /// Fused scores with the parameters that were started with, and with those that were found.
    fused: [Scores; 2],
    matches: Matches,
}

impl Matched<'_> {
    fn mean(&self, fused: usize, params: &FusionParams) -> f64 {
        let scores = |search| {
            let fused = self.fused[fused].row(search);
            self.matches
                .fused(fused, params, |picture| (search, picture))
        };
        self.searches.mean_of(scores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::fixtures::{Numbers, numbered};
    use crate::query::fixtures::vocabulary;

    /// Pictures in an order that similarity always finds best; picture `n` shows the tag `n`, or is matched with its number.
    fn fit(model: &Numbers, start: FusionParams, rerank: usize) -> FusionFit {
        let (_folder, mut pictures) = numbered(8);
        for (picture, tag) in pictures.iter_mut().zip(model.vocabulary().iter()) {
            if rerank == 0 {
                picture.captions = vec![format!("a {}", tag.name)];
            }
        }
        fit_fusion(model, &pictures, start, rerank, |_| {
            ControlFlow::Continue(())
        })
        .unwrap()
    }

    #[test]
    fn tags_that_know_better_than_similarity_come_to_weigh_more() {
        let start = FusionParams {
            tag_weight: 0.001,
            ..FusionParams::default()
        };
        let fit = fit(&Numbers::with_tags(vocabulary()), start, 0);
        assert!(fit.sentences.before < 0.5, "{fit}");
        assert!(
            fit.sentences.after > 0.9 && fit.keywords.after > 0.9,
            "{fit}"
        );
        assert!(fit.fusion.tag_weight > 0.01, "{fit}");
        assert_eq!((fit.pictures, fit.captions, fit.rerank), (8, 8, 0));
        // What is printed is a part of the configuration file.
        let table: toml::Table = fit.to_string().parse().unwrap();
        let read: FusionParams = table["search"]["fusion"].clone().try_into().unwrap();
        assert_eq!(read, fit.fusion);
    }

    #[test]
    fn matching_that_knows_better_comes_to_weigh_more() {
        let start = FusionParams {
            itm_weight: 0.001,
            ..FusionParams::default()
        };
        let fit = fit(&Numbers::with_tags(vocabulary()), start, 8);
        assert!(fit.sentences.before < 0.5, "{fit}");
        assert_eq!(fit.sentences.after, 1.0, "{fit}");
        assert_eq!(fit.rerank, 8);
    }

    #[test]
    fn a_model_without_tags_has_nothing_to_fuse() {
        let (_folder, pictures) = numbered(2);
        let fit = fit_fusion(
            &Numbers::new(),
            &pictures,
            FusionParams::default(),
            0,
            |_| ControlFlow::Continue(()),
        );
        assert!(fit.unwrap_err().to_string().contains("no tags"));
    }
}
