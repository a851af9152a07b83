//! What the image encoder's own classifier knows about the tags.

use burn::tensor::{Tensor, TensorData};
use imgsearch_index::TagId;

use super::ModelError;
use super::backbone::host;
use crate::vocabulary::Vocabulary;

/// Log-odds beyond which the classifier's certainty says nothing more.
const LIMIT: f32 = 8.0;

/// The classes of the classifier, and the tags that each of them implies.
#[derive(Debug)]
pub(crate) struct Classes {
    names: Vec<String>,
    /// For each tag, the classes that imply it.
    of_tag: Vec<Vec<u32>>,
}

impl Classes {
    /// Reads a table of class number, tag, name in a sentence, synonyms and parents (both separated by commas), one class
    /// a line in order, tab-separated. A class implies its tag and the parents.
    pub(crate) fn parse(table: &str, vocabulary: &Vocabulary) -> Result<Self, ModelError> {
        let mut names = Vec::new();
        let mut of_tag = vec![Vec::new(); vocabulary.len()];
        for (class, row) in table.lines().enumerate() {
            let fields: Vec<&str> = row.split('\t').collect();
            let [number, tag, name, _, parents] = fields[..] else {
                return Err(broken(class, "expected five columns"));
            };
            if number.parse() != Ok(class) {
                return Err(broken(class, "classes must be numbered in order from 0"));
            }
            names.push(name.to_owned());
            for word in std::iter::once(tag).chain(parents.split(',')) {
                for tag in vocabulary.find(word) {
                    of_tag[tag.0 as usize].push(class as u32);
                }
            }
        }
        Ok(Self { names, of_tag })
    }

    /// Everyday names, by class.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The classes that imply a tag.
    pub(crate) fn of(&self, tag: TagId) -> &[u32] {
        &self.of_tag[tag.0 as usize]
    }

    /// Probabilities `[B, K]` to the expected sentence vector of the class names `[B, W]`, with unit variance: the other
    /// features that it is joined with have about that scale.
    pub(crate) fn meaning(&self, probabilities: Tensor<2>, names: &Tensor<2>) -> Tensor<2> {
        let [_, width] = names.dims();
        probabilities.matmul(names.clone()) * (width as f32).sqrt()
    }

    /// Probabilities `[B, K]` to the log-odds of each tag `[B, T]`; 0, no opinion, for tags without a class.
    pub(crate) fn evidence(&self, probabilities: Tensor<2>) -> Result<Tensor<2>, ModelError> {
        let [batch, classes] = probabilities.dims();
        let (device, dtype) = (probabilities.device(), probabilities.dtype());
        let values = host(probabilities)?;
        let evidence: Vec<f32> = values
            .chunks_exact(classes)
            .flat_map(|row| self.log_odds(row))
            .collect();
        Ok(Tensor::from_data(
            TensorData::new(evidence, [batch, self.of_tag.len()]),
            (&device, dtype),
        ))
    }

    /// One picture's log-odds `[T]` from its class probabilities `[K]`.
    pub(crate) fn log_odds(&self, probabilities: &[f32]) -> impl Iterator<Item = f32> {
        self.of_tag.iter().map(|classes| {
            if classes.is_empty() {
                return 0.0;
            }
            let p: f32 = classes.iter().map(|&c| probabilities[c as usize]).sum();
            let p = p.clamp(1e-6, 1.0 - 1e-6);
            (p / (1.0 - p)).ln().clamp(-LIMIT, LIMIT)
        })
    }
}

fn broken(class: usize, reason: &str) -> ModelError {
    ModelError::Manifest {
        file: super::mini::CLASSES.to_owned(),
        reason: format!("line {}: {reason}", class + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{Tag, TagKind};

    fn vocabulary() -> Vocabulary {
        let tag = |name: &str| Tag {
            id: TagId(0),
            name: name.to_owned(),
            kind: TagKind::Object,
            threshold: 0.5,
            synonyms: Vec::new(),
            parents: Vec::new(),
        };
        Vocabulary::new(vec![tag("dog"), tag("beagle"), tag("sky")]).unwrap()
    }

    #[test]
    fn a_parent_gathers_the_evidence_of_its_classes() {
        let table = "0\tbeagle\tbeagle\t\tdog,animal\n1\tpug\tpug dog\t\tdog\n2\tcar\tcar\t\t";
        let classes = Classes::parse(table, &vocabulary()).unwrap();
        assert_eq!(classes.of(TagId(0)), [0, 1]);
        assert_eq!(classes.names()[1], "pug dog");
        let odds: Vec<f32> = classes.log_odds(&[0.3, 0.3, 0.4]).collect();
        assert!((odds[0] - 1.5f32.ln()).abs() < 1e-5);
        assert!((odds[1] - (3.0f32 / 7.0).ln()).abs() < 1e-5);
        assert_eq!(odds[2], 0.0, "no class speaks of the sky");
    }

    #[test]
    fn a_table_out_of_order_is_refused() {
        assert!(Classes::parse("1\tpug\tpug\t\tdog", &vocabulary()).is_err());
        assert!(Classes::parse("0\tpug", &vocabulary()).is_err());
    }
}
