//! What a step of the tuning reads, and what it learns.

use burn::module::Module;
use burn::nn::Linear;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Device, Tensor, TensorData};
use rand::Rng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use super::Trainee;
use crate::models::backbone::host;
use crate::models::manifest::Manifest;
use crate::models::sentence::{SentenceEncoder, mean_states};
use crate::models::train::below::Below;
use crate::models::train::by_length::{ByLength, PART};
use crate::models::train::features::Features;
use crate::models::train::learned::{Learned, in_parts};
use crate::models::train::settings::TrainSettings;
use crate::models::train::tuned_blocks::{FixedParts, pool};
use crate::models::train::{TrainError, alignment, matrix};

/// Pictures that a thread sees at once.
const PICTURES: usize = 16;

/// What the steps read beside the trainee.
pub(super) struct Fixed<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) features: &'a Features,
    pub(super) below: &'a Below,
    pub(super) sentence: &'a SentenceEncoder,
    pub(super) parts: FixedParts,
    pub(super) classifier: Linear,
    /// `[K, W]`
    pub(super) class_names: Tensor<2>,
    pub(super) settings: &'a TrainSettings,
    /// Where gradients are computed.
    pub(super) device: Device,
    /// Where they are not.
    pub(super) plain: &'a Device,
}

/// What is compared in a step.
struct Sample {
    views: Vec<(usize, usize)>,
    texts: Vec<usize>,
    classes: Vec<usize>,
    /// What each text is about, then each class.
    owners: Vec<usize>,
}

