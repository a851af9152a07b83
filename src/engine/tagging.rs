//! What people and files say of the tags of pictures, beside the model.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use imgsearch_index::{
    Correction, Doc, Error as IndexError, ImageFacts, ImageId, Keyword, NewImage, Reader, Record,
    TagId,
};
use serde::Serialize;

use super::{Engine, Image, Snapshot};
use crate::error::{Error, Result};
use crate::media::{facts, kept_words, sidecar_words};
use crate::query::{Explanation, QueryError, TagSource};

/// Near names that an error shows.
const NEAR: usize = 5;

/// What a person says of a tag.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TagEdit {
    name: String,
    /// Whether it applies; `None` takes back what was said.
    applies: Option<bool>,
    is_free: bool,
}

impl TagEdit {
    /// The tag applies, whatever the model says.
    pub fn add(name: impl Into<String>) -> Self {
        Self::new(name.into(), Some(true))
    }

    /// The tag does not apply, nor do the kinds of it, whatever the model and the keywords in the file say.
    pub fn remove(name: impl Into<String>) -> Self {
        Self::new(name.into(), Some(false))
    }

    /// Nothing is said of the tag any more: the model and the keywords in the file count again.
    pub fn retract(name: impl Into<String>) -> Self {
        Self::new(name.into(), None)
    }

    fn new(name: String, applies: Option<bool>) -> Self {
        Self {
            name,
            applies,
            is_free: false,
        }
    }

    /// Keeps a name that no tag has: `keyword:` finds it in a query, and it becomes a tag with a model that has one of that name.
    /// Default: such a name is refused
    #[must_use]
    pub fn free(mut self, is_free: bool) -> Self {
        self.is_free = is_free;
        self
    }
}

/// What is said of a picture beside what the model recognises in it, by name.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Annotations {
    /// Tags that a person added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Tags that a person took away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// The keywords in its file, as they stand there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
}

impl Annotations {
    /// All that is said, each with who says it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, TagSource)> {
        let all = [
            (&self.added, TagSource::Added),
            (&self.removed, TagSource::Removed),
            (&self.keywords, TagSource::Keyword),
        ];
        all.into_iter()
            .flat_map(|(names, source)| names.iter().map(move |name| (name.as_str(), source)))
    }

    fn of(record: Record) -> Self {
        let keywords = record.facts.keywords.into_iter();
        let (added, removed): (Vec<_>, Vec<_>) = record
            .corrections
            .into_iter()
            .partition(|said| said.applies);
        let names = |said: Vec<Correction>| said.into_iter().map(|said| said.name).collect();
        Self {
            added: names(added),
            removed: names(removed),
            keywords: keywords.map(|keyword| keyword.text).collect(),
        }
    }
}

/// An edit with what its name means here.
struct Meant<'a> {
    edit: &'a TagEdit,
    name: String,
    tags: Vec<TagId>,
}

impl Engine {
    /// Says something of tags of indexed pictures: of all of them or, after an error, of none. It is stored beside what the model
    /// says and counts instead of it, in every search from now on and with other models too. Of two edits of one tag the later
    /// counts. Returns how many of the pictures it changed.
    ///
    /// A picture is known by its bytes: files with the same bytes share what is said of it, and one that is edited is another.
    ///
    /// # Errors
    /// [`QueryError::UnknownTag`] and [`QueryError::AmbiguousTag`]; [`Error::NotIndexed`]; when another process writes to the index,
    /// or storing fails.
    pub fn tag_pictures<P: AsRef<Path>>(&self, pictures: &[P], edits: &[TagEdit]) -> Result<usize> {
        let meant = edits.iter().map(|edit| self.meant(edit));
        let meant = meant.collect::<Result<Vec<_>>>()?;
        // A writer would make an index where there is none.
        self.reader()?;
        let mut writer = self.writer()?;
        // Opening it published what was left over.
        let Snapshot { reader, .. } = self.reader()?;
        let mut known: HashMap<ImageId, Vec<Correction>> = HashMap::new();
        for path in pictures.iter().map(AsRef::as_ref) {
            let doc = self.indexed(&reader, path)?;
            let doc = doc.ok_or_else(|| Error::NotIndexed { path: path.into() })?;
            let id = reader.record(doc)?.id;
            known.insert(id, writer.corrections(&id)?);
        }
        let mut changed = Vec::new();
        for (id, before) in &known {
            let mut after = edited(before.clone(), &meant);
            self.name_corrections(&mut after);
            if after != *before {
                changed.push((*id, after));
            }
        }
        self.refuse_vain(&meant, known.values())?;
        let count = changed.len();
        writer.correct(changed)?;
        writer.commit()?;
        Ok(count)
    }

