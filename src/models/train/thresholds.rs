//! The probability above which a tag counts as recognised, chosen on held-out training pictures.

/// Held-out pictures that must show a tag before it gets a threshold of its own.
const FEWEST: usize = 8;
/// Thresholds tried.
const STEPS: usize = 97;
/// Thresholds are kept away from the ends, where one picture more or less would decide.
const RANGE: (f32, f32) = (0.1, 0.98);
/// Best F0.5 below which a tag is not told apart at all; it is then only claimed where it is all but certain.
const WORTH: f32 = 0.25;
/// Weight of recall against precision, squared (F0.5): a tag that is shown as a reason had better be there.
const BETA_SQUARED: f32 = 0.25;

/// Thresholds of every tag from probabilities `[H, T]` and whether each picture shows each tag: the value of the best F0.5,
/// a tag's own where enough pictures show it, else the one `known` of the tag, else that of all frequent tags together.
pub(crate) fn choose(
    scores: &[f32],
    tags: usize,
    known: impl Fn(usize) -> Option<f32>,
    shows: impl Fn(usize, usize) -> bool,
) -> Vec<f32> {
    let pictures = scores.len() / tags.max(1);
    let columns: Vec<Vec<(f32, bool)>> = (0..tags)
        .map(|tag| {
            (0..pictures)
                .map(|picture| (scores[picture * tags + tag], shows(picture, tag)))
                .collect()
        })
        .collect();
    let frequent =
        |column: &Vec<(f32, bool)>| column.iter().filter(|(_, shown)| *shown).count() >= FEWEST;
    let pooled: Vec<(f32, bool)> = columns
        .iter()
        .filter(|c| frequent(c))
        .flatten()
        .copied()
        .collect();
    let common = best(&pooled).map_or(0.5, |(threshold, _)| threshold);
    columns
        .iter()
        .enumerate()
        .map(|(tag, column)| match best(column) {
            Some((threshold, score)) if frequent(column) && score >= WORTH => threshold,
            Some(_) if frequent(column) => RANGE.1,
            _ => known(tag).unwrap_or(common),
        })
        .collect()
}

/// Middle of the thresholds that reach the best F0.5, and that F0.5.
fn best(column: &[(f32, bool)]) -> Option<(f32, f32)> {
    let positives = column.iter().filter(|(_, shown)| *shown).count();
    if positives == 0 {
        return None;
    }
    let (low, high) = RANGE;
    let candidates: Vec<(f32, f32)> = (0..STEPS)
        .map(|step| {
            let threshold = low + (high - low) * step as f32 / (STEPS - 1) as f32;
            let predicted = column.iter().filter(|(score, _)| *score > threshold);
            let (mut found, mut all) = (0, 0);
            for (_, shown) in predicted {
                all += 1;
                found += usize::from(*shown);
            }
            let weighed = all as f32 + BETA_SQUARED * positives as f32;
            (threshold, (1.0 + BETA_SQUARED) * found as f32 / weighed)
        })
        .collect();
    let top = candidates.iter().map(|c| c.1).fold(0.0, f32::max);
    let reaching: Vec<f32> = candidates
        .iter()
        .filter(|c| c.1 == top)
        .map(|c| c.0)
        .collect();
    Some((reaching[reaching.len() / 2], top))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_separable_tag_is_cut_between_its_pictures_and_a_rare_one_takes_the_common_value() {
        // Tag 0: shown where the score is at least 0.6. Tag 1: shown once only.
        let pictures = 40;
        let scores: Vec<f32> = (0..pictures)
            .flat_map(|p| [if p < 10 { 0.6 } else { 0.3 }, 0.2])
            .collect();
        let shows = |picture, tag| match tag {
            0 => picture < 10,
            _ => picture == 0,
        };
        let thresholds = choose(&scores, 2, |_| None, shows);
        assert!((0.3..0.6).contains(&thresholds[0]));
        assert_eq!(thresholds[0], thresholds[1]);
        let kept = choose(&scores, 2, |_| Some(0.9), shows);
        assert_eq!(kept, [thresholds[0], 0.9]);
    }

    #[test]
    fn without_pictures_the_threshold_is_one_half() {
        assert_eq!(choose(&[], 2, |_| None, |_, _| false), [0.5, 0.5]);
    }
}
