//! Why a picture stands where it stands, as a value.

use serde::{Deserialize, Serialize};

use super::fuse;
use super::resolution::How;
use super::source::TagSource;

/// A tag that speaks for a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MatchedTag {
    /// The tag's name.
    pub tag: String,
    /// Its probability in the picture.
    pub confidence: f32,
    /// The words of the query it answers.
    pub query: String,
    /// How those words came to stand for it.
    pub how: How,
    /// What it adds to the score.
    pub weight: f32,
    /// Whether its probability is above its threshold.
    pub recognized: bool,
    /// Who says so: where it is not the model, the probability is 1 or 0.
    #[serde(default, skip_serializing_if = "TagSource::is_model")]
    pub source: TagSource,
}

/// Everything a score is made of: the answer to "why this picture?".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// For each thing asked for, the tag that answers it best; recognised or not, all add to the score.
    pub tags: Vec<MatchedTag>,
    /// Cosine similarity of query and picture; absent for a query of tags alone.
    pub itc: Option<f32>,
    /// What the similarity adds to the score.
    pub itc_weight: f32,
    /// Probability that the sentence goes with the picture (ITM); absent where that was not asked.
    #[serde(default)]
    pub itm: Option<f32>,
    /// What that adds to the score.
    #[serde(default)]
    pub itm_weight: f32,
    /// Words of the query that no tag stands for; only the similarity answers them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unresolved: Vec<String>,
    /// Probability that the picture answers the query, as captioned pictures tell: that it shows what words name, or, of a sentence that
    /// was matched with it, that it is the very picture for which the sentence was written; where many pictures fit that, it is small for
    /// each of them. Absent where there was no query. It is no part of the score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f32>,
    /// The score.
    #[serde(skip_serializing, default)]
    pub score: f32,
}

impl Explanation {
    /// Adds up the score again from its parts; the same to the bit.
    pub fn recompute(&self) -> f32 {
        fuse::total(self.itc_weight, self.tags.iter().map(|tag| tag.weight)) + self.itm_weight
    }

    /// The recognised tags, those that add most first: what a result line shows.
    pub fn recognized(&self) -> Vec<&MatchedTag> {
        let mut tags: Vec<_> = self.tags.iter().filter(|tag| tag.recognized).collect();
        tags.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        tags
    }

    /// The things asked for that no recognised tag answers.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        let tags = self
            .tags
            .iter()
            .filter(|tag| !tag.recognized)
            .map(|tag| tag.query.as_str());
        tags.chain(self.unresolved.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_documented_keys() {
        let tag = MatchedTag {
            tag: "dog".to_owned(),
            confidence: 0.97,
            query: "dogs".to_owned(),
            how: How::Form,
            weight: 0.25,
            recognized: true,
            source: TagSource::Model,
        };
        let why = Explanation {
            tags: vec![tag],
            itc: Some(0.375),
            itc_weight: 0.5,
            itm: None,
            itm_weight: 0.0,
            unresolved: vec![],
            probability: None,
            score: 0.75,
        };
        assert_eq!(why.recompute(), 0.75);
        let json = serde_json::to_string(&why).unwrap();
        assert_eq!(
            json,
            r#"{"tags":[{"tag":"dog","confidence":0.97,"query":"dogs","how":"form","weight":0.25,"recognized":true}],"itc":0.375,"itc_weight":0.5,"itm":null,"itm_weight":0.0}"#
        );
    }
}
