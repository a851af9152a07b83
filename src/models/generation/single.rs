//! One token after the other without looking back: greedy, or sampled from the nucleus.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::processors::{highest, hold_back_end, log_sum_exp, nucleus, penalise_repetition};
use super::{Generated, Limits, NextToken};
use crate::models::ModelError;

/// How the next token is chosen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Choice {
    /// The likeliest.
    Greedy,
    /// At random among the likeliest. Every text draws from a generator of its own that starts at `seed`, so a text comes out
    /// the same whatever is generated beside it.
    Sample {
        top_k: usize,
        top_p: f32,
        temperature: f32,
        seed: u64,
    },
}

/// A text that goes on.
struct Text {
    index: usize,
    ids: Vec<u32>,
    sum: f64,
    random: ChaCha8Rng,
}

/// Continues `prompt` for `texts` texts.
///
/// # Errors
/// When the network fails or its logits are no numbers.
pub(crate) fn decode_single(
    model: &mut impl NextToken,
    texts: usize,
    prompt: &[u32],
    limits: &Limits,
    choice: &Choice,
) -> Result<Vec<Generated>, ModelError> {
    let seed = match choice {
        Choice::Greedy => 0,
        Choice::Sample { seed, .. } => *seed,
    };
    let mut finished: Vec<Option<Generated>> = vec![None; texts];
    let mut going: Vec<Text> = (0..texts)
        .map(|index| Text {
            index,
            ids: prompt.to_vec(),
            sum: 0.0,
            random: ChaCha8Rng::seed_from_u64(seed),
        })
        .collect();
    let mut logits = model.start(prompt)?;
    while !going.is_empty() {
        let (mut parents, mut tokens) = (Vec::new(), Vec::new());
        let rows = logits.chunks_exact_mut(model.vocabulary());
        let mut next = Vec::with_capacity(going.len());
        for (row, (mut text, scores)) in going.into_iter().zip(rows).enumerate() {
            penalise_repetition(scores, &text.ids, limits.repetition_penalty);
            hold_back_end(scores, text.ids.len(), limits.min_length, limits.end);
            let (token, log_probability) = choose(scores, choice, &mut text.random)?;
            text.sum += f64::from(log_probability);
            let ended = token == limits.end;
            if !ended {
                text.ids.push(token);
            }
            if ended || text.ids.len() >= limits.max_length {
                finished[text.index] = Some(Generated {
                    score: text.sum / text.ids.len() as f64,
                    ids: text.ids,
                });
            } else {
                parents.push(row);
                tokens.push(token);
                next.push(text);
            }
        }
        going = next;
        if !going.is_empty() {
            logits = model.next(&parents, &tokens)?;
        }
    }
    Ok(finished.into_iter().flatten().collect())
}

/// A token and its log-probability.
fn choose(
    scores: &mut [f32],
    choice: &Choice,
    random: &mut ChaCha8Rng,
) -> Result<(u32, f32), ModelError> {
    let token = match *choice {
        Choice::Greedy => highest(scores, 1).first().map(|&(id, _)| id as u32),
        Choice::Sample {
            top_k,
            top_p,
            temperature,
            ..
        } => {
            for score in scores.iter_mut() {
                *score /= temperature;
            }
            let candidates = nucleus(scores, top_k, top_p);
            // 53 random bits make a number in [0, 1).
            let mut draw = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
            candidates
                .iter()
                .find(|&&(_, probability)| {
                    draw -= probability;
                    draw < 0.0
                })
                .or(candidates.last())
                .map(|&(id, _)| id)
        }
    }
    .ok_or(ModelError::NotFinite)?;
    Ok((token, scores[token as usize] - log_sum_exp(scores)))
}

#[cfg(test)]
mod tests {
    use super::super::script::Script;
    use super::*;

    const END: u32 = 0;

    fn limits(max_length: usize, min_length: usize, repetition_penalty: f32) -> Limits {
        Limits {
            max_length,
            min_length,
            repetition_penalty,
            end: END,
        }
    }

