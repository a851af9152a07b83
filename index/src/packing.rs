//! Which packs a commit writes: what is new, and together with it old ones when there are too many of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::pack::{Pack, Packer};
use crate::{ImageId, Result};

/// Packs of one magnitude that are merged into one. A token is so written again once for each magnitude, not at each merge of the
/// segment that its image is in.
const FAN: usize = 8;
/// Packs smaller than this are of the smallest magnitude.
const SMALLEST: usize = 64;
/// Images that may be gone, beside as many as half of those that are there, before all packs are written anew.
const SPARE: usize = 1024;

/// Says which packs, given by their numbers of images, are merged with `fresh` new ones when `live` images are there in all.
fn to_merge(packs: &[usize], fresh: usize, live: usize) -> Vec<bool> {
    let all: usize = packs.iter().sum::<usize>() + fresh;
    if all > live + live / 2 + SPARE {
        return vec![true; packs.len()];
    }
    let magnitude = |images: usize| (images.max(SMALLEST) / SMALLEST).ilog(FAN);
    let mut merged = vec![false; packs.len()];
    let mut sum = fresh;
    for level in 0..=magnitude(all) {
        let peers: Vec<usize> = (0..packs.len())
            .filter(|&at| !merged[at] && magnitude(packs[at]) == level)
            .collect();
        let joins = usize::from(sum > 0 && magnitude(sum) == level);
        if peers.len() + joins >= FAN {
            for at in peers {
                merged[at] = true;
                sum += packs[at];
            }
        }
    }
    merged
}

/// Where the tokens of an image come from.
enum Source<'a> {
    Catalogue,
    Pack(&'a Pack, usize),
}

/// Writes the pack `path` of the images `fresh`, given with the numbers of their vectors, and of old packs. Returns which of the
/// old ones it replaces, and the new one unless there is nothing to write.
pub(crate) fn pack(
    path: &Path,
    catalogue: &Catalogue,
    packs: &[Arc<Pack>],
    fresh: BTreeMap<ImageId, u64>,
    live: usize,
) -> Result<(Vec<bool>, Option<Pack>)> {
    let sizes: Vec<usize> = packs.iter().map(|pack| pack.len()).collect();
    let merged = to_merge(&sizes, fresh.len(), live);
    let fresh = fresh
        .into_iter()
        .map(|(id, vector)| (id, (vector, Source::Catalogue)));
    let mut entries: BTreeMap<_, _> = fresh.collect();
    for (pack, _) in packs.iter().zip(&merged).filter(|(_, merged)| **merged) {
        for at in 0..pack.len() {
            let (id, vector) = (pack.id(at), pack.vector(at));
            let is_live = catalogue
                .image(&id)?
                .is_some_and(|image| image.vector == vector);
            if is_live {
                entries.insert(id, (vector, Source::Pack(pack, at)));
            }
        }
    }
    if entries.is_empty() {
        return Ok((merged, None));
    }
    let mut packer = Packer::create(path)?;
    for (id, (vector, source)) in entries {
        match source {
            Source::Pack(pack, at) => packer.push(id, vector, pack.tokens(at)?)?,
            Source::Catalogue => {
                if let Some(tokens) = catalogue.tokens(vector)? {
                    packer.push(id, vector, &tokens)?;
                }
            }
        }
    }
    Ok((merged, packer.finish()?))
}

/// Whether one of the packs has these very tokens of an image.
pub(crate) fn has(packs: &[Arc<Pack>], id: &ImageId, vector: u64) -> bool {
    packs
        .iter()
        .any(|pack| pack.find(id).is_some_and(|at| pack.vector(at) == vector))
}

/// The tokens of an image: those of the last pack that has it.
pub(crate) fn tokens<'a>(packs: &'a [Arc<Pack>], id: &ImageId) -> Result<Option<&'a [u8]>> {
    let found = packs
        .iter()
        .rev()
        .find_map(|pack| Some((pack, pack.find(id)?)));
    found.map(|(pack, at)| pack.tokens(at)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_few_packs_and_tokens_are_rarely_written_again() {
        let (mut packs, mut most, mut written) = (Vec::<usize>::new(), 0, 0);
        let (commits, batch) = (2000, 256);
        for commit in 1..=commits {
            let merged = to_merge(&packs, batch, commit * batch);
            let mut sum = batch;
            let mut keep = merged.iter();
            packs.retain(|images| match keep.next() {
                Some(true) => {
                    sum += images;
                    false
                }
                _ => true,
            });
            packs.push(sum);
            written += sum;
            most = most.max(packs.len());
        }
        let times = written as f64 / (commits * batch) as f64;
        assert!(most <= 36 && times < 6.0, "{most} packs, {times} times");
    }

    #[test]
    fn when_much_is_gone_all_is_written_anew() {
        assert_eq!(to_merge(&[10_000, 5_000], 1, 9_000), [true, true]);
        assert_eq!(to_merge(&[10_000, 5_000], 1, 12_000), [false, false]);
        assert_eq!(to_merge(&[64; 7], 1, 500), [true; 7]);
        assert_eq!(to_merge(&[64; 7], 0, 500), [false; 7]);
    }
}
