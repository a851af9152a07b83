//! Pictures of one shot behind each other: other formats and sizes of it, and bursts.

use imgsearch_index::{Doc, Embedding, ImageFacts, Reader};
use jiff::civil::DateTime;

use super::searching::Candidate;
use crate::error::Result;

/// Pictures with this cosine or more are of one shot. Of 1,000 photographs of Flickr8k the two most alike that are not have 0.954;
/// another format of one has 0.999 or more, a slightly cropped one 0.966, a brighter one 0.99 (medians of 40).
const SAME_SHOT: f32 = 0.96;
/// Within a burst less will do.
const SAME_BURST: f32 = 0.85;
/// Seconds between two pictures of a burst.
const BURST_SECONDS: i64 = 10;

/// A picture with those that stand behind it.
pub(super) struct Stack {
    pub(super) first: Candidate,
    pub(super) others: Vec<Doc>,
    embedding: Embedding,
    facts: ImageFacts,
}

/// Puts candidates that are of one shot behind the best of them, until there are `limit` stacks. What comes later may still belong to
/// one of them.
pub(super) fn stack(
    reader: &Reader,
    candidates: Vec<Candidate>,
    limit: usize,
) -> Result<Vec<Stack>> {
    let mut stacks: Vec<Stack> = Vec::new();
    for candidate in candidates {
        let embedding = reader.embedding(candidate.doc)?;
        let facts = reader.record(candidate.doc)?.facts;
        let same = |stack: &Stack| is_same(stack.embedding.dot(&embedding), &stack.facts, &facts);
        match stacks.iter().position(same) {
            Some(at) => stacks[at].others.push(candidate.doc),
            None if stacks.len() < limit => stacks.push(Stack {
                first: candidate,
                others: Vec::new(),
                embedding,
                facts,
            }),
            None => {}
        }
    }
    Ok(stacks)
}

fn is_same(cosine: f32, a: &ImageFacts, b: &ImageFacts) -> bool {
    cosine >= SAME_SHOT || cosine >= SAME_BURST && is_burst(a, b)
}

/// Whether two pictures were taken by one camera within seconds.
fn is_burst(a: &ImageFacts, b: &ImageFacts) -> bool {
    let time = |facts: &ImageFacts| facts.captured.as_deref()?.parse::<DateTime>().ok();
    let Some((first, second)) = time(a).zip(time(b)) else {
        return false;
    };
    let apart = first.duration_since(second).as_secs().abs();
    apart <= BURST_SECONDS && a.camera == b.camera
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(captured: &str, camera: &str) -> ImageFacts {
        ImageFacts {
            captured: Some(captured.to_owned()),
            camera: Some(camera.to_owned()),
            ..ImageFacts::default()
        }
    }

    #[test]
    fn a_burst_may_differ_more_than_copies_of_a_shot() {
        let first = facts("2024-05-01T12:59:55", "A");
        let soon = facts("2024-05-01T13:00:04", "A");
        for (cosine, other, expected) in [
            (0.97, facts("", ""), true),
            (0.9, soon.clone(), true),
            (0.8, soon, false),
            (0.9, facts("2024-05-01T13:00:06", "A"), false),
            (0.9, facts("2024-05-01T13:00:04", "B"), false),
            (0.9, facts("yesterday", "A"), false),
        ] {
            assert_eq!(
                is_same(cosine, &first, &other),
                expected,
                "{cosine} {other:?}"
            );
            assert_eq!(
                is_same(cosine, &other, &first),
                expected,
                "{cosine} {other:?}"
            );
        }
    }
}
