//! Image-text contrast (ITC).

use burn::module::{Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Bool, Device, Tensor, TensorData};

use super::{Queue, cross_entropy};

/// Range of the temperature, as in BLIP.
const TEMPERATURES: [f32; 2] = [0.001, 0.5];

/// What similarities are divided by before they compete, learned.
#[derive(Debug, Module)]
pub(crate) struct Temperature {
    value: Param<Tensor<1>>,
}

impl Temperature {
    /// BLIP starts with 0.07.
    pub(crate) fn new(start: f32, device: &Device) -> Self {
        Self {
            value: Param::from_tensor(Tensor::from_floats([start], device)),
        }
    }

    /// The temperature `[1]`, within 0.001 and 0.5. Its gradient is that of the value in range: the reference clamps the
    /// parameter itself, and a gradient that ended at the border would leave it there for good.
    pub(crate) fn value(&self) -> Tensor<1> {
        let (free, [least, greatest]) = (self.value.val(), TEMPERATURES);
        let clamped = free.clone().detach().clamp(least, greatest);
        clamped + (free.clone() - free.detach())
    }
}

/// Features of the pictures and sentences of a batch, pair by pair: rows of unit length, `[B, D]` each.
#[derive(Clone, Debug)]
pub(crate) struct PairFeatures {
    pub(crate) images: Tensor<2>,
    pub(crate) texts: Tensor<2>,
}

/// Contrastive loss within a batch: mean of both directions of the cross-entropy between `logits` `[N, N]` (pictures by
/// sentences, temperature applied) and targets that share their mass among the sentences of the same picture.
pub(crate) fn in_batch_contrastive(logits: Tensor<2>, same_picture: Tensor<2, Bool>) -> Tensor<1> {
    let targets = shared(same_picture);
    let to_text = cross_entropy(logits.clone(), targets.clone());
    (to_text + cross_entropy(logits.transpose(), targets)) / 2.0
}

/// Contrastive loss of a batch against the features that a momentum encoder made of this batch and of those before it
/// (Li et al. 2021, 2022): mean of both directions.
///
/// `owners` are the pictures of the batch. A row's target is `alpha` times what the momentum encoder thinks, and the rest
/// shared among the entries of the same picture, in the batch and in the queue. `momentum` is to join `queue` afterwards. No
/// gradient flows into `momentum`, nor through the targets into `temperature`.
pub(crate) fn queued_contrastive(
    online: PairFeatures,
    momentum: PairFeatures,
    queue: &Queue,
    owners: &[usize],
    temperature: Tensor<1>,
    alpha: f32,
) -> Tensor<1> {
    let device = online.images.device();
    let same = owners.iter().flat_map(|owner| {
        let batch = owners.iter().map(move |other| other == owner);
        batch.chain(
            queue
                .owners()
                .iter()
                .map(move |other| *other == Some(*owner)),
        )
    });
    let shape = [owners.len(), owners.len() + queue.owners().len()];
    let same = TensorData::new(same.collect::<Vec<bool>>(), shape);
    let same = shared(Tensor::from_data(same, &device));
    let temperature = temperature.unsqueeze::<2>();
    let fixed = temperature.clone().detach();
    let [images, texts] = [momentum.images.detach(), momentum.texts.detach()];

    let direction =
        |queries: Tensor<2>, opinions: Tensor<2>, keys: Tensor<2>, queued: &Tensor<2>| {
            let keys = Tensor::cat(vec![keys, queued.clone()], 0).transpose();
            let opinions = softmax(opinions.matmul(keys.clone()) / fixed.clone(), 1);
            let targets = opinions * alpha + same.clone() * (1.0 - alpha);
            cross_entropy(queries.matmul(keys) / temperature.clone(), targets)
        };
    let to_text = direction(online.images, images.clone(), texts.clone(), queue.texts());
    let to_image = direction(online.texts, texts, images, queue.images());
    (to_text + to_image) / 2.0
}

/// Each row's mass shared among what is true, `[R, C]`.
fn shared(same: Tensor<2, Bool>) -> Tensor<2> {
    let same = same.float();
    same.clone() / same.sum_dim(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::{alone, host};

    fn same(pictures: &[usize], device: &Device) -> Tensor<2, Bool> {
        let n = pictures.len();
        let same = (0..n * n).map(|i| pictures[i / n] == pictures[i % n]);
        Tensor::from_data(TensorData::new(same.collect::<Vec<bool>>(), [n, n]), device)
    }

    #[test]
    fn loss_of_a_perfect_match_is_the_entropy_of_its_targets() {
        let same = same(&[0, 1, 1], &Device::flex());
        let logits = same.clone().float() * 50.0;
        let loss = host(in_batch_contrastive(logits, same))[0];
        // Two of three rows spread their target over two sentences.
        let expected = 2.0 / 3.0 * 2f32.ln();
        assert!((loss - expected).abs() < 1e-5, "{loss} {expected}");
    }

    #[test]
    fn without_opinions_an_owned_queue_is_a_larger_batch() {
        let _alone = alone();
        let device = Device::flex().autodiff();
        device.seed(3);
        let random = |rows: usize| {
            let x = Tensor::<2>::random([rows, 8], burn::tensor::Distribution::Default, &device);
            crate::models::aligner::unit(x)
        };
        let batch = PairFeatures {
            images: random(3),
            texts: random(3),
        };
        let [images, texts] = [random(4), random(4)];
        let owners = vec![Some(2), None, Some(9), Some(0)];
        let queue = Queue::new(images.clone(), texts.clone(), owners);
        let loss = queued_contrastive(
            batch.clone(),
            batch.clone(),
            &queue,
            &[0, 1, 2],
            Tensor::from_floats([0.1], &device),
            0.0,
        );
        // By hand: the queue's fourth entry shares picture 0's mass, its first one picture 2's.
        let mut expected = 0.0;
        for (queries, keys) in [
            (
                &batch.images,
                Tensor::cat(vec![batch.texts.clone(), texts], 0),
            ),
            (
                &batch.texts,
                Tensor::cat(vec![batch.images.clone(), images], 0),
            ),
        ] {
            let scores = host(queries.clone().matmul(keys.transpose()) / 0.1);
            for (row, targets) in [(0, vec![0, 6]), (1, vec![1]), (2, vec![2, 3])] {
                let scores = &scores[7 * row..][..7];
                let sum: f32 = scores.iter().map(|s| s.exp()).sum();
                let share = 1.0 / targets.len() as f32;
                expected += targets
                    .iter()
                    .map(|&t| share * (sum.ln() - scores[t]))
                    .sum::<f32>();
            }
        }
        let found = host(loss)[0];
        assert!((found - expected / 6.0).abs() < 1e-5, "{found} {expected}");
    }

    #[test]
    fn the_temperature_stays_in_range_and_can_come_back() {
        let device = Device::flex().autodiff();
        for (start, expected) in [(0.07, 0.07), (3.0, 0.5), (-1.0, 0.001)] {
            let temperature = Temperature::new(start, &device);
            let value = temperature.value();
            assert_eq!(host(value.clone()), [expected]);
            let gradients = (value * 7.0).sum().backward();
            let gradient = temperature.value.val().grad(&gradients).unwrap();
            assert_eq!(host(gradient), [7.0]);
        }
    }
}
