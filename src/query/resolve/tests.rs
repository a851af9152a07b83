use super::*;
use crate::query::fixtures::vocabulary;

fn resolved(text: &str) -> Vec<(String, String, How)> {
    let resolver = Resolver::new(&vocabulary());
    let name = |id| {
        resolver
            .vocabulary()
            .get(id)
            .map(|tag| tag.name.clone())
            .unwrap_or_default()
    };
    let concepts = resolver.resolve(text, false).concepts;
    concepts
        .into_iter()
        .map(|c| (c.text, name(c.tags[0].tag), c.tags[0].how))
        .collect()
}

fn one(text: &str) -> (String, How) {
    let mut found = resolved(text);
    assert_eq!(found.len(), 1, "{text}: {found:?}");
    let (_, tag, how) = found.remove(0);
    (tag, how)
}

#[test]
fn every_way_to_a_tag_is_named() {
    assert_eq!(one("a dog"), ("dog".to_owned(), How::Exact));
    assert_eq!(one("Dogs"), ("dog".to_owned(), How::Form));
    assert_eq!(one("sofas"), ("couch".to_owned(), How::Synonym));
    assert_eq!(one("running"), ("run".to_owned(), How::Form));
    assert_eq!(one("terrapins"), ("turtle".to_owned(), How::Broader));
    assert_eq!(one("alarm clock"), ("clock".to_owned(), How::Broader));
    assert_eq!(one("baech"), ("beach".to_owned(), How::Spelling));
    assert_eq!(
        one("black and white photo"),
        ("black and white".to_owned(), How::Exact)
    );
}

#[test]
fn compounds_come_before_their_parts() {
    assert_eq!(one("hot dogs"), ("hot dog".to_owned(), How::Form));
    assert_eq!(one("the hot dog"), ("hot dog".to_owned(), How::Exact));
}

#[test]
fn a_kind_is_content_with_any_of_its_kinds() {
    let resolver = Resolver::new(&vocabulary());
    let found = resolver.resolve("animals", false);
    let tags: Vec<_> = found.concepts[0]
        .tags
        .iter()
        .map(|c| (c.tag.0, c.how))
        .collect();
    assert_eq!(
        tags,
        [(0, How::Form), (1, How::Narrower), (2, How::Narrower)]
    );
    assert_eq!(resolver.resolve("animals", true).concepts[0].tags.len(), 1);
}

#[test]
fn the_part_of_speech_picks_among_tags_of_one_name() {
    let resolver = Resolver::new(&vocabulary());
    let first = |text| resolver.resolve(text, false).concepts[0].tags[0].tag.0;
    assert_eq!(first("an orange"), 8);
    assert_eq!(first("orange dog"), 7);
    assert_eq!(first("a man skateboards"), 10);
}

#[test]
fn words_without_tags_are_named_and_stop_words_are_not() {
    let resolver = Resolver::new(&vocabulary());
    let found = resolver.resolve("a quokka and a dog with the", false);
    assert_eq!(found.unresolved, ["quokka"]);
    assert_eq!(found.concepts.len(), 1);
    assert_eq!(resolver.resolve("the of and", false), Resolution::default());
}

#[test]
fn what_is_to_be_absent_stands_for_no_tag() {
    let resolver = Resolver::new(&vocabulary());
    let found = resolver.resolve("a beach with no hot dogs", false);
    assert_eq!(found.concepts.len(), 1);
    assert_eq!(found.concepts[0].text, "beach");
    assert_eq!(found.absent, ["hot dogs"]);
    assert!(found.unresolved.is_empty());
}

#[test]
fn a_row_of_words_is_told_from_a_sentence() {
    let resolver = Resolver::new(&vocabulary());
    let keywords = |text| resolver.resolve(text, false).keywords;
    for text in [
        "dog",
        "two dogs, beach",
        "black and white dog",
        "dog running -cat",
    ] {
        assert!(keywords(text), "{text}");
    }
    for text in [
        "a dog",
        "dog on beach",
        "the dog is running",
        "his dog",
        "quokka",
        "",
    ] {
        assert!(!keywords(text), "{text}");
    }
}

#[test]
fn strict_takes_words_as_they_are() {
    let resolver = Resolver::new(&vocabulary());
    assert!(resolver.resolve("baech terrapin", true).concepts.is_empty());
    assert_eq!(resolver.resolve("dogs", true).concepts.len(), 1);
}
