//! How well tags are recognised, against the tags that captions and labels name.

use std::fmt;
use std::ops::ControlFlow;

use serde::Serialize;

use super::bootstrap::{Interval, intervals};
use super::features::{EvalError, tag_scores};
use super::metrics::Counts;
use super::progress::{EvalProgress, Watch};
use super::ranking::{Ranked, Ranking};
use super::sweep::{SweepPoint, sweep};
use crate::corpus::CaptionedPicture;
use crate::encoder::Encoder;
use crate::query::{Labeller, Lexicon, Parser};

/// What was measured. Captions do not name everything, so precision and recall understate the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TaggingReport {
    /// Pictures.
    pub images: usize,
    /// Tags that enough pictures show.
    pub tags: usize,
    /// The figures.
    #[serde(flatten)]
    pub figures: TaggingFigures<f64>,
    /// Their 95 % intervals, by bootstrap over pictures. A tag that no picture of a resample shows keeps what it has in the
    /// data. With many tags that few pictures show, means over tags lean to one side of theirs.
    pub intervals: TaggingFigures<Interval>,
    /// The same decisions with one threshold for all tags.
    pub sweep: Vec<SweepPoint>,
}

/// How well tags agree, at the tags' own thresholds where there is a decision.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TaggingFigures<T> {
    /// Mean over tags of the average precision.
    pub map_macro: T,
    /// Average precision over all pairs of picture and tag.
    pub map_micro: T,
    /// Mean over tags of the precision (CP).
    pub class_precision: T,
    /// Mean over tags of the recall (CR).
    pub class_recall: T,
    /// Share of the recognised that is named, over all pairs.
    pub precision: T,
    /// Share of the named that is recognised, over all pairs.
    pub recall: T,
    /// Harmonic mean of the two.
    pub f1: T,
}

impl<T> From<[T; 7]> for TaggingFigures<T> {
    fn from(figures: [T; 7]) -> Self {
        let [
            map_macro,
            map_micro,
            class_precision,
            class_recall,
            precision,
            recall,
            f1,
        ] = figures;
        Self {
            map_macro,
            map_micro,
            class_precision,
            class_recall,
            precision,
            recall,
            f1,
        }
    }
}

/// One tag: its scores, decisions and truth by picture.
pub(super) struct Column {
    pub(super) scores: Vec<f32>,
    pub(super) threshold: f32,
    pub(super) shown: Vec<bool>,
}

/// Measures over the tags that at least `fewest` pictures show. The model need do nothing but recognise tags.
///
/// # Errors
/// When no tag is shown that often, a picture cannot be decoded, the model fails, or `progress` breaks.
pub fn tagging(
    encoder: &dyn Encoder,
    pictures: &[CaptionedPicture],
    fewest: usize,
    mut progress: impl FnMut(EvalProgress) -> ControlFlow<()>,
) -> Result<TaggingReport, EvalError> {
    let mut watch = Watch::new(&mut progress);
    let vocabulary = encoder.vocabulary();
    let labeller = Labeller::new(vocabulary, Parser::new(Lexicon::english()));
    let mut shown = vec![vec![false; pictures.len()]; vocabulary.len()];
    for (index, picture) in pictures.iter().enumerate() {
        for tag in labeller.targets(&picture.captions, &picture.tags) {
            shown[tag.0 as usize][index] = true;
        }
    }
    let often = |shown: &[bool]| shown.iter().filter(|&&s| s).count() >= fewest.max(1);
    if !shown.iter().any(|shown| often(shown)) {
        return Err(EvalError::Nothing(
            "no tag is shown by enough pictures to measure it",
        ));
    }
    let scores = tag_scores(encoder, pictures, &mut watch)?;
    let tags = vocabulary.iter().zip(shown).enumerate();
    let columns: Vec<Column> = tags
        .filter(|(_, (_, shown))| often(shown))
        .map(|(at, (tag, shown))| Column {
            scores: scores.iter().map(|scores| scores[at]).collect(),
            threshold: tag.threshold,
            shown,
        })
        .collect();
    report(&columns, pictures.len(), &mut watch)
}

