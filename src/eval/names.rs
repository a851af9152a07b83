//! Searches for things by their names, of which captions and tags tell whether a collection shows them.

use std::collections::{HashMap, HashSet};

use imgsearch_index::TagId;

use super::EvalError;
use super::answers::{LOOKED_AT, Sample};
use super::collection::Collection;
use super::logistic::{logistic, rounded};
use super::progress::Watch;
use super::rerank::closest;
use crate::corpus::CaptionedPicture;
use crate::query::{
    CalibrationParams, Evidence, How, Labeller, Lexicon, Parser, Resolution, ShownParams,
    mean_margin, support,
};
use crate::vocabulary::TagKind;

/// The share of the names that are shown which is to keep its answer: this sets the floor.
const KEPT: f64 = 0.95;
/// Captions of a picture that must mention a thing for it to be shown for certain; one may be mistaken.
const CERTAIN: usize = 2;

/// A thing that is searched for by its name.
pub(super) struct Name {
    /// Pictures that show it for certain.
    pub(super) pictures: usize,
    /// What the candidates say of it.
    evidence: Vec<Evidence>,
    /// The first pictures that its name brings, without those of which it is not certain whether they show it.
    pub(super) answers: Vec<Sample>,
}

impl Name {
    pub(super) fn is_shown(&self, params: &CalibrationParams) -> bool {
        params.is_shown(self.evidence.clone())
    }
}

/// Every thing and place of the vocabulary of which captions and tags say clearly that it is there, or nothing at all.
pub(super) fn names(
    collection: &Collection<'_>,
    pictures: &[CaptionedPicture],
    watch: &mut Watch<'_>,
) -> Result<Vec<Name>, EvalError> {
    let vocabulary = collection.encoder.vocabulary();
    let mentions = mentions(collection, pictures);
    let mut names = Vec::new();
    for tag in vocabulary.iter() {
        watch.count("searching names", tag.id.0 as usize + 1, vocabulary.len())?;
        let resolution = collection.resolver.resolve(&tag.name, false);
        let [concept] = resolution.concepts.as_slice() else {
            continue;
        };
        if !matches!(tag.kind, TagKind::Object | TagKind::Scene) {
            continue;
        }
        let most = |counts: &HashMap<TagId, usize>| {
            let counts = concept.tags.iter().filter_map(|tag| counts.get(&tag.tag));
            counts.copied().max().unwrap_or_default()
        };
        let counts: Vec<usize> = mentions.iter().map(most).collect();
        let pictures = counts.iter().filter(|&&count| count >= CERTAIN).count();
        if pictures == 0 && counts.iter().any(|&count| count > 0) {
            continue;
        }
        let text = collection.encoder.text(&tag.name)?;
        let images = collection.images.iter();
        let cosines: Vec<f32> = images.map(|image| image.embedding.dot(&text)).collect();
        let things = collection.things(&resolution, &cosines);
        names.push(Name {
            pictures,
            evidence: things.into_iter().next().unwrap_or_default(),
            answers: answers(collection, &resolution, &cosines, &counts),
        });
    }
    Ok(names)
}

/// How often each picture is said to show each tag: in how many captions a name of its own mentions it, or for certain by a tag of the
/// picture.
fn mentions(
    collection: &Collection<'_>,
    pictures: &[CaptionedPicture],
) -> Vec<HashMap<TagId, usize>> {
    let vocabulary = collection.encoder.vocabulary();
    let labeller = Labeller::new(vocabulary, Parser::new(Lexicon::english()));
    let of_picture = pictures.iter().map(|picture| {
        let mut counts = HashMap::new();
        for caption in &picture.captions {
            let concepts = collection.resolver.resolve(caption, true).concepts;
            let named = concepts.iter().flat_map(|concept| &concept.tags);
            let own = named
                .filter(|tag| matches!(tag.how, How::Exact | How::Form | How::Synonym))
                .map(|tag| tag.tag);
            for tag in own.collect::<HashSet<_>>() {
                *counts.entry(tag).or_insert(0) += 1;
            }
        }
        for tag in labeller.targets(&[], &picture.tags) {
            *counts.entry(tag).or_insert(0) += CERTAIN;
        }
        counts
    });
    of_picture.collect()
}

fn answers(
    collection: &Collection<'_>,
    resolution: &Resolution,
    cosines: &[f32],
    counts: &[usize],
) -> Vec<Sample> {
    let fusion = collection.prepared(resolution);
    let images = cosines.iter().enumerate();
    let scores = images.map(|(image, &cosine)| {
        fusion.score(Some(cosine), |tag| collection.probability(image, tag))
    });
    let best = closest(&scores.collect::<Vec<_>>(), LOOKED_AT).into_iter();
    let certain = best.filter(|&image| counts[image] == 0 || counts[image] >= CERTAIN);
    let samples = certain.map(|image| {
        let margin = mean_margin(&collection.evidence(&fusion, image));
        let features = [0.0, f64::from(cosines[image]), f64::from(margin)];
        (features, counts[image] >= CERTAIN)
    });
    samples.collect()
}

/// How surely a collection shows a thing, absent and present names counting the same, and the floor that keeps enough of the latter.
pub(super) fn fit_shown(names: &[Name]) -> (ShownParams, f32) {
    let present = names.iter().filter(|name| name.pictures > 0).count().max(1) as f64;
    let absent = (names.len() as f64 - present).max(1.0);
    let samples = names.iter().filter_map(|name| {
        let [best, sixth, threshold] = support(name.evidence.clone())?.map(f64::from);
        let (is_shown, count) = match name.pictures {
            0 => (false, present / absent),
            _ => (true, 1.0),
        };
        Some(([1.0, best, sixth, threshold], is_shown, count))
    });
    let samples: Vec<_> = samples.collect();
    let [offset, best, sixth, threshold] = logistic(&samples).map(rounded);
    let params = ShownParams {
        offset,
        best,
        sixth,
        threshold,
    };
    let calibration = CalibrationParams {
        shown: params,
        ..CalibrationParams::default()
    };
    let of_present = names.iter().filter(|name| name.pictures > 0);
    let mut sure: Vec<f32> = of_present
        .map(|name| calibration.shown(name.evidence.clone()))
        .collect();
    sure.sort_by(f32::total_cmp);
    let at = ((1.0 - KEPT) * sure.len() as f64) as usize;
    let least = sure.get(at).copied().unwrap_or_default();
    // Rounded down, so that the name at the floor keeps its answer.
    (params, rounded(f64::from(least) - 5e-4).max(0.0))
}
