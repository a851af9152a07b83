//! `imgsearch search`: from words to pictures.

use std::time::{Instant, SystemTime};

use anyhow::Result;
use imgsearch::query::{Candidate, Day, How, Prepared, QueryError};
use imgsearch::{Engine, Legs, Query, Sort, Tag, Vocabulary};

use super::args::at_least_one;
use super::exit::Exit;
use super::hits::{self, Form};
use super::output::Output;
use super::settings::Settings;

/// Tags that the explanation of a word shows.
const SHOWN: usize = 8;

/// Find pictures with a sentence or keywords
///
/// The words are read as a sentence: things, properties and actions that the model knows are matched as tags, and the
/// whole is compared with each picture. `imgsearch help query` lists what else may stand in a query: +dog, -person, tag:dog>0.8,
/// like:FILE, after:2023-05 and more.
#[derive(Debug, clap::Args)]
pub(crate) struct SearchArgs {
    /// A sentence or a few keywords
    #[arg(value_name = "QUERY", required_unless_present_any = ["tag", "not_tag"])]
    words: Vec<String>,
    /// Most results
    #[arg(short = 'n', long, value_name = "N", default_value = "20", value_parser = at_least_one)]
    limit: usize,
    /// Leave out the best N results: with -n 20, --skip 20 brings the second page
    #[arg(long, value_name = "N", default_value = "0")]
    skip: usize,
    #[command(flatten)]
    form: Form,
    /// Only pictures that show this tag (may be repeated)
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// No picture that shows this tag (may be repeated)
    #[arg(long, value_name = "TAG")]
    not_tag: Vec<String>,
    /// What answers: tags, itc (similarity), itm (the sentence matched with the best pictures)
    #[arg(long, value_name = "LEGS", default_value_t)]
    legs: Legs,
    /// Order of the results; which ones there are does not depend on it
    #[arg(long, value_enum, value_name = "ORDER", default_value_t)]
    sort: Order,
    /// Call tags recognised whose probability is above this one, 0 to 1, instead of each tag's own threshold
    #[arg(long, value_name = "T")]
    threshold: Option<f32>,
    /// Leave out results that answer the query with less than this probability, 0 to 1; with 0 there is always an answer
    ///
    /// The probability stands in --json and in `explain`: that a picture shows what words name, or that it is the very one that a
    /// sentence describes. Without this option the answer is empty when the collection shows nothing of
    /// what the query names.
    #[arg(long, value_name = "S")]
    min_score: Option<f32>,
    /// Write the tags of the pictures found with their numbers first, most frequent first
    #[arg(long, conflicts_with_all = ["paths_only", "null"])]
    facets: bool,
    /// Show one picture of each shot: other formats and sizes of it and bursts stand behind the best one
    #[arg(long)]
    stack: bool,
    /// Take words as they are: no kinds of things, no corrected spelling
    #[arg(long)]
    strict: bool,
    /// Say on stderr what the words were taken for
    #[arg(long)]
    explain_query: bool,
}

/// The order of results.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Order {
    /// Best first
    #[default]
    Relevance,
    /// Last captured first
    Date,
    /// By path
    Path,
}

impl SearchArgs {
    /// The words as one text.
    pub(crate) fn text(&self) -> String {
        self.words.join(" ")
    }

    fn query(&self) -> Result<Query, QueryError> {
        let query = parse(&self.text())?
            .with_limit(self.limit)
            .skipping(self.skip)
            .strict(self.strict)
            .with_legs(self.legs)
            .with_threshold(self.threshold)
            .with_min_score(self.min_score)
            .stacked(self.stack)
            .sorted_by(match self.sort {
                Order::Relevance => Sort::Relevance,
                Order::Date => Sort::Date,
                Order::Path => Sort::Path,
            });
        let query = self.tag.iter().fold(query, |query, tag| query.must(tag));
        let not = self.not_tag.iter();
        Ok(not.fold(query, |query, tag| query.must_not(tag)))
    }
}

/// Reads a query of today.
pub(crate) fn parse(text: &str) -> Result<Query, QueryError> {
    Query::parse(text, Day::of(SystemTime::now()))
}

/// Searches and writes what was found.
pub(crate) fn run(args: &SearchArgs, settings: &Settings, output: &mut Output) -> Result<Exit> {
    let engine = settings.engine()?;
    let query = args.query()?;
    if args.explain_query {
        for line in explained(&engine.resolve(&query)?, engine.vocabulary()) {
            super::output::say(format_args!("{line}"));
        }
    }
    let start = Instant::now();
    let found = engine.search(&query)?;
    let unread = engine.unread(&query)?.trim();
    if !unread.is_empty() {
        let words: Vec<&str> = unread.split_whitespace().take(SHOWN).collect();
        output.notice(format_args!(
            "the query is longer than the model reads; from \"{}\" on only its tags count",
            words.join(" ")
        ));
    }
    output.detail(format_args!(
        "{} results in {:.0} ms",
        found.len(),
        start.elapsed().as_secs_f64() * 1e3
    ));
    if found.is_empty() {
        output.notice(format_args!("{}", nothing(&engine, &query)?));
        return Ok(Exit::Nothing);
    }
    if args.facets {
        hits::write_facets(&engine.facets(&query)?, args.form, output)?;
    }
    hits::write(&found, args.skip, args.form, output)
}

