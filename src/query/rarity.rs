//! How rare tags are in a collection.

use imgsearch_index::TagId;

/// How rare tags are in a collection.
#[derive(Debug, Clone, Default)]
pub struct Rarity {
    documents: u64,
    counts: Vec<u64>,
}

impl Rarity {
    /// From the number of pictures and, for each recognised tag, of pictures with it.
    pub fn new<I: IntoIterator<Item = (TagId, u64)>>(documents: u64, counts: I) -> Self {
        let mut rarity = Self {
            documents,
            counts: Vec::new(),
        };
        for (tag, count) in counts {
            let at = tag.0 as usize;
            if rarity.counts.len() <= at {
                rarity.counts.resize(at + 1, 0);
            }
            rarity.counts[at] = count;
        }
        rarity
    }

    /// 1 for a tag that no picture has, less the more pictures have it, above 0 for one that all have.
    pub fn of(&self, tag: TagId) -> f32 {
        let count = self
            .counts
            .get(tag.0 as usize)
            .copied()
            .unwrap_or(0)
            .min(self.documents);
        let all = (self.documents + 2) as f64;
        ((all / (count as f64 + 1.0)).ln() / all.ln()) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_tags_count_more() {
        let rarity = Rarity::new(1000, [(TagId(1), 900), (TagId(2), 3)]);
        assert!(rarity.of(TagId(2)) > rarity.of(TagId(1)));
        assert!(rarity.of(TagId(7)) <= 1.0 && rarity.of(TagId(1)) > 0.0);
        assert!(Rarity::new(1, [(TagId(0), u64::MAX)]).of(TagId(0)) > 0.0);
    }
}
