//! What `imgsearch train tags` says of the words of captions.

use std::fmt::Write;

use imgsearch::TagKind;
use imgsearch::query::{DroppedWord, Mined, MinedTag, Reason, Sources};

/// Words that the summary shows of each sort.
const SHOWN: usize = 10;

const KINDS: [TagKind; 4] = [
    TagKind::Object,
    TagKind::Scene,
    TagKind::Attribute,
    TagKind::Action,
];

const REASONS: [Reason; 5] = [
    Reason::Rare,
    Reason::Listed,
    Reason::Unseen,
    Reason::Attributive,
    Reason::Illegible,
];

/// The classes and what was left out, with the most frequent words and their pictures.
pub(crate) fn summary(mined: &Mined, sources: Sources, tags: usize) -> String {
    let mut text = format!(
        "{} captions of {} pictures: {} words, of which {} became tags\n",
        mined.captions, mined.pictures, mined.candidates, sources.mined,
    );
    for kind in KINDS {
        let of_kind: Vec<&MinedTag> = mined.tags.iter().filter(|tag| tag.kind == kind).collect();
        let most = of_kind.iter().map(|tag| (&tag.name, tag.pictures));
        row(&mut text, &kind.to_string(), of_kind.len(), most);
    }
    let merged: Vec<(&MinedTag, &String, usize)> = mined.tags.iter().flat_map(merged).collect();
    let mut most: Vec<(String, usize)> = merged
        .iter()
        .map(|(tag, word, pictures)| (format!("{word} = {}", tag.name), *pictures))
        .collect();
    most.sort_by_key(|(_, pictures)| std::cmp::Reverse(*pictures));
    let most = most.iter().map(|(word, pictures)| (word, *pictures));
    row(&mut text, "merged", merged.len(), most);
    for reason in REASONS {
        let of_reason: Vec<&DroppedWord> = mined
            .dropped
            .iter()
            .filter(|dropped| dropped.reason == reason)
            .collect();
        let most = of_reason.iter().map(|d| (&d.word, d.pictures));
        row(&mut text, &reason.to_string(), of_reason.len(), most);
    }
    _ = write!(
        text,
        "{tags} tags with {} classes, {} labels and {} kinds above them",
        sources.imagenet, sources.labels, sources.above
    );
    text
}

/// Every word, most frequent first: rank, word, class or reason, pictures, and the words that were merged into it.
pub(crate) fn table(mined: &Mined) -> String {
    let mut text = "rank\tword\toutcome\tpictures\tmerged\n".to_owned();
    for (at, tag) in mined.tags.iter().enumerate() {
        let words: Vec<String> = merged(tag)
            .map(|(_, word, pictures)| format!("{word} {pictures}"))
            .collect();
        let (rank, words) = (at + 1, words.join(", "));
        _ = writeln!(
            text,
            "{rank}\t{}\t{}\t{}\t{words}",
            tag.name, tag.kind, tag.pictures
        );
    }
    for dropped in &mined.dropped {
        _ = writeln!(
            text,
            "\t{}\t{}\t{}\t",
            dropped.word, dropped.reason, dropped.pictures
        );
    }
    text
}

/// The words of a tag that are not its name.
fn merged(tag: &MinedTag) -> impl Iterator<Item = (&MinedTag, &String, usize)> {
    let others = tag.words.iter().filter(|(word, _)| *word != tag.name);
    others.map(move |(word, pictures)| (tag, word, *pictures))
}

fn row<'a>(
    text: &mut String,
    name: &str,
    count: usize,
    most: impl Iterator<Item = (&'a String, usize)>,
) {
    let most: Vec<String> = most
        .take(SHOWN)
        .map(|(word, pictures)| format!("{word} {pictures}"))
        .collect();
    _ = writeln!(text, "{name:<17} {count:>6}  {}", most.join(", "));
}
