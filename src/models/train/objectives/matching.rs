//! Image-text matching (ITM): does a sentence, read together with a picture, describe it?

use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{Int, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::cross_entropy;

/// How a wrong partner is chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Negatives {
    /// At random, the more often the more similar it is (paper section 3.3, hard mining).
    Sampled {
        /// The same seed chooses the same partners.
        seed: u64,
    },
    /// The most similar one.
    Hardest,
}

/// Pictures and sentences of a batch to be judged: every pair as it is, then every sentence with a wrong picture, then every
/// picture with a wrong sentence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MatchPairs {
    /// Picture of each pair, by its place in the batch.
    pub(crate) images: Vec<usize>,
    /// Sentence of each pair.
    pub(crate) texts: Vec<usize>,
    /// Pairs, from the first on, that match.
    pub(crate) matching: usize,
}

impl MatchPairs {
    /// From the logits of the contrastive loss within the batch, pictures by sentences, row-major and divided by the
    /// temperature. `owners` are the pictures that the sentences belong to: two sentences of one picture are no negatives of
    /// each other, and where all of a batch show one picture, there are none.
    pub(crate) fn mine(logits: &[f32], owners: &[usize], negatives: Negatives) -> Self {
        let count = owners.len();
        let mut choose = negatives.chooser();
        let mut pairs = Self {
            images: (0..count).collect(),
            texts: (0..count).collect(),
            matching: count,
        };
        for text in 0..count {
            let column = (0..count).map(|image| logits[image * count + text]);
            if let Some(image) = choose(&weights(column, owners, text)) {
                pairs.images.push(image);
                pairs.texts.push(text);
            }
        }
        for image in 0..count {
            let row = logits[image * count..][..count].iter().copied();
            if let Some(text) = choose(&weights(row, owners, image)) {
                pairs.images.push(image);
                pairs.texts.push(text);
            }
        }
        pairs
    }
}

impl Negatives {
    fn chooser(self) -> impl FnMut(&[f32]) -> Option<usize> {
        let mut rng = match self {
            Self::Sampled { seed } => Some(ChaCha8Rng::seed_from_u64(seed)),
            Self::Hardest => None,
        };
        move |weights| {
            let mut possible = (0..weights.len()).filter(|&at| weights[at] > 0.0);
            let Some(rng) = &mut rng else {
                return possible.max_by(|&a, &b| weights[a].total_cmp(&weights[b]));
            };
            let last = possible.next_back()?;
            let mut left = rng.random_range(0.0..weights.iter().sum());
            let chosen = possible.find(|&at| {
                left -= weights[at];
                left < 0.0
            });
            // What rounding leaves over belongs to the last.
            Some(chosen.unwrap_or(last))
        }
    }
}

/// Probabilities of the partners of `own`, up to a factor; those that show its picture have none.
fn weights(logits: impl Iterator<Item = f32>, owners: &[usize], own: usize) -> Vec<f32> {
    let others: Vec<f32> = logits
        .zip(owners)
        .map(|(logit, owner)| {
            if *owner == owners[own] {
                f32::NEG_INFINITY
            } else {
                logit
            }
        })
        .collect();
    // Relative to the best of them, so that one is left however far the pair itself is ahead.
    let best = others.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    others
        .iter()
        .map(|logit| {
            if logit.is_finite() {
                (logit - best).exp()
            } else {
                0.0
            }
        })
        .collect()
}

/// Cross-entropy of logits `[P, 2]`, the second of which is that of a match, where the first `matching` pairs match and the
/// others do not, on average.
pub(crate) fn matching(logits: Tensor<2>, matching: usize) -> Tensor<1> {
    let ([pairs, _], device) = (logits.dims(), logits.device());
    let answers: Vec<i32> = (0..pairs).map(|pair| i32::from(pair < matching)).collect();
    let answers = Tensor::<2, Int>::from_data(TensorData::new(answers, [pairs, 1]), &device);
    -log_softmax(logits, 1).gather(1, answers).mean()
}

