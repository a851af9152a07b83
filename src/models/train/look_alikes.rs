//! Training pictures that are much alike: what image-text matching learns to tell apart.

use burn::tensor::Device;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::features::Features;
use super::most_similar::most_similar;
use super::{TrainError, matrix};
use crate::models::aligner::{Aligner, unit};
use crate::models::backbone::host;

/// Pictures that are compared with all others at once.
const BATCH: usize = 512;
/// Others that are ranked for each picture, where no more are asked for: four bytes each.
const DEPTH: usize = 1024;

/// Pictures and, for each, the others that are most like it.
#[derive(Debug)]
pub(crate) struct LookAlikes {
    pictures: Vec<usize>,
    depth: usize,
    /// `[pictures, depth]`: places in `pictures`, the most alike first.
    nearest: Vec<u32>,
}

impl LookAlikes {
    /// Ranks at least the `least` most alike of captioned `pictures`, by what both encoders make of them: the picture's
    /// embedding added to that of its captions.
    pub(crate) fn rank(
        features: &Features,
        aligner: &Aligner,
        pictures: Vec<usize>,
        least: usize,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let depth = least.max(DEPTH).min(pictures.len().saturating_sub(1));
        let sentences = features.sentences();
        let mut sums = Vec::new();
        for batch in pictures.chunks(BATCH) {
            let (mut images, mut meanings) = (Vec::new(), Vec::new());
            for &picture in batch {
                features.push_image(picture, 0, &mut images);
                let captions = features.captions_of(picture);
                let share = 1.0 / captions.len().max(1) as f32;
                let mut mean = vec![0.0; sentences.feature_width()];
                for caption in captions {
                    for (mean, value) in mean.iter_mut().zip(sentences.features(caption)) {
                        *mean += share * value;
                    }
                }
                meanings.extend(mean);
            }
            let width = images.len() / batch.len();
            let images = aligner.image.forward(matrix(images, width, device));
            let meanings =
                aligner
                    .text
                    .forward(matrix(meanings, sentences.feature_width(), device));
            sums.extend(host(unit(images + meanings))?);
        }
        let dim = sums.len() / pictures.len().max(1);
        let all = matrix(sums.clone(), dim, device).transpose();
        let mut nearest = Vec::with_capacity(pictures.len() * depth);
        for (first, rows) in sums.chunks(BATCH * dim).enumerate() {
            let cosines = host(matrix(rows.to_vec(), dim, device).matmul(all.clone()))?;
            for (row, cosines) in cosines.chunks_exact(pictures.len()).enumerate() {
                let own = first * BATCH + row;
                let closest = most_similar(cosines, Some(own), depth);
                nearest.extend(closest.into_iter().map(|place| place as u32));
            }
        }
        Ok(Self {
            pictures,
            depth,
            nearest,
        })
    }

    /// How many pictures there are to begin a group with.
    pub(crate) fn len(&self) -> usize {
        self.pictures.len()
    }

    /// These pictures.
    pub(crate) fn pictures(&self) -> &[usize] {
        &self.pictures
    }

    /// Up to `size` different pictures: number `first`, and others drawn from the `reach` that are most like it, or from all
    /// where so many were not ranked.
    pub(crate) fn group(
        &self,
        first: usize,
        size: usize,
        reach: usize,
        rng: &mut ChaCha8Rng,
    ) -> Vec<usize> {
        let others = size.min(self.len()) - 1;
        let mut places = vec![first];
        if reach <= self.depth {
            let nearest = &self.nearest[first * self.depth..][..reach];
            let drawn = rand::seq::index::sample(rng, nearest.len(), others);
            places.extend(drawn.into_iter().map(|at| nearest[at] as usize));
        }
        while places.len() <= others {
            let place = rng.random_range(0..self.len());
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
            .into_iter()
            .map(|place| self.pictures[place])
            .collect()
    }

    /// Tells other pictures and contrastive heads apart.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for &picture in &self.pictures {
            hasher.update(&(picture as u64).to_le_bytes());
        }
        hasher.update(bytemuck::cast_slice(&self.nearest));
        hasher.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn groups_are_drawn_from_ever_closer_pictures() {
        let alike = LookAlikes {
            pictures: vec![10, 11, 12, 13, 14, 15],
            depth: 3,
            nearest: [[1, 2, 3]; 6].concat(),
        };
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut seen = [vec![], vec![], vec![]];
        for _ in 0..200 {
            for (seen, reach) in seen.iter_mut().zip([6, 3, 2]) {
                let group = alike.group(0, 3, reach, &mut rng);
                assert_eq!((group[0], group.len()), (10, 3));
                assert!(group[1] != 10 && group[2] != 10 && group[1] != group[2]);
                seen.extend_from_slice(&group[1..]);
            }
        }
        for (seen, expected) in
            seen.iter_mut()
                .zip([vec![11, 12, 13, 14, 15], vec![11, 12, 13], vec![11, 12]])
        {
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(*seen, expected);
        }
        assert_eq!(alike.group(2, 9, 6, &mut rng).len(), 6);
    }
}
