//! The catalogue as JSON lines, for another machine, another disk or another program: a line that says what follows, then one for
//! each picture.
//!
//! ```json
//! {"format":"imgsearch-catalogue","version":1,"model":"tag2text-mini-…","dim":256,"tags":1939,"images":8}
//! {"id":"…","files":[{"path":"/a.jpg","len":1,"modified_ns":1}],"width":4,"height":3,"format":"jpeg","captured":null,
//!  "camera":null,"tags":["cat"],"keywords":["Minka"],"added":["pet"],"removed":["dog"],"embedding":"…","scores":"…","tokens":"…"}
//! ```
//!
//! `tags` names what the model recognises, for those who read the file; an import does not. `keywords` are those in the files,
//! `added` and `removed` the tags that a person corrected; each of the three is absent where there is none.
//!
//! `embedding` is `[dim]` f32 and `scores` is `[tags]` f16, both little-endian in base64, and come back bit for bit; `tokens`, where
//! there are any, are those that sentences are matched with, as the index keeps them. A path that is not UTF-8 is there twice, as readable as it
//! can be made and in base64.

use std::path::PathBuf;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use half::f16;
use imgsearch_index::{
    Correction, Embedding, FileFacts, ImageFacts, Keyword, NewImage, path_from_bytes,
};
use serde::{Deserialize, Serialize};

use crate::media::kept_words;

const FORMAT: &str = "imgsearch-catalogue";
const VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Head {
    format: String,
    version: u32,
    pub(crate) model: String,
    pub(crate) dim: usize,
    pub(crate) tags: usize,
    pub(crate) images: usize,
}

#[derive(Deserialize, Serialize)]
struct Line {
    id: String,
    files: Vec<File>,
    width: u32,
    height: u32,
    format: String,
    captured: Option<String>,
    camera: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keywords: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    added: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    removed: Vec<String>,
    embedding: String,
    scores: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    tokens: String,
}

#[derive(Deserialize, Serialize)]
struct File {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    len: u64,
    modified_ns: i64,
}

impl Head {
    pub(crate) fn new(model: &str, dim: usize, tags: usize, images: usize) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            model: model.to_owned(),
            dim,
            tags,
            images,
        }
    }

    pub(crate) fn line(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// What is wrong with the line is a sentence.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            format: String,
            version: u32,
        }
        let no_head = |_| "it is not the first line of an export".to_owned();
        let Version { format, version } = serde_json::from_str(line).map_err(no_head)?;
        match (format == FORMAT, version) {
            (false, _) => Err(format!("it is an export of {format}, not of {FORMAT}")),
            (true, VERSION) => serde_json::from_str(line).map_err(|error| error.to_string()),
            (true, newer) => Err(format!(
                "it has version {newer}; this program reads version {VERSION}"
            )),
        }
    }
}

/// The line of a picture; `tags` are the names of what is recognised in it.
pub(crate) fn line(image: &NewImage, tags: Vec<String>) -> Result<String, serde_json::Error> {
    let files = image.files.iter().map(|file| File {
        path: file.path.to_string_lossy().into_owned(),
        path_bytes: file.path.to_str().is_none().then(|| {
            let bytes = file.path.as_os_str().as_encoded_bytes();
            BASE64_STANDARD.encode(bytes)
        }),
        len: file.len,
        modified_ns: file.modified_ns,
    });
    let numbers = image.embedding.as_slice().iter();
    let embedding: Vec<u8> = numbers.flat_map(|x| x.to_le_bytes()).collect();
    let scores = image.tag_scores.iter();
    let scores: Vec<u8> = scores
        .flat_map(|&x| f16::from_f32(x).to_le_bytes())
        .collect();
    let facts = image.facts.clone();
    let keywords = facts.keywords.into_iter();
    let said = |applies| {
        let said = image.corrections.iter().flatten();
        let said = said.filter(move |said| said.applies == applies);
        said.map(|said| said.name.clone()).collect()
    };
    serde_json::to_string(&Line {
        id: image.id.to_string(),
        files: files.collect(),
        width: facts.width,
        height: facts.height,
        format: facts.format,
        captured: facts.captured,
        camera: facts.camera,
        tags,
        keywords: keywords.map(|keyword| keyword.text).collect(),
        added: said(true),
        removed: said(false),
        embedding: BASE64_STANDARD.encode(embedding),
        scores: BASE64_STANDARD.encode(scores),
        tokens: BASE64_STANDARD.encode(&image.tokens),
    })
}

/// The picture of a line, whose words are not looked up in any vocabulary; what is wrong with it is a sentence.
pub(crate) fn parse(line: &str, head: &Head) -> Result<NewImage, String> {
    let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let files = line.files.into_iter().map(|file| {
        Ok(FileFacts {
            path: match &file.path_bytes {
                None => PathBuf::from(&file.path),
                Some(bytes) => path_from_bytes(&decoded("path_bytes", bytes)?)
                    .ok_or("`path_bytes` is no path here")?,
            },
            len: file.len,
            modified_ns: file.modified_ns,
        })
    });
    let embedding = decoded("embedding", &line.embedding)?;
    let scores = decoded("scores", &line.scores)?;
    for (what, found, expected) in [
        ("embedding", embedding.len(), 4 * head.dim),
        ("scores", scores.len(), 2 * head.tags),
    ] {
        if found != expected {
            return Err(format!(
                "`{what}` has {found} bytes and should have {expected}"
            ));
        }
    }
    let keywords = kept_words(line.keywords).into_iter().map(|text| Keyword {
        text,
        tags: Vec::new(),
    });
    let said = |names: Vec<String>, applies| {
        kept_words(names).into_iter().map(move |name| Correction {
            name,
            applies,
            tags: Vec::new(),
        })
    };
    let said = said(line.added, true).chain(said(line.removed, false));
    let said: Vec<Correction> = said.collect();
    let (numbers, _) = embedding.as_chunks();
    let (scores, _) = scores.as_chunks();
    Ok(NewImage {
        id: line.id.parse().map_err(|_| "`id` is no image id")?,
        files: files.collect::<Result<_, String>>()?,
        facts: ImageFacts {
            width: line.width,
            height: line.height,
            format: line.format,
            captured: line.captured,
            camera: line.camera,
            keywords: keywords.collect(),
        },
        embedding: Embedding::restore(numbers.iter().map(|x| f32::from_le_bytes(*x)).collect())
            .ok_or("`embedding` has no direction of length 1")?,
        tag_scores: scores
            .iter()
            .map(|x| f16::from_le_bytes(*x).to_f32())
            .collect(),
        tokens: decoded("tokens", &line.tokens)?,
        // An export that says nothing does not take back what a person said here.
        corrections: (!said.is_empty()).then_some(said),
    })
}

fn decoded(what: &str, text: &str) -> Result<Vec<u8>, String> {
    let decoded = BASE64_STANDARD.decode(text);
    decoded.map_err(|error| format!("`{what}` is not base64: {error}"))
}
