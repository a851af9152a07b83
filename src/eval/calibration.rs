//! How sure an answer is: probabilities fitted to captioned pictures, and what a floor under them costs.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::ControlFlow;

use imgsearch_index::TagId;
use serde::Serialize;

use super::EvalError;
use super::features::matchable_features;
use super::logistic::logistic;
use super::matching::Matches;
use super::progress::{EvalProgress, Watch};
use super::queries::Queries;
use super::rerank::closest;
use super::retrieval::RetrievalOptions;
use super::scores::{LegScores, Scores, rarity};
use crate::corpus::CaptionedPicture;
use crate::encoder::{Encoder, ImageFeatures};
use crate::image_tokens::ImageTokensF16;
use crate::query::{
    AnswerParams, CalibrationParams, Evidence, Fusion, FusionParams, How, Rarity, Resolution,
    Resolver, ShownParams, log_odds, mean_margin, support,
};
use crate::vocabulary::TagKind;

/// The share of the names that are shown which is to keep its answer: this sets the floor.
const KEPT: f64 = 0.95;
/// Pictures of each answer whose probability is fitted: those that somebody looks at.
const LOOKED_AT: usize = 20;
/// Captions of a picture that must mention a thing for it to be shown for certain; one may be mistaken.
const CERTAIN: usize = 2;

/// What a floor does to searches for things by their names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Emptiness {
    /// Share of the names of things that no caption mentions whose answer is empty.
    pub absent_empty: f64,
    /// Share of the names of things that captions mention whose answer is not empty.
    pub present_kept: f64,
    /// The same of those that at least five pictures show.
    pub common_kept: f64,
    /// Share of whole captions whose answer is not empty.
    pub sentences_kept: f64,
}

/// Parameters of the calibration with what they do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CalibrationFit {
    /// The parameters that were found.
    pub calibration: CalibrationParams,
    /// Pictures.
    pub pictures: usize,
    /// Names of things that no caption mentions.
    pub absent: usize,
    /// Names of things that two captions of a picture mention.
    pub present: usize,
    /// Captions.
    pub captions: usize,
    /// What the parameters do that are in use.
    pub before: Emptiness,
    /// What those do that were found.
    pub after: Emptiness,
}

impl fmt::Display for CalibrationFit {
    /// A part of the configuration file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# {} pictures, {} captions; names of {} things that none of them mentions, of {} that two of a picture do.\n\
             # Answers in %: empty of the absent, kept of the present, of those five pictures show, of captions.",
            self.pictures, self.captions, self.absent, self.present
        )?;
        for (what, row) in [("in use", self.before), ("fitted", self.after)] {
            let shares = [
                row.absent_empty,
                row.present_kept,
                row.common_kept,
                row.sentences_kept,
            ];
            let shares = shares.map(|share| format!("{:>6.1}", 100.0 * share));
            writeln!(f, "# {what} {}", shares.concat())?;
        }
        #[derive(Serialize)]
        struct Search<'a> {
            search: Table<'a>,
        }
        #[derive(Serialize)]
        struct Table<'a> {
            calibration: &'a CalibrationParams,
        }
        let calibration = &self.calibration;
        let table = Search {
            search: Table { calibration },
        };
        f.write_str(&toml::to_string(&table).map_err(|_| fmt::Error)?)
    }
}

/// Fits the probabilities of answers, and the floor under which an answer is empty, to captioned pictures. `candidates` of each
/// leg are looked at, `rerank` of them matched with whole captions.
///
/// # Errors
/// When there is no caption, the model recognises no tags, a picture cannot be decoded, the model fails, or `progress` breaks.
pub fn fit_calibration(
    encoder: &dyn Encoder,
    pictures: &[CaptionedPicture],
    start: CalibrationParams,
    fusion: FusionParams,
    (candidates, rerank): (usize, usize),
    mut progress: impl FnMut(EvalProgress) -> ControlFlow<()>,
) -> Result<CalibrationFit, EvalError> {
    let watch = &mut Watch::new(&mut progress);
    if encoder.vocabulary().is_empty() {
        return Err(EvalError::Nothing(
            "the model recognises no tags, so it cannot tell what a collection shows",
        ));
    }
    let (images, tokens) = matchable_features(encoder, pictures, rerank > 0, watch)?;
    let collection = Collection {
        encoder,
        resolver: Resolver::new(encoder.vocabulary()),
        rarity: rarity(encoder, &images),
        images: &images,
        fusion,
        candidates,
    };
    let mentions = collection.mentions(pictures);
    let names = collection.names(&mentions, watch)?;
    let mut calibration = start;
    (calibration.shown, calibration.floor) = shown(&names);
    let whole = Queries::new(pictures, &RetrievalOptions::default())?;
    let options = RetrievalOptions {
        keywords: true,
        ..RetrievalOptions::default()
    };
    let words = Queries::new(pictures, &options)?;
    let sentences = collection.answers(&whole, tokens.as_deref(), rerank, watch)?;
    let keywords = collection.answers(&words, None, 0, watch)?;
    if let Some(params) = answer(&sentences.samples, [true, true, true]) {
        calibration.sentence = params;
    }
    if let Some(params) = answer(&keywords.samples, [false, true, true]) {
        calibration.tags = params;
    }
    if let Some(params) = answer(&keywords.samples, [false, true, false]) {
        calibration.similarity = params;
    }
    let measured = |params: &CalibrationParams| Emptiness {
        absent_empty: 1.0 - kept(names.iter().filter(|name| name.pictures == 0), params),
        present_kept: kept(names.iter().filter(|name| name.pictures > 0), params),
        common_kept: kept(names.iter().filter(|name| name.pictures >= 5), params),
        sentences_kept: share(sentences.shown.iter(), |evidence| {
            is_shown(evidence, params)
        }),
    };
    let absent = names.iter().filter(|name| name.pictures == 0).count();
    Ok(CalibrationFit {
        calibration,
        pictures: pictures.len(),
        absent,
        present: names.len() - absent,
        captions: whole.texts.len(),
        before: measured(&start),
        after: measured(&calibration),
    })
}