impl Fixed<'_> {
    fn sample(&self, pictures: &[usize], rng: &mut ChaCha8Rng) -> Sample {
        let (features, own) = (self.features, &self.settings.encoders);
        let count = features.classes();
        let classes = sample(rng, count, own.class_pairs.min(count)).into_vec();
        let (mut views, mut texts, mut owners) = (Vec::new(), Vec::new(), Vec::new());
        let all = features.texts();
        for &picture in pictures {
            let view = rng.random_range(0..self.settings.views);
            views.push((picture, all.view(picture, view)));
            for _ in 0..own.captions {
                let text = all.draw(picture, own.keywords, rng);
                texts.push(text);
                owners.push(all.subject_of(text));
            }
        }
        owners.extend(classes.iter().map(|&class| all.subject_of_class(class)));
        Sample {
            views,
            texts,
            classes,
            owners,
        }
    }

    /// Loss and gradients of a step. Everything is compared with everything, but the graph of all that the encoders compute
    /// would take many gigabytes. What they find is computed first and its graph dropped, then the gradient of the loss at that
    /// place; then each part is computed again and the gradient taken through it (Gao et al. 2021, gradient cache).
    pub(super) fn learn(
        &self,
        trainee: &Trainee,
        pictures: &[usize],
        rng: &mut ChaCha8Rng,
    ) -> Result<Learned, TrainError> {
        let sample = self.sample(pictures, rng);
        let rows = self.rows(&sample.texts, &sample.classes);
        let seen = self.seen(trainee, &sample.views)?;
        let seen = Tensor::from_inner(seen).require_grad();
        let read = Tensor::from_inner(self.read(trainee, &rows)?).require_grad();

        let images = self.with_classes(seen.clone(), &sample);
        let sentences =
            self.with_words(rows.restored(read.clone()), &sample.texts, &sample.classes);
        let contrast = trainee
            .heads
            .loss(images, sentences, &sample.owners, rng.random());
        let mut loss = host(contrast.clone())?[0];
        let mut gradients = contrast.backward();
        let [of_seen, of_read] = [&seen, &read].map(|found| found.grad_remove(&mut gradients));
        let mut total = GradientsAccumulator::new();
        total.accumulate(trainee, GradientsParams::from_grads(gradients, trainee));
        if let Some(of_seen) = of_seen {
            let share = self.settings.encoders.class_weight / sample.views.len() as f64;
            let parts = sample.views.chunks(PICTURES);
            let parts = parts.zip(of_seen.split(PICTURES, 0));
            let learned = Learned::of_parts(trainee, parts, &self.device, |trainee, part| {
                let (views, gradient) = part;
                let (found, log_probabilities) = self.images(trainee, views)?;
                let forgotten = self.forgotten(views, log_probabilities) * share;
                let loss = host(forgotten.clone())?[0];
                let learned = Learned::of(along(found, gradient) + forgotten, trainee)?;
                Ok(Learned { loss, ..learned })
            })?;
            loss += learned.loss;
            total.accumulate(trainee, learned.gradients);
        }
        if let Some(of_read) = of_read {
            let parts = rows.parts().zip(of_read.split(PART, 0));
            let learned = Learned::of_parts(trainee, parts, &self.device, |trainee, part| {
                let (rows, gradient) = part;
                let along = along(self.vectors(trainee, rows), gradient);
                Ok(Learned::of(along, trainee)?)
            })?;
            total.accumulate(trainee, learned.gradients);
        }
        Ok(Learned {
            loss,
            gradients: total.grads(),
        })
    }

    /// What the aligner takes of some views, without gradients.
    fn seen(&self, trainee: &Trainee, views: &[(usize, usize)]) -> Result<Tensor<2>, TrainError> {
        let parts = views.chunks(PICTURES);
        let seen = in_parts(trainee, parts, &self.device, |trainee, views| {
            Ok(self.images(trainee, views)?.0.inner())
        });
        Ok(Tensor::cat(seen?, 0))
    }

    /// Sentence vectors of some rows, in the order of their lengths, without gradients.
    fn read(&self, trainee: &Trainee, rows: &ByLength<'_>) -> Result<Tensor<2>, TrainError> {
        let read = in_parts(trainee, rows.parts(), &self.device, |trainee, rows| {
            Ok(self.vectors(trainee, rows).inner())
        });
        Ok(Tensor::cat(read?, 0))
    }

    /// Cross-entropy of the classifier's answers with what they were, the sum over some views.
    fn forgotten(&self, views: &[(usize, usize)], log_probabilities: Tensor<2>) -> Tensor<1> {
        let features = self.features;
        let known: Vec<f32> = views
            .iter()
            .flat_map(|&(picture, view)| features.probabilities(picture, view))
            .copied()
            .collect();
        let known = matrix(known, features.classes(), &self.device);
        -(known * log_probabilities).sum()
    }

    /// What is seen of the pictures, once for each of their texts, and what stands in for pictures of the classes.
    fn with_classes(&self, seen: Tensor<2>, sample: &Sample) -> Tensor<2> {
        let ([count, width], captions) = (seen.dims(), self.settings.encoders.captions);
        let seen = seen
            .unsqueeze_dim::<3>(1)
            .repeat_dim(1, captions)
            .reshape([count * captions, width]);
        let mut classes = Vec::with_capacity(sample.classes.len() * width);
        for &class in &sample.classes {
            self.features.push_class(class, &mut classes);
        }
        Tensor::cat(vec![seen, matrix(classes, width, &self.device)], 0)
    }

    /// What the aligner takes of some views, and logarithms of the probabilities of their classes.
    fn images(
        &self,
        trainee: &Trainee,
        views: &[(usize, usize)],
    ) -> Result<(Tensor<2>, Tensor<2>), TrainError> {
        let (below, count) = (self.below, self.features.views());
        let [channels, height, width] = below.shape();
        let mut maps = Vec::with_capacity(views.len() * below.width());
        for &(picture, view) in views {
            let record = picture * count + view;
            maps.extend(below.read(record..record + 1)?);
        }
        let shape = [views.len(), channels, height * width];
        let maps = Tensor::<3>::from_data(TensorData::new(maps, shape), &self.device);
        let maps = trainee.image.forward(maps.swap_dims(0, 1), &self.parts);
        let [mean, peaks] = pool(maps)?;
        let logits = self.classifier.forward(mean.clone());
        let scale = f64::from(self.class_names.dims()[1] as u32).sqrt();
        let meaning = softmax(logits.clone(), 1).matmul(self.class_names.clone()) * scale;
        Ok((
            Tensor::cat(vec![mean, peaks, meaning], 1),
            log_softmax(logits, 1),
        ))
    }

    /// Tokens of some texts, then of the names of some classes.
    fn rows(&self, texts: &[usize], classes: &[usize]) -> ByLength<'_> {
        let features = self.features;
        let of_texts = texts.iter().map(|&text| features.sentences().tokens(text));
        let of_classes = classes.iter().map(|&class| features.class_tokens(class));
        ByLength::new(of_texts.chain(of_classes).collect())
    }

    /// Sentence vectors.
    fn vectors(&self, trainee: &Trainee, rows: &[&[u32]]) -> Tensor<2> {
        let ids: Vec<Vec<u32>> = rows.iter().map(|row| row.to_vec()).collect();
        let lengths: Vec<usize> = ids.iter().map(Vec::len).collect();
        let embeddings = self.sentence.embeddings(&ids, &self.device);
        mean_states(trainee.text.forward(embeddings, &lengths, None), &lengths)
    }

    /// Sentence vectors followed by the mean words, where the aligner takes these.
    fn with_words(&self, vectors: Tensor<2>, texts: &[usize], classes: &[usize]) -> Tensor<2> {
        let features = self.features;
        let known = features.sentences();
        let width = known.width();
        let mut words = Vec::new();
        for &text in texts {
            words.extend_from_slice(&known.features(text)[width..]);
        }
        for &class in classes {
            words.extend_from_slice(&features.class_sentence(class)[width..]);
        }
        if words.is_empty() {
            return vectors;
        }
        let words = matrix(words, width, &vectors.device());
        Tensor::cat(vec![vectors, words], 1)
    }

    /// Held-out recall.
    pub(super) fn score(&self, trainee: &Trainee) -> Result<f32, TrainError> {
        let features = self.features;
        let device = self.plain;
        let pictures = features.held_out_captioned().into_iter();
        let views: Vec<(usize, usize)> = pictures.map(|picture| (picture, 0)).collect();
        let images = host(self.seen(trainee, &views)?)?;
        let captions = features.held_out_captions();
        let rows = self.rows(captions, &[]);
        let read = rows.restored(self.read(trainee, &rows)?);
        let sentences = host(self.with_words(read, captions, &[]))?;
        let aligner = trainee.heads.aligner.valid();
        let config = &self.manifest.aligner;
        let images = matrix(images, config.image_features, device);
        let sentences = matrix(sentences, config.text_inputs(), device);
        alignment::recall(&aligner, features, images, sentences)
    }
}