    /// What is said of a picture beside what the model recognises in it. Of one that is not indexed these are the keywords in its
    /// file.
    ///
    /// # Errors
    /// When the picture is neither indexed nor can be read, or the index is damaged.
    pub fn annotations(&self, image: Image<'_>) -> Result<Annotations> {
        let reader = match self.reader() {
            Ok(snapshot) => Some(snapshot.reader),
            // What is said is known by name, whatever the model.
            Err(Error::Index(IndexError::ModelMismatch { .. }) | Error::Model(_)) => {
                Reader::open(self.config().index()).ok()
            }
            Err(Error::Index(IndexError::NoIndex { .. })) => None,
            Err(error) => return Err(error),
        };
        let doc = |image| match (&reader, image) {
            (None, _) => Ok(None),
            (Some(reader), Image::Id(id)) => Ok(reader.find(&id)),
            (Some(reader), Image::Path(path)) => self.indexed(reader, path),
        };
        match (doc(image)?, &reader, image) {
            (Some(doc), Some(reader), _) => Ok(Annotations::of(reader.record(doc)?)),
            (_, _, Image::Id(id)) => Err(IndexError::UnknownImage { id }.into()),
            (_, _, Image::Path(path)) => Ok(Annotations {
                keywords: self.words_of(path)?,
                ..Annotations::default()
            }),
        }
    }

    /// Finds the tags that the words of a picture name in the vocabulary of this engine.
    pub(super) fn name_tags(&self, image: &mut NewImage) {
        self.name_keywords(&mut image.facts);
        if let Some(said) = &mut image.corrections {
            self.name_corrections(said);
        }
    }

    /// Finds the tags that the keywords of a picture name.
    pub(super) fn name_keywords(&self, facts: &mut ImageFacts) {
        for keyword in &mut facts.keywords {
            keyword.tags = self.tags_named(&keyword.text);
        }
    }

    /// Finds the tags that what people say of one picture is about. What is no animal is no dog either, unless somebody says so.
    pub(super) fn name_corrections(&self, said: &mut [Correction]) {
        for said in &mut *said {
            said.tags = self.tags_named(&said.name);
        }
        let named: Vec<TagId> = said.iter().flat_map(|said| said.tags.clone()).collect();
        for said in said.iter_mut().filter(|said| !said.applies) {
            let kinds = self.vocabulary().iter().map(|tag| tag.id).filter(|tag| {
                let mut parents = self.vocabulary().parents(*tag);
                !named.contains(tag) && parents.any(|parent| said.tags.contains(&parent))
            });
            let kinds: Vec<TagId> = kinds.collect();
            said.tags.extend(kinds);
        }
    }

    /// The tags that a word names, if all of them have one name.
    pub(super) fn tags_named(&self, word: &str) -> Vec<TagId> {
        let tags = self.resolver().tags(word);
        match self.names_of(&tags).len() {
            1 => tags,
            _ => Vec::new(),
        }
    }

    /// Who says so where it is not the model.
    pub(super) fn sources(&self, record: &Record) -> Sources {
        let mut sources = Sources::default();
        for Keyword { text, tags } in &record.facts.keywords {
            self.tell(&mut sources, text, tags, TagSource::Keyword);
        }
        for said in &record.corrections {
            let source = match said.applies {
                true => TagSource::Added,
                false => TagSource::Removed,
            };
            self.tell(&mut sources, &said.name, &said.tags, source);
        }
        sources
    }