/// A thing that is searched for by its name.
struct Name {
    /// Pictures that show it for certain.
    pictures: usize,
    evidence: Vec<Evidence>,
}

/// What a search brings: for each thing that it names, what the candidates say of it.
type Things = Vec<Vec<Evidence>>;

/// Pictures that searches bring, and whether they are the right ones.
struct Answers {
    /// Log odds of a match where there is one, cosine, mean margin of the tags; whether it is the right picture.
    samples: Vec<([f64; 3], bool)>,
    shown: Vec<Things>,
}

struct Collection<'a> {
    encoder: &'a dyn Encoder,
    resolver: Resolver,
    rarity: Rarity,
    images: &'a [ImageFeatures],
    fusion: FusionParams,
    candidates: usize,
}

impl Collection<'_> {
    /// In how many captions of each picture each tag is mentioned by a name of its own.
    fn mentions(&self, pictures: &[CaptionedPicture]) -> Vec<HashMap<TagId, usize>> {
        let of_picture = pictures.iter().map(|picture| {
            let mut counts = HashMap::new();
            for caption in &picture.captions {
                let concepts = self.resolver.resolve(caption, true).concepts;
                let named = concepts.iter().flat_map(|concept| &concept.tags);
                let own = named
                    .filter(|tag| matches!(tag.how, How::Exact | How::Form | How::Synonym))
                    .map(|tag| tag.tag);
                for tag in own.collect::<HashSet<_>>() {
                    *counts.entry(tag).or_insert(0) += 1;
                }
            }
            counts
        });
        of_picture.collect()
    }

    /// Every thing and place of the vocabulary of which the captions say clearly that it is there, or nothing at all.
    fn names(
        &self,
        mentions: &[HashMap<TagId, usize>],
        watch: &mut Watch<'_>,
    ) -> Result<Vec<Name>, EvalError> {
        let vocabulary = self.encoder.vocabulary();
        let mut names = Vec::new();
        for tag in vocabulary.iter() {
            watch.count("searching names", tag.id.0 as usize + 1, vocabulary.len())?;
            let resolution = self.resolver.resolve(&tag.name, false);
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
            let text = self.encoder.text(&tag.name)?;
            let images = self.images.iter();
            let cosines: Vec<f32> = images.map(|image| image.embedding.dot(&text)).collect();
            let things = self.things(&resolution, &cosines);
            names.push(Name {
                pictures,
                evidence: things.into_iter().next().unwrap_or_default(),
            });
        }
        Ok(names)
    }

    fn prepared<'b>(&'b self, resolution: &'b Resolution) -> Fusion<'b> {
        let vocabulary = self.encoder.vocabulary();
        Fusion::new(vocabulary, resolution, &self.rarity, self.fusion)
    }

    fn evidence(&self, fusion: &Fusion<'_>, image: usize) -> Vec<Evidence> {
        let scores = &self.images[image].tag_scores;
        fusion.evidence(|tag: TagId| scores[tag.0 as usize])
    }

    /// What the candidates of a search say of each thing that it names. Those of the tags' leg are the pictures in which one of the
    /// tags is recognised.
    fn things(&self, resolution: &Resolution, cosines: &[f32]) -> Things {
        let fusion = self.prepared(resolution);
        let mut candidates: HashSet<usize> =
            closest(cosines, self.candidates).into_iter().collect();
        let recognised = |image: &ImageFeatures| {
            let tags = resolution.weighted_tags();
            let mut tags = tags
                .iter()
                .filter_map(|(tag, _)| self.encoder.vocabulary().get(*tag));
            tags.any(|tag| image.tag_scores[tag.id.0 as usize] > tag.threshold)
        };
        let images = self.images.iter().enumerate();
        candidates.extend(
            images
                .filter(|(_, image)| recognised(image))
                .map(|(at, _)| at),
        );
        let mut things = vec![Vec::new(); fusion.things().len()];
        for image in candidates {
            let evidence = self.evidence(&fusion, image);
            for (thing, &at) in things.iter_mut().zip(fusion.things()) {
                thing.extend(evidence.get(at));
            }
        }
        things
    }

    /// The first pictures that each query brings.
    fn answers(
        &self,
        queries: &Queries,
        tokens: Option<&[ImageTokensF16]>,
        rerank: usize,
        watch: &mut Watch<'_>,
    ) -> Result<Answers, EvalError> {
        let scores = LegScores::new(self.encoder, self.images, queries, self.fusion, watch)?;
        let ranked: &Scores = scores
            .tags
            .as_ref()
            .map_or(&scores.similarity, |[_, fused]| fused);
        let texts = &queries.texts;
        let matches = tokens.map(|tokens| {
            Matches::of_sentences(self.encoder, tokens, texts, &[ranked], rerank, watch)
        });
        let matches = matches.transpose()?;
        let mut answers = Answers {
            samples: Vec::new(),
            shown: Vec::new(),
        };
        for (own, range) in &queries.own {
            for query in range.clone() {
                let resolution = self.resolver.resolve(&texts[query], false);
                let cosines = scores.similarity.row(query);
                if !resolution.concepts.is_empty() {
                    answers.shown.push(self.things(&resolution, cosines));
                }
                if matches.is_some() != resolution.relates() {
                    continue;
                }
                let (row, probabilities) = match &matches {
                    None => (ranked.row(query).to_vec(), None),
                    Some(matches) => (
                        matches.fused(ranked.row(query), &self.fusion, |p| (query, p)),
                        Some(matches.alone(ranked.row(query), |p| (query, p))),
                    ),
                };
                let fusion = self.prepared(&resolution);
                for image in closest(&row, LOOKED_AT) {
                    let itm = probabilities.as_ref().map(|itm| itm[image]);
                    if itm.is_some_and(|itm| itm < 0.0) {
                        continue;
                    }
                    let evidence = self.evidence(&fusion, image);
                    let features = [
                        f64::from(itm.map_or(0.0, log_odds)),
                        f64::from(cosines[image]),
                        f64::from(mean_margin(&evidence)),
                    ];
                    answers.samples.push((features, image == *own));
                }
            }
        }
        Ok(answers)
    }
}

