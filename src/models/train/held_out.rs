//! The training pictures that nothing is fitted to.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::settings::TrainSettings;
use crate::corpus::CaptionedPicture;

/// Chooses them: captioned pictures, and others where these are too few.
pub(crate) fn hold_out(pictures: &[CaptionedPicture], settings: &TrainSettings) -> Vec<bool> {
    let (captioned, labelled): (Vec<usize>, Vec<usize>) =
        (0..pictures.len()).partition(|&index| !pictures[index].captions.is_empty());
    let mut held_out = vec![false; pictures.len()];
    let mut wanted = settings.held_out;
    for mut group in [captioned, labelled] {
        group.shuffle(&mut ChaCha8Rng::seed_from_u64(settings.seed));
        // A small collection keeps most of its pictures for training.
        group.truncate(wanted.min(group.len() / 5));
        wanted -= group.len();
        for index in group {
            held_out[index] = true;
        }
    }
    held_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_is_held_out_at_most_and_captioned_pictures_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("data.jsonl");
        let lines: Vec<String> = (0..60)
            .map(|i| match i % 3 {
                0 => format!(r#"{{"image":"{i}","captions":["a dog"]}}"#),
                _ => format!(r#"{{"image":"{i}","tags":["dog"]}}"#),
            })
            .collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
        let pictures = crate::corpus::read_corpus(&file).unwrap();
        let count = |held_out| {
            let settings = TrainSettings {
                held_out,
                ..TrainSettings::default()
            };
            let chosen = hold_out(&pictures, &settings);
            let of = |captioned: bool| {
                let is = |(chosen, picture): (&bool, &CaptionedPicture)| {
                    *chosen && captioned != picture.captions.is_empty()
                };
                chosen
                    .iter()
                    .zip(&pictures)
                    .filter(|&pair| is(pair))
                    .count()
            };
            (of(true), of(false))
        };
        assert_eq!(count(3), (3, 0));
        assert_eq!(count(6), (4, 2));
        assert_eq!(count(500), (4, 8));
    }
}