/// Losses of groups of pictures, each with a sentence of its own, of which every picture has been read with every sentence of
/// its group: `lead` `[groups * size, size]` is by how much the logit of a match is ahead, a row for each picture.
///
/// The right sentence of each picture is told from the others of its group and the right picture of each sentence, and each pair
/// is called a match or not, the right ones weighing as much as all others. Every picture is as often right as any other, so
/// nothing is learned from a picture or a sentence alone.
pub(crate) fn grouped(lead: Tensor<2>) -> Tensor<1> {
    let ([rows, size], device) = (lead.dims(), lead.device());
    let own = Tensor::<2>::eye(size, &device).repeat_dim(0, rows / size);
    let by_sentence = lead
        .clone()
        .reshape([rows / size, size, size])
        .swap_dims(1, 2)
        .reshape([rows, size]);
    let told_apart =
        cross_entropy(lead.clone(), own.clone()) + cross_entropy(by_sentence, own.clone());
    let right = log_sigmoid(lead.clone()) * own.clone() * (size - 1) as f32;
    let wrong = log_sigmoid(-lead) * (-own + 1.0);
    (told_apart - (right + wrong).mean()) * 0.5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::host;
    use burn::tensor::Device;

    #[test]
    fn negatives_are_similar_and_of_another_picture() {
        // Three captions of two pictures: 0 and 2 show the same.
        let logits = [
            9.0, 1.0, 8.0, //
            2.0, 9.0, 3.0, //
            7.0, 0.0, 9.0,
        ];
        let pairs = MatchPairs::mine(&logits, &[5, 6, 5], Negatives::Hardest);
        assert_eq!(pairs.images, [0, 1, 2, 1, 0, 1, 0, 1, 2]);
        assert_eq!(pairs.texts, [0, 1, 2, 0, 1, 2, 1, 2, 1]);
        assert_eq!(pairs.matching, 3);
        let alone = MatchPairs::mine(&[1.0], &[3], Negatives::Sampled { seed: 1 });
        assert_eq!(
            (alone.images, alone.texts, alone.matching),
            (vec![0], vec![0], 1)
        );
    }

    #[test]
    fn samples_follow_the_similarity_and_the_seed() {
        // Picture 0 is e times as similar to text 1 as to text 2; its own pair is far ahead of both.
        let logits = [500.0, 1.0, 0.0, 0.0, 500.0, 0.0, 0.0, 0.0, 500.0];
        let sample = |seed| MatchPairs::mine(&logits, &[0, 1, 2], Negatives::Sampled { seed });
        assert_eq!(sample(4), sample(4));
        let picked = (0..4000).filter(|&seed| sample(seed).texts[6] == 1).count();
        let share = picked as f64 / 4000.0;
        let expected = 1.0 / (1.0 + (-1.0f64).exp());
        assert!((share - expected).abs() < 0.03, "{share} {expected}");
    }

    #[test]
    fn groups_are_told_apart_both_ways() {
        let device = Device::flex();
        let loss = |lead: [[f32; 2]; 4]| host(grouped(Tensor::from_floats(lead, &device)))[0];
        // Worked by hand, the second group being sure and right: pictures ln(1 + e^-2) and ln(1 + e^-1) against the other
        // sentence, sentences ln(1 + e^-3) and ln 1 + e^0 against the other picture, and every pair by itself.
        let softplus = |x: f32| (1.0 + x.exp()).ln();
        let apart = [
            softplus(-2.0),
            softplus(-1.0),
            softplus(-3.0),
            softplus(0.0),
        ];
        let pairs = [softplus(-3.0), softplus(1.0), softplus(0.0), softplus(-1.0)];
        let expected = (apart.iter().sum::<f32>() / 4.0 + pairs.iter().sum::<f32>() / 8.0) * 0.5;
        let found = loss([[3.0, 1.0], [0.0, 1.0], [60.0, -60.0], [-60.0, 60.0]]);
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }

    #[test]
    fn confident_right_answers_cost_nothing() {
        let device = Device::flex();
        let logits = |values: [[f32; 2]; 3]| Tensor::<2>::from_floats(values, &device);
        let right = [[-20.0, 20.0], [20.0, -20.0], [20.0, -20.0]];
        assert!(host(matching(logits(right), 1))[0] < 1e-6);
        let undecided = host(matching(logits([[0.0; 2]; 3]), 1))[0];
        assert!((undecided - 2f32.ln()).abs() < 1e-6);
        assert!(host(matching(logits(right), 2))[0] > 10.0);
    }
}
