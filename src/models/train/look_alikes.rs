//! Training pictures that are much alike: what image-text matching learns to tell apart.

use std::collections::BTreeSet;

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
/// Pictures that are drawn for a group before two of one name are let in.
const TRIES: usize = 64;
/// Others that are ranked for each picture, where no more are asked for: four bytes each.
const DEPTH: usize = 1024;

/// Pictures and, for each, the others that are most like it.
#[derive(Debug)]
pub(crate) struct LookAlikes {
    pictures: Vec<usize>,
    depth: usize,
    /// `[pictures, depth]`: places in `pictures`, the most alike first.
    nearest: Vec<u32>,
    /// What the texts of each picture are about.
    subjects: Vec<BTreeSet<usize>>,
}

impl LookAlikes {
    /// Ranks at least the `least` most alike of `pictures` with texts, by what both encoders make of them: the picture's
    /// embedding added to that of its captions or names.
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
                let texts = features.texts().read_of(picture);
                let share = 1.0 / texts.len().max(1) as f32;
                let mut mean = vec![0.0; sentences.feature_width()];
                for text in texts {
                    for (mean, value) in mean.iter_mut().zip(sentences.features(text)) {
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
        let subjects = |&picture: &usize| {
            let texts = features.texts();
            let read = texts.read_of(picture);
            read.map(|text| texts.subject_of(text)).collect()
        };
        Ok(Self {
            subjects: pictures.iter().map(subjects).collect(),
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
    /// where so many were not ranked. Two of one name, each of which would be right for the other's text, come together only where
    /// there is hardly anything else.
    pub(crate) fn group(
        &self,
        first: usize,
        size: usize,
        reach: usize,
        rng: &mut ChaCha8Rng,
    ) -> Vec<usize> {
        let size = size.min(self.len());
        let mut places = vec![first];
        let is_other = |places: &[usize], place: usize| {
            let (own, mut places) = (&self.subjects[place], places.iter());
            places.all(|&other| own.is_disjoint(&self.subjects[other]))
        };
        if reach <= self.depth {
            let nearest = &self.nearest[first * self.depth..][..reach];
            for at in rand::seq::index::sample(rng, reach, reach) {
                let place = nearest[at] as usize;
                if places.len() < size && is_other(&places, place) {
                    places.push(place);
                }
            }
        }
        let mut tries = TRIES;
        while places.len() < size {
            let place = rng.random_range(0..self.len());
            tries = tries.saturating_sub(1);
            if is_other(&places, place) || (tries == 0 && !places.contains(&place)) {
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
            subjects: (10..16).map(|picture| BTreeSet::from([picture])).collect(),
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

    #[test]
    fn two_of_one_name_meet_only_where_there_is_nothing_else() {
        let alike = |subjects: [usize; 4]| LookAlikes {
            pictures: vec![0, 1, 2, 3],
            depth: 3,
            nearest: [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]].concat(),
            subjects: subjects.map(|subject| BTreeSet::from([subject])).into(),
        };
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let (some, same) = (alike([7, 7, 8, 9]), alike([7; 4]));
        for reach in [3, 4] {
            let mut group = some.group(0, 3, reach, &mut rng);
            group.sort_unstable();
            assert_eq!(group, [0, 2, 3]);
            assert_eq!(same.group(0, 3, reach, &mut rng).len(), 3);
        }
    }
}