    /// Notes who says a word: of the tags that it names or, where it names none, of itself.
    fn tell(&self, to: &mut Sources, word: &str, tags: &[TagId], source: TagSource) {
        let tags_named = tags.iter().filter_map(|&tag| self.vocabulary().get(tag));
        let names = tags_named.map(|tag| tag.name.as_str());
        let own = tags.is_empty().then_some(word);
        let names = names.chain(own).map(str::to_lowercase);
        to.0.extend(names.map(|name| (name, source)));
    }

    fn names_of(&self, tags: &[TagId]) -> BTreeSet<&str> {
        let tags = tags.iter().filter_map(|&tag| self.vocabulary().get(tag));
        tags.map(|tag| tag.name.as_str()).collect()
    }

    fn meant<'a>(&self, edit: &'a TagEdit) -> Result<Meant<'a>> {
        let tags = self.resolver().tags(&edit.name);
        let mut names = self.names_of(&tags).into_iter().map(str::to_owned);
        let typed = edit.name.replace(char::is_control, " ");
        let typed = typed.split_whitespace().collect::<Vec<_>>().join(" ");
        let name = match (names.next(), names.next()) {
            (Some(first), Some(second)) => {
                let means = [first, second].into_iter().chain(names).collect();
                let tag = typed;
                return Err(QueryError::AmbiguousTag { tag, means }.into());
            }
            (Some(name), None) => name,
            (None, _) if typed.is_empty() || !(edit.is_free || edit.applies.is_none()) => {
                return Err(self.unknown(typed));
            }
            (None, _) => typed,
        };
        Ok(Meant { edit, name, tags })
    }

    /// Refuses to take back what nobody said under a name that no tag has: it is mistyped.
    fn refuse_vain<'a>(
        &self,
        meant: &[Meant<'_>],
        known: impl Iterator<Item = &'a Vec<Correction>> + Clone,
    ) -> Result<()> {
        for Meant { edit, name, tags } in meant {
            let mut said = known.clone().flatten();
            let is_vain = edit.applies.is_none() && tags.is_empty();
            if is_vain && !said.any(|said| is_called(said, name)) {
                return Err(self.unknown(name.clone()));
            }
        }
        Ok(())
    }

    fn unknown(&self, tag: String) -> Error {
        let near = self.resolver().near(&tag, NEAR);
        QueryError::UnknownTag { tag, near }.into()
    }

    /// The document of a file: by its path, else by its bytes.
    fn indexed(&self, reader: &Reader, path: &Path) -> Result<Option<Doc>> {
        match self.known(reader, Image::Path(path)) {
            Some(doc) => Ok(Some(doc)),
            None => Ok(reader.find(&ImageId::of(&self.bytes(path)?))),
        }
    }

    /// The keywords in a file and beside it.
    fn words_of(&self, path: &Path) -> Result<Vec<String>> {
        let words = facts(&self.bytes(path)?).keywords.into_iter();
        Ok(kept_words(words.chain(sidecar_words(path))))
    }
}

/// Who says that tags and keywords apply, or do not, by their names in lower case; of the others the model does.
#[derive(Default)]
pub(super) struct Sources(HashMap<String, TagSource>);

impl Sources {
    pub(super) fn of(&self, name: &str) -> TagSource {
        let source = self.0.get(&name.to_lowercase());
        source.copied().unwrap_or_default()
    }
}

/// What is said after some edits, its tags not looked up.
fn edited(mut said: Vec<Correction>, meant: &[Meant<'_>]) -> Vec<Correction> {
    for Meant { edit, name, .. } in meant {
        said.retain(|said| !is_called(said, name));
        said.extend(edit.applies.map(|applies| Correction {
            name: name.clone(),
            applies,
            tags: Vec::new(),
        }));
    }
    said.sort_by(|a, b| a.name.cmp(&b.name));
    said
}

fn is_called(said: &Correction, name: &str) -> bool {
    said.name.to_lowercase() == name.to_lowercase()
}

/// Says in an explanation who says so.
pub(super) fn attribute(why: &mut Explanation, sources: &Sources) {
    for tag in &mut why.tags {
        tag.source = sources.of(&tag.tag);
    }
}