fn report(
    columns: &[Column],
    pictures: usize,
    watch: &mut Watch<'_>,
) -> Result<TaggingReport, EvalError> {
    let measured = Measured::new(columns);
    let figures = measured.figures(&vec![1; pictures]);
    Ok(TaggingReport {
        images: pictures,
        tags: columns.len(),
        figures: figures.into(),
        intervals: intervals(pictures, watch, |times| measured.figures(times))?.into(),
        sweep: sweep(columns),
    })
}

/// A column, worked out once for all resamples.
struct Class {
    ranking: Ranking,
    /// The pictures in which the tag is recognised, or shown, or both.
    decided: Vec<(usize, bool, bool)>,
    /// Average precision, precision and recall with every picture once.
    plain: [f64; 3],
}

impl Class {
    fn new(column: &Column) -> Self {
        let recognized = column.scores.iter().map(|&score| score > column.threshold);
        let decided = recognized.zip(&column.shown).enumerate();
        let mut class = Self {
            ranking: Ranking::new(column.ranked()),
            decided: decided
                .filter(|&(_, (recognized, &shown))| recognized || shown)
                .map(|(picture, (recognized, &shown))| (picture, recognized, shown))
                .collect(),
            plain: [0.0; 3],
        };
        (class.plain, _) = class.figures(&vec![1; column.scores.len()]);
        class
    }

    /// Average precision, precision and recall of pictures that were drawn so many times, and the decisions.
    fn figures(&self, times: &[u32]) -> ([f64; 3], Counts) {
        let mut counts = Counts::default();
        for &(picture, recognized, shown) in &self.decided {
            counts.add(recognized, shown, times[picture]);
        }
        let figures = match self.ranking.average_precision(times) {
            Some(ap) => [ap, counts.precision(), counts.recall()],
            None => self.plain,
        };
        (figures, counts)
    }
}

/// All columns, worked out once for all resamples.
struct Measured {
    classes: Vec<Class>,
    all: Ranking,
}

impl Measured {
    fn new(columns: &[Column]) -> Self {
        Self {
            classes: columns.iter().map(Class::new).collect(),
            all: Ranking::new(columns.iter().flat_map(Column::ranked)),
        }
    }

    fn figures(&self, times: &[u32]) -> [f64; 7] {
        let (mut sums, mut counts) = ([0.0; 3], Counts::default());
        for class in &self.classes {
            let (figures, decided) = class.figures(times);
            sums.iter_mut().zip(figures).for_each(|(sum, f)| *sum += f);
            counts.merge(decided);
        }
        let [ap, precision, recall] = sums.map(|sum| sum / self.classes.len() as f64);
        [
            ap,
            self.all.average_precision(times).unwrap_or_default(),
            precision,
            recall,
            counts.precision(),
            counts.recall(),
            counts.f1(),
        ]
    }
}

impl Column {
    fn ranked(&self) -> impl Iterator<Item = Ranked> + '_ {
        let pairs = self.scores.iter().zip(&self.shown).zip(0..);
        pairs.map(|((&score, &relevant), picture)| Ranked {
            score,
            picture,
            relevant,
        })
    }
}