/// Why there is no result, and what there is instead.
fn nothing(engine: &Engine, query: &Query) -> Result<String> {
    if engine.image_count()? == 0 {
        return Ok("the index holds no pictures yet".to_owned());
    }
    if query.skipped() > 0 {
        return Ok("no further picture matches".to_owned());
    }
    let near = engine.nearest_concepts(query, SHOWN)?;
    if near.is_empty() {
        return Ok("no picture matches".to_owned());
    }
    let near = near
        .iter()
        .map(|facet| format!("{} ({})", facet.tag, facet.images));
    Ok(format!(
        "no picture matches; nearest to it are pictures with {}; --min-score 0 shows them",
        near.collect::<Vec<_>>().join(", ")
    ))
}

/// What the words of a query stand for, a line each.
fn explained(prepared: &Prepared, vocabulary: &Vocabulary) -> Vec<String> {
    let name = |tag| vocabulary.get(tag).map_or("?", |tag| tag.name.as_str());
    let shown = |candidate: &Candidate| match manner(candidate.how) {
        "" => name(candidate.tag).to_owned(),
        manner => format!("{} ({manner})", name(candidate.tag)),
    };
    let mut lines = Vec::new();
    for concept in &prepared.resolution.concepts {
        let mut tags: Vec<String> = concept.tags.iter().take(SHOWN).map(shown).collect();
        if let Some(more) = concept.tags.len().checked_sub(SHOWN + 1) {
            tags.push(format!("{} more", more + 1));
        }
        let keyword = concept.keyword.iter();
        tags.extend(keyword.map(|keyword| format!("{keyword} (keyword)")));
        lines.push(format!("{}: {}", concept.text, tags.join(", ")));
    }
    for word in &prepared.resolution.unresolved {
        lines.push(format!("{word}: no tag, only the similarity answers it"));
    }
    for word in &prepared.resolution.absent {
        lines.push(format!(
            "{word}: said to be absent, no tag answers it; --not-tag leaves out pictures that show a tag"
        ));
    }
    for tags in &prepared.must {
        let names = names(tags.iter().filter_map(|&tag| vocabulary.get(tag)));
        lines.push(format!("required: {}", names.join(" or ")));
    }
    let excluded = prepared.must_not.iter();
    for name in names(excluded.filter_map(|&tag| vocabulary.get(tag))) {
        lines.push(format!("excluded: {name}"));
    }
    if lines.is_empty() {
        lines.push("no word stands for a tag; only the similarity answers".to_owned());
    }
    lines
}

/// The names of tags; one that several of them share is told once, with their number.
fn names<'v>(tags: impl Iterator<Item = &'v Tag>) -> Vec<String> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for tag in tags {
        match counts.iter_mut().find(|(name, _)| *name == tag.name) {
            Some((_, count)) => *count += 1,
            None => counts.push((&tag.name, 1)),
        }
    }
    let told = |(name, count)| match count {
        1 => str::to_owned(name),
        _ => format!("{name} ({count} tags)"),
    };
    counts.into_iter().map(told).collect()
}

fn manner(how: How) -> &'static str {
    match how {
        How::Exact | How::Form => "",
        How::Synonym => "another word",
        How::Narrower => "a kind of it",
        How::Broader => "what it is a kind of",
        How::Part => "part of it",
        How::Spelling => "spelling corrected",
        _ => "related",
    }
}

#[cfg(test)]
mod tests {
    use imgsearch::query::Resolver;

    use super::*;

    #[test]
    fn an_explanation_says_what_was_made_of_each_word() {
        let tags = "{\"tag\":\"dog\",\"kind\":\"object\",\"threshold\":0.5,\"synonyms\":[\"puppy\"],\"parents\":[]}\n\
                    {\"tag\":\"snow\",\"kind\":\"object\",\"threshold\":0.5,\"synonyms\":[],\"parents\":[]}\n\
                    {\"tag\":\"snow\",\"kind\":\"action\",\"threshold\":0.5,\"synonyms\":[],\"parents\":[]}\n";
        let vocabulary = Vocabulary::from_json_lines(tags).unwrap();
        let resolver = Resolver::new(&vocabulary);
        let query = Query::new("two puppies and a zorgle without a leash")
            .must_not("snow")
            .must("dog");
        let lines = explained(&query.prepare(&resolver).unwrap(), &vocabulary);
        assert_eq!(lines[0], "puppies: dog (another word)");
        assert!(lines[1].starts_with("zorgle: no tag"), "{lines:?}");
        assert!(
            lines[2].starts_with("leash: said to be absent"),
            "{lines:?}"
        );
        assert_eq!(lines[3..], ["required: dog", "excluded: snow (2 tags)"]);
    }
}
