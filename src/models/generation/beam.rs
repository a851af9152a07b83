//! Beam search: the likeliest texts side by side.

use super::processors::{highest, hold_back_end, log_softmax, penalise_repetition};
use super::{Generated, Limits, NextToken};
use crate::models::ModelError;

/// A text that may still grow.
#[derive(Clone)]
struct Beam {
    ids: Vec<u32>,
    /// Sum of the log-probabilities.
    sum: f32,
}

/// The best finished texts of one search, at most as many as it has beams.
struct Finished {
    texts: Vec<Generated>,
    size: usize,
}

impl Finished {
    /// A text scores the mean log-probability of its tokens. The token that ends it counts in the sum, not in the number.
    fn add(&mut self, beam: &Beam) {
        let score = f64::from(beam.sum) / beam.ids.len() as f64;
        if self.texts.len() == self.size {
            let worst = self.worst();
            if score <= worst {
                return;
            }
            // Of equally bad ones the first to come goes.
            if let Some(place) = self.texts.iter().position(|text| text.score <= worst) {
                self.texts.remove(place);
            }
        }
        self.texts.push(Generated {
            ids: beam.ids.clone(),
            score,
        });
    }

    fn worst(&self) -> f64 {
        self.texts
            .iter()
            .map(|text| text.score)
            .fold(f64::INFINITY, f64::min)
    }

    /// Whether no beam can do better: the best of them, with the largest sum, would have to end now.
    fn is_complete(&self, largest_sum: f32, length: usize) -> bool {
        self.texts.len() == self.size && self.worst() >= f64::from(largest_sum) / length as f64
    }

    /// Of equal ones the last to come.
    fn best(self) -> Option<Generated> {
        self.texts
            .into_iter()
            .max_by(|a, b| a.score.total_cmp(&b.score))
    }
}

/// The search for one text.
struct Search {
    index: usize,
    beams: Vec<Beam>,
    finished: Finished,
}

impl Search {
    /// The next beams, each with the beam it continues, from the logits `[beams, vocabulary]` of those there are. None when the
    /// search is complete.
    fn step(&mut self, logits: &mut [f32], limits: &Limits) -> Result<Vec<usize>, ModelError> {
        let count = self.finished.size;
        let vocabulary = logits.len() / self.beams.len();
        for (beam, scores) in self.beams.iter().zip(logits.chunks_exact_mut(vocabulary)) {
            log_softmax(scores);
            penalise_repetition(scores, &beam.ids, limits.repetition_penalty);
            hold_back_end(scores, beam.ids.len(), limits.min_length, limits.end);
            for score in scores {
                *score += beam.sum;
            }
        }
        let candidates = highest(logits, 2 * count);
        let mut parents = Vec::with_capacity(count);
        let mut next = Vec::with_capacity(count);
        for (rank, &(at, sum)) in candidates.iter().enumerate() {
            let (parent, token) = (at / vocabulary, (at % vocabulary) as u32);
            let ids = &self.beams[parent].ids;
            if token == limits.end {
                if rank < count {
                    self.finished.add(&Beam {
                        ids: ids.clone(),
                        sum,
                    });
                }
                continue;
            }
            parents.push(parent);
            next.push(Beam {
                ids: [ids.as_slice(), &[token]].concat(),
                sum,
            });
            if next.len() == count {
                break;
            }
        }
        if next.len() < count {
            return Err(ModelError::NotFinite);
        }
        let length = self.beams[0].ids.len();
        self.beams = next;
        if self.finished.is_complete(candidates[0].1, length) {
            return Ok(Vec::new());
        }
        if length + 1 >= limits.max_length {
            for beam in &self.beams {
                self.finished.add(beam);
            }
            return Ok(Vec::new());
        }
        Ok(parents)
    }
}

