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

/// The share of the names of what is not there whose answer is to be empty: this sets the floor. Nine of ten are wanted, and other
/// collections than the one it is fitted to leave some points less of them empty.
const EMPTY: f64 = 0.94;
/// Captions of a picture that must mention a thing for it to be shown for certain; one may be mistaken.
const CERTAIN: usize = 2;

/// A thing that is searched for by its name.
pub(super) struct Name {
    /// Pictures that show it for certain; `None` where it is only perhaps shown.
    pub(super) pictures: Option<usize>,
    /// Captions that mention it.
    pub(super) mentions: usize,
    /// What the candidates say of it.
    evidence: Vec<Evidence>,
    /// The first pictures that its name brings, without those of which it is not certain whether they show it.
    pub(super) answers: Vec<Sample>,
}

impl Name {
    /// No caption mentions it or a kind of it, and no tag of a picture names one.
    pub(super) fn is_absent(&self) -> bool {
        self.pictures == Some(0)
    }

    /// At least so many pictures show it for certain.
    pub(super) fn is_present(&self, pictures: usize) -> bool {
        self.pictures.is_some_and(|count| count >= pictures)
    }

    fn is_recognised(&self) -> bool {
        self.evidence.iter().any(Evidence::is_recognised)
    }

    pub(super) fn is_shown(&self, params: &CalibrationParams) -> bool {
        params.is_shown(self.evidence.clone())
    }
}

/// Every thing and place of the vocabulary, searched for by its name.
pub(super) fn names(
    collection: &Collection<'_>,
    pictures: &[CaptionedPicture],
    watch: &mut Watch<'_>,
) -> Result<Vec<Name>, EvalError> {
    let vocabulary = collection.encoder.vocabulary();
    let said = said(collection, pictures);
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
        let counts: Vec<usize> = said.pictures.iter().map(most).collect();
        let certain = counts.iter().filter(|&&count| count >= CERTAIN).count();
        let is_clear = certain > 0 || counts.iter().all(|&count| count == 0);
        let text = collection.encoder.text(&tag.name)?;
        let images = collection.images.iter();
        let cosines: Vec<f32> = images.map(|image| image.embedding.dot(&text)).collect();
        let things = collection.things(&resolution, &cosines);
        names.push(Name {
            pictures: is_clear.then_some(certain),
            mentions: said.captions.get(&tag.id).copied().unwrap_or_default(),
            evidence: things.into_iter().next().unwrap_or_default(),
            answers: match is_clear {
                true => answers(collection, &resolution, &cosines, &counts),
                false => Vec::new(),
            },
        });
    }
    Ok(names)
}

/// What captions and tags say of pictures.
struct Said {
    /// How often each picture is said to show each tag: in how many captions a name of its own mentions it, or for certain by a tag of
    /// the picture.
    pictures: Vec<HashMap<TagId, usize>>,
    /// In how many captions a name of its own mentions each tag.
    captions: HashMap<TagId, usize>,
}

fn said(collection: &Collection<'_>, pictures: &[CaptionedPicture]) -> Said {
    let vocabulary = collection.encoder.vocabulary();
    let labeller = Labeller::new(vocabulary, Parser::new(Lexicon::english()));
    let mut captions = HashMap::new();
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
                *captions.entry(tag).or_insert(0) += 1;
            }
        }
        for tag in labeller.targets(&[], &picture.tags) {
            *counts.entry(tag).or_insert(0) += CERTAIN;
        }
        counts
    });
    Said {
        pictures: of_picture.collect(),
        captions,
    }
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

/// How surely a collection shows a thing, absent and present names counting the same, and the floor that leaves enough of the former
/// empty.
pub(super) fn fit_shown(names: &[Name]) -> (ShownParams, f32) {
    let present = names.iter().filter(|name| name.is_present(1));
    let present = present.count().max(1) as f64;
    let absent = names.iter().filter(|name| name.is_absent());
    let absent = absent.count().max(1) as f64;
    let samples = names.iter().filter_map(|name| {
        let [best, sixth, threshold] = support(name.evidence.clone())?.map(f64::from);
        let (is_shown, count) = match name.pictures? {
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
    let absent = names.iter().filter(|name| name.is_absent());
    let mut sure: Vec<f32> = absent
        .map(|name| match name.is_recognised() {
            true => 1.0,
            false => calibration.shown(name.evidence.clone()),
        })
        .collect();
    sure.sort_by(f32::total_cmp);
    let at = (EMPTY * sure.len() as f64) as usize;
    let surest = sure.get(at.saturating_sub(1)).copied().unwrap_or_default();
    // Rounded up, so that the answer of the name at the floor is empty.
    (params, rounded(f64::from(surest) + 5e-4).min(1.0))
}