/// How surely a collection shows a thing, absent and present names counting the same, and the floor that keeps enough of the latter.
fn shown(names: &[Name]) -> (ShownParams, f32) {
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
    (
        params,
        sure.get(at)
            .map_or(0.0, |&least| rounded(f64::from(least)) - 0.001),
    )
}

/// The probability of an answer by some of the features; `None` without a right and a wrong one.
fn answer(samples: &[([f64; 3], bool)], used: [bool; 3]) -> Option<AnswerParams> {
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

/// To three digits: more say nothing, and are copied by hand.
fn rounded(value: f64) -> f32 {
    ((1e3 * value).round() / 1e3) as f32
}

fn is_shown(things: &Things, params: &CalibrationParams) -> bool {
    let mut things = things.iter();
    things.any(|evidence| params.is_shown(evidence.clone()))
}

fn kept<'n>(names: impl Iterator<Item = &'n Name>, params: &CalibrationParams) -> f64 {
    share(names, |name| params.is_shown(name.evidence.clone()))
}

fn share<T>(items: impl Iterator<Item = T>, is_so: impl Fn(T) -> bool) -> f64 {
    let (mut count, mut all) = (0, 0_usize);
    for item in items {
        all += 1;
        count += usize::from(is_so(item));
    }
    count as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::fixtures::{Numbers, numbered};
    use crate::query::fixtures::vocabulary;

    #[test]
    fn names_of_what_is_not_there_come_back_empty() {
        let (_folder, mut pictures) = numbered(14);
        // Picture n shows tag n alone; the captions of the first half say so, and nobody says a word of the others.
        let model = Numbers::with_tags(vocabulary());
        let names: Vec<String> = model
            .vocabulary()
            .iter()
            .map(|tag| tag.name.clone())
            .collect();
        for (at, picture) in pictures.iter_mut().enumerate() {
            picture.captions = vec![format!("a {}", names[at % 7]); 2];
        }
        pictures.truncate(7);
        let go_on = |_: EvalProgress| ControlFlow::Continue(());
        let start = CalibrationParams::default();
        let fusion = FusionParams::default();
        let fit = fit_calibration(&model, &pictures, start, fusion, (200, 4), go_on).unwrap();
        assert_eq!((fit.pictures, fit.captions), (7, 14));
        assert!(fit.absent > 0 && fit.present > 0, "{fit}");
        assert_eq!(fit.after.present_kept, 1.0, "{fit}");
        assert_eq!(fit.after.absent_empty, 1.0, "{fit}");
        let table: toml::Table = fit.to_string().parse().unwrap();
        let read: CalibrationParams = table["search"]["calibration"].clone().try_into().unwrap();
        assert_eq!(read, fit.calibration);
    }

    #[test]
    fn a_model_without_tags_cannot_tell() {
        let (_folder, pictures) = numbered(2);
        let go_on = |_: EvalProgress| ControlFlow::Continue(());
        let start = CalibrationParams::default();
        let fusion = FusionParams::default();
        let fit = fit_calibration(&Numbers::new(), &pictures, start, fusion, (9, 0), go_on);
        assert!(fit.unwrap_err().to_string().contains("no tags"));
    }
}