    fn ids(generated: Vec<Generated>) -> Vec<Vec<u32>> {
        generated.into_iter().map(|text| text.ids).collect()
    }

    #[test]
    fn greedy_ends_each_text_by_itself() {
        // Text 0 ends after one token, text 1 never does.
        let mut script = Script::new(4, 2, |text, ids| match (text, ids.len()) {
            (0, 1..) => vec![9.0, 0.0, 1.0, 0.0],
            (0, _) => vec![0.0, 0.0, 9.0, 0.0],
            _ => vec![0.0, 0.0, 0.0, 9.0],
        });
        let found = decode_single(&mut script, 2, &[1], &limits(5, 0, 1.0), &Choice::Greedy);
        assert_eq!(ids(found.unwrap()), [vec![1, 2], vec![1, 3, 3, 3, 3]]);
        assert_eq!(script.calls, [2, 2, 1, 1]);
    }

    #[test]
    fn least_length_and_repetition_count_the_prompt() {
        let logits = |_, ids: &[u32]| match ids.len() {
            0 => vec![9.0, 1.0, 5.0, 4.0],
            _ => vec![9.0, -1.0, 5.0, 4.0],
        };
        let greedy = |limits| {
            let mut script = Script::new(4, 1, logits);
            ids(decode_single(&mut script, 1, &[2, 1], &limits, &Choice::Greedy).unwrap())
        };
        assert_eq!(greedy(limits(6, 0, 1.0)), [[2, 1]]);
        assert_eq!(greedy(limits(6, 4, 1.0)), [[2, 1, 2, 2]]);
        // Token 2 is in the prompt: 5 / 1.5 < 4.
        assert_eq!(greedy(limits(6, 3, 1.5)), [[2, 1, 3]]);
    }

    #[test]
    fn the_score_is_the_mean_log_probability() {
        // One half, then the end with one half.
        let mut script = Script::new(3, 1, |_, ids| match ids.len() {
            0 => vec![0.0, 0.0, 2f32.ln()],
            _ => vec![2f32.ln(), 0.0, 0.0],
        });
        let found = decode_single(&mut script, 1, &[1], &limits(9, 0, 1.0), &Choice::Greedy);
        let found = &found.unwrap()[0];
        assert_eq!(found.ids, [1, 2]);
        assert!((found.score - 0.25f64.ln() / 2.0).abs() < 1e-6);
    }

    #[test]
    fn samples_follow_the_probabilities_and_the_seed() {
        let sample = |texts, seed| {
            // 0.5, 0.3, 0.15 and 0.05: the nucleus of 0.9 leaves the last out.
            let mut script = Script::new(5, texts, |_, _| {
                [1e-9f32, 0.5, 0.3, 0.15, 0.05].map(f32::ln).to_vec()
            });
            let choice = Choice::Sample {
                top_k: 50,
                top_p: 0.9,
                temperature: 1.0,
                seed,
            };
            ids(decode_single(&mut script, texts, &[1], &limits(4001, 0, 1.0), &choice).unwrap())
        };
        let one = sample(1, 7);
        assert_eq!(sample(2, 7), [one[0].clone(), one[0].clone()]);
        assert_ne!(one, sample(1, 8));
        let share =
            |id: u32| one[0][1..].iter().filter(|&&other| other == id).count() as f64 / 4000.0;
        for (id, expected) in [(1, 0.5 / 0.95), (2, 0.3 / 0.95), (3, 0.15 / 0.95), (4, 0.0)] {
            assert!((share(id) - expected).abs() < 0.03, "{id}: {}", share(id));
        }
    }

    #[test]
    fn logits_that_are_no_numbers_are_an_error() {
        let mut script = Script::new(2, 1, |_, _| vec![f32::NAN; 2]);
        for choice in [
            Choice::Greedy,
            Choice::Sample {
                top_k: 1,
                top_p: 1.0,
                temperature: 1.0,
                seed: 0,
            },
        ] {
            let found = decode_single(&mut script, 1, &[1], &limits(5, 0, 1.0), &choice);
            assert!(matches!(found, Err(ModelError::NotFinite)), "{found:?}");
        }
    }
}