impl fmt::Display for TaggingReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (figures, intervals) = (&self.figures, &self.intervals);
        writeln!(f, "{} pictures, {} tags", self.images, self.tags)?;
        writeln!(f, "in brackets 95 % intervals, bootstrap over pictures")?;
        for (name, figure, interval) in [
            ("mAP macro", figures.map_macro, intervals.map_macro),
            ("mAP micro", figures.map_micro, intervals.map_micro),
            ("CP", figures.class_precision, intervals.class_precision),
            ("CR", figures.class_recall, intervals.class_recall),
            ("precision", figures.precision, intervals.precision),
            ("recall", figures.recall, intervals.recall),
            ("F1", figures.f1, intervals.f1),
        ] {
            let Interval { low, high } = interval;
            writeln!(f, "{name:<10} {figure:.3} [{low:.3}, {high:.3}]")?;
        }
        writeln!(f, "\nthreshold  precision  recall     F1     CP     CR")?;
        // One in ten; all of them are in the JSON object.
        for point in self.sweep.iter().skip(9).step_by(10) {
            writeln!(
                f,
                "{:>9.2} {:>10.3} {:>7.3} {:>6.3} {:>6.3} {:>6.3}",
                point.threshold,
                point.precision,
                point.recall,
                point.f1,
                point.class_precision,
                point.class_recall
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{average_precision, precision_recall};

    /// Two tags, six pictures; ties, a decision on the threshold.
    fn columns() -> [Column; 2] {
        let column = |scores: [f32; 6], shown: [u8; 6]| Column {
            scores: scores.to_vec(),
            threshold: 0.5,
            shown: shown.iter().map(|&s| s == 1).collect(),
        };
        [
            column([0.9, 0.8, 0.5, 0.7, 0.2, 0.8], [1, 0, 1, 1, 0, 0]),
            column([0.1, 0.6, 0.3, 0.3, 0.4, 0.9], [0, 0, 0, 1, 0, 0]),
        ]
    }

    fn measure(columns: &[Column]) -> TaggingReport {
        let mut told = |_| ControlFlow::Continue(());
        report(columns, 6, &mut Watch::new(&mut told)).unwrap()
    }

    #[test]
    fn figures_of_all_pictures_once_are_those_of_the_plain_definitions() {
        let columns = columns();
        let figures = measure(&columns).figures;
        let decided = |c: &Column| -> Vec<bool> { c.scores.iter().map(|&s| s > 0.5).collect() };
        let ap = |c: &Column| average_precision(&c.scores, &c.shown);
        let mean = |of: &dyn Fn(&Column) -> f64| (of(&columns[0]) + of(&columns[1])) / 2.0;
        assert_eq!(figures.map_macro, mean(&ap));
        let cp = |c: &Column| precision_recall(&decided(c), &c.shown).0;
        assert_eq!(figures.class_precision, mean(&cp));
        let cr = |c: &Column| precision_recall(&decided(c), &c.shown).1;
        assert_eq!(figures.class_recall, mean(&cr));
        let all = |of: &dyn Fn(&Column) -> Vec<bool>| columns.iter().flat_map(of).collect();
        let (recognized, shown): (Vec<bool>, Vec<bool>) =
            (all(&decided), all(&|c| c.shown.clone()));
        let (precision, recall) = precision_recall(&recognized, &shown);
        assert_eq!((figures.precision, figures.recall), (precision, recall));
        // 2 of the 6 recognised are among the 4 shown: F1 = 2 · 2 / (6 + 4).
        assert!((figures.f1 - 0.4).abs() < 1e-8, "{figures:?}");
        let scores: Vec<f32> = columns.iter().flat_map(|c| c.scores.clone()).collect();
        assert_eq!(figures.map_micro, average_precision(&scores, &shown));
    }

    #[test]
    fn intervals_hold_the_figures_and_json_keeps_its_fields_flat() {
        let report = measure(&columns());
        let json = serde_json::to_value(&report).unwrap();
        for field in ["map_macro", "map_micro", "precision", "recall", "f1"] {
            let figure = json[field].as_f64().unwrap();
            let end = |at: usize| json["intervals"][field][at].as_f64().unwrap();
            assert!(end(0) <= figure && figure <= end(1), "{field} {json}");
            assert!(end(0) < end(1), "{field}");
        }
        assert_eq!(json["sweep"].as_array().unwrap().len(), 99);
        assert!(
            report.to_string().contains("F1         0.400 ["),
            "{report}"
        );
    }

    #[test]
    fn a_tag_without_a_picture_keeps_its_figures() {
        let columns = columns();
        let measured = Measured::new(&columns);
        // Picture 3 alone shows the second tag.
        let times = [2, 1, 1, 0, 1, 1];
        let figures = measured.figures(&times);
        let [first, second] = &measured.classes[..] else {
            panic!()
        };
        assert_eq!(second.figures(&times).0, second.plain);
        assert_ne!(first.figures(&times).0, first.plain);
        assert_eq!(
            figures[0],
            (first.figures(&times).0[0] + second.plain[0]) / 2.0
        );
    }
}
