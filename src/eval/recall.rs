//! Recall of one leg in both directions.

use serde::Serialize;

use super::EvalError;
use super::bootstrap::{Interval, intervals};
use super::metrics::rank_of;
use super::progress::Watch;
use super::queries::Queries;
use super::scores::Scores;

/// Ranks below which a find counts.
const DEPTHS: [usize; 3] = [1, 5, 10];

/// Recall at 1, 5 and 10, as fractions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Recall {
    /// Recall at 1.
    pub r1: f64,
    /// Recall at 5.
    pub r5: f64,
    /// Recall at 10.
    pub r10: f64,
    /// 95 % interval of each, by bootstrap over the pictures that are searched for; what is searched among stays the same.
    pub intervals: RecallIntervals,
}

/// Intervals of [`Recall`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RecallIntervals {
    /// Of recall at 1.
    pub r1: Interval,
    /// Of recall at 5.
    pub r5: Interval,
    /// Of recall at 10.
    pub r10: Interval,
}

/// Both directions of one leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Leg {
    /// A caption finds its picture.
    pub t2i: Recall,
    /// A picture finds one of its captions.
    pub i2t: Recall,
}

/// What the searches for one picture, and from it, found.
struct Found {
    /// Of its captions, those that ranked it below each depth.
    t2i: [u32; 3],
    captions: u32,
    /// Whether one of its captions is ranked below each depth.
    i2t: [bool; 3],
}

impl Leg {
    /// From the scores of every picture for a sentence, and of every sentence for a picture.
    pub(crate) fn new(
        queries: &Queries,
        watch: &mut Watch<'_>,
        of_sentence: impl Fn(usize) -> Vec<f32>,
        of_picture: impl Fn(usize) -> Vec<f32>,
    ) -> Result<Self, EvalError> {
        let found = queries.own.iter().map(|(picture, own)| {
            let mut t2i = [0; 3];
            for sentence in own.clone() {
                let rank = rank_of(&of_sentence(sentence), &[*picture]);
                t2i.iter_mut()
                    .zip(DEPTHS)
                    .for_each(|(hits, depth)| *hits += u32::from(rank < depth));
            }
            let targets: Vec<usize> = own.clone().collect();
            let rank = rank_of(&of_picture(*picture), &targets);
            Found {
                t2i,
                captions: own.len() as u32,
                i2t: DEPTHS.map(|depth| rank < depth),
            }
        });
        let found: Vec<Found> = found.collect();
        let figures = recalls(&found, &vec![1; found.len()]);
        let intervals = intervals(found.len(), watch, |times| recalls(&found, times))?;
        let recall = |at: usize| Recall {
            r1: figures[at],
            r5: figures[at + 1],
            r10: figures[at + 2],
            intervals: RecallIntervals {
                r1: intervals[at],
                r5: intervals[at + 1],
                r10: intervals[at + 2],
            },
        };
        Ok(Self {
            t2i: recall(0),
            i2t: recall(3),
        })
    }

    /// As the scores of every pair rank them.
    pub(crate) fn of_scores(
        scores: &Scores,
        queries: &Queries,
        watch: &mut Watch<'_>,
    ) -> Result<Self, EvalError> {
        let row = |sentence| scores.row(sentence).to_vec();
        Self::new(queries, watch, row, |picture| scores.column(picture))
    }
}

/// Recall of pictures that were drawn so many times: text to image at each depth, then image to text.
fn recalls(found: &[Found], times: &[u32]) -> [f64; 6] {
    let mut hits = [0u64; 6];
    let (mut captions, mut pictures) = (0u64, 0u64);
    for (found, &times) in found.iter().zip(times) {
        let times = u64::from(times);
        captions += times * u64::from(found.captions);
        pictures += times;
        for depth in 0..DEPTHS.len() {
            hits[depth] += times * u64::from(found.t2i[depth]);
            hits[DEPTHS.len() + depth] += times * u64::from(found.i2t[depth]);
        }
    }
    std::array::from_fn(|at| {
        let asked = if at < DEPTHS.len() {
            captions
        } else {
            pictures
        };
        hits[at] as f64 / asked.max(1) as f64
    })
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    #[test]
    fn both_directions_of_a_hand_worked_case() {
        // Sentences 0 and 1 belong to picture 0, sentence 2 to picture 1; picture 2 is a distractor.
        let scores = [[0.9, 0.1, 0.0], [0.2, 0.6, 0.1], [0.3, 0.8, 0.0]];
        let queries = Queries {
            texts: vec![String::new(); 3],
            own: vec![(0, 0..2), (1, 2..3)],
        };
        let mut told = |_| ControlFlow::Continue(());
        let leg = Leg::new(
            &queries,
            &mut Watch::new(&mut told),
            |sentence| scores[sentence].to_vec(),
            |picture| scores.iter().map(|row| row[picture]).collect(),
        )
        .unwrap();
        assert_eq!(leg.t2i.r1, 2.0 / 3.0);
        assert_eq!((leg.t2i.r5, leg.i2t.r1), (1.0, 1.0));
        // Either picture alone, or both: 1 of 2, 1 of 1 or 2 of 3 captions find theirs.
        let interval = leg.t2i.intervals.r1;
        assert_eq!((interval.low, interval.high), (0.5, 1.0));
        let json = serde_json::to_value(leg).unwrap();
        assert_eq!(json["i2t"]["r10"], 1.0);
        assert_eq!(json["t2i"]["intervals"]["r1"][0], 0.5);
    }
}