/// Continues `prompt` for `texts` texts with `beams` beams each, of which there are fewer than half the vocabulary. Each text
/// is searched for by itself, whatever is generated beside it.
///
/// # Errors
/// When the network fails or its logits are no numbers.
pub(crate) fn beam_search(
    model: &mut impl NextToken,
    texts: usize,
    prompt: &[u32],
    limits: &Limits,
    beams: usize,
) -> Result<Vec<Generated>, ModelError> {
    let mut best: Vec<Option<Generated>> = vec![None; texts];
    let mut going: Vec<Search> = (0..texts)
        .map(|index| Search {
            index,
            // All beams start alike, so one of them stands for all until they part.
            beams: vec![Beam {
                ids: prompt.to_vec(),
                sum: 0.0,
            }],
            finished: Finished {
                texts: Vec::new(),
                size: beams,
            },
        })
        .collect();
    let mut logits = model.start(prompt)?;
    while !going.is_empty() {
        let mut rest = logits.as_mut_slice();
        let (mut parents, mut tokens, mut next) = (Vec::new(), Vec::new(), Vec::new());
        let mut first_row = 0;
        for mut search in going {
            let rows = search.beams.len();
            let (own, others) = rest.split_at_mut(rows * model.vocabulary());
            rest = others;
            let continued = search.step(own, limits)?;
            if continued.is_empty() {
                best[search.index] = search.finished.best();
            } else {
                parents.extend(continued.iter().map(|parent| first_row + parent));
                tokens.extend(search.beams.iter().filter_map(|beam| beam.ids.last()));
                next.push(search);
            }
            first_row += rows;
        }
        going = next;
        if !going.is_empty() {
            logits = model.next(&parents, &tokens)?;
        }
    }
    Ok(best.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::super::script::Script;
    use super::*;

    const END: u32 = 0;

    fn limits(max_length: usize, min_length: usize) -> Limits {
        Limits {
            max_length,
            min_length,
            repetition_penalty: 1.0,
            end: END,
        }
    }

    fn probabilities(values: &[f32]) -> Vec<f32> {
        values.iter().map(|p| p.ln()).collect()
    }

    /// After 1 the future is poor, after 2 it is rich.
    fn garden_path(_: usize, ids: &[u32]) -> Vec<f32> {
        probabilities(&match ids {
            [] => [0.01, 0.5, 0.4, 0.05, 0.04],
            [1] => [0.24, 0.19, 0.19, 0.19, 0.19],
            [2] => [0.02, 0.02, 0.02, 0.92, 0.02],
            _ => [0.96, 0.01, 0.01, 0.01, 0.01],
        })
    }

    #[test]
    fn looks_past_the_likeliest_first_token() {
        let mut script = Script::new(5, 1, garden_path);
        let found = beam_search(&mut script, 1, &[4], &limits(9, 0), 2).unwrap();
        assert_eq!(found[0].ids, [4, 2, 3]);
        let expected = (0.4f64 * 0.92 * 0.96).ln() / 3.0;
        assert!((found[0].score - expected).abs() < 1e-6);
        // One row for the prompt, two a step from then on.
        assert_eq!(script.calls[..2], [1, 2]);
    }

    #[test]
    fn a_text_cut_at_the_greatest_length_scores_its_running_sum() {
        let mut script = Script::new(5, 1, garden_path);
        let found = beam_search(&mut script, 1, &[4], &limits(3, 3), 2).unwrap();
        assert_eq!(found[0].ids, [4, 2, 3]);
        let expected = (0.4f64 * 0.92).ln() / 3.0;
        assert!((found[0].score - expected).abs() < 1e-6);
    }

    #[test]
    fn texts_beside_each_other_come_out_as_alone() {
        fn both(text: usize, ids: &[u32]) -> Vec<f32> {
            match text {
                0 => garden_path(0, ids),
                _ => probabilities(&[0.05, 0.05, 0.05, 0.8, 0.05]),
            }
        }
        let limits = limits(12, 6);
        let mut script = Script::new(5, 2, both);
        let together = beam_search(&mut script, 2, &[4], &limits, 2).unwrap();
        let first = beam_search(&mut Script::new(5, 1, garden_path), 1, &[4], &limits, 2);
        let second = |_, ids: &[u32]| both(1, ids);
        let second = beam_search(&mut Script::new(5, 1, second), 1, &[4], &limits, 2);
        assert_eq!(together, [first.unwrap(), second.unwrap()].concat());
        assert!(script.calls.contains(&4) && script.calls.ends_with(&[2]));
    }

    #[test]
    fn only_the_best_finished_texts_are_kept() {
        let mut finished = Finished {
            texts: Vec::new(),
            size: 2,
        };
        let beam = |sum: f32, length: usize| Beam {
            ids: vec![1; length],
            sum,
        };
        finished.add(&beam(-4.0, 2));
        assert!(!finished.is_complete(-1e9, 2), "one of two");
        finished.add(&beam(-3.0, 3));
        assert_eq!(finished.worst(), -2.0);
        assert!(finished.is_complete(-8.0, 4) && !finished.is_complete(-7.9, 4));
        // Better than the worst, then worse than both.
        finished.add(&beam(-6.0, 4));
        assert_eq!(finished.worst(), -1.5);
        finished.add(&beam(-8.0, 4));
        assert_eq!(finished.worst(), -1.5);
        assert_eq!(finished.best().unwrap().score, -1.0);
    }

    #[test]
    fn logits_that_are_no_numbers_are_an_error() {
        let mut script = Script::new(9, 1, |_, _| vec![f32::NAN; 9]);
        let found = beam_search(&mut script, 1, &[1], &limits(5, 0), 2);
        assert!(matches!(found, Err(ModelError::NotFinite)), "{found:?}");
    }
}