/// A scalar whose gradient at `found` is `gradient`.
fn along(found: Tensor<2>, gradient: Tensor<2>) -> Tensor<1> {
    (found * Tensor::from_inner(gradient)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::golden::assert_close;
    use burn::nn::LinearConfig;
    use burn::tensor::Distribution;

    #[test]
    fn gradients_in_parts_are_those_of_the_whole() {
        let device = Device::flex().autodiff();
        let linear = LinearConfig::new(3, 2).init(&device);
        let x = Tensor::<2>::random([5, 3], Distribution::Default, &device);
        // Every row is compared with every row.
        let contrast = |y: Tensor<2>| log_softmax(y.clone().matmul(y.transpose()), 1).sum();
        let gradient = |gradients: &GradientsParams| {
            host(gradients.get::<2>(linear.weight.id).unwrap()).unwrap()
        };
        let whole = Learned::of(contrast(linear.forward(x.clone())), &linear).unwrap();

        let found = Tensor::from_inner(linear.forward(x.clone()).inner()).require_grad();
        let mut gradients = contrast(found.clone()).backward();
        let of_found = found.grad_remove(&mut gradients).unwrap();
        let mut total = GradientsAccumulator::new();
        for (x, gradient) in x.split(2, 0).into_iter().zip(of_found.split(2, 0)) {
            let part = Learned::of(along(linear.forward(x), gradient), &linear).unwrap();
            total.accumulate(&linear, part.gradients);
        }
        let (found, expected) = (gradient(&total.grads()), gradient(&whole.gradients));
        assert_close(&found, &expected, 1e-5, "gradient");
    }
}
