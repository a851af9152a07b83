//! Parameters of networks in training under the names that their `load` takes.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

use crate::models::ModelError;
use crate::models::backbone::host;

/// A parameter as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredTensor {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

/// Parts of a path within the networks of [`nn`](crate::models::nn), and what the checkpoint that they come from calls them.
/// Applied in this order.
const NAMES: [(&str, &str); 20] = [
    (".Device.", "."),
    (".gamma", ".weight"),
    (".beta", ".bias"),
    ("attention.query.", "attention.self.query."),
    ("attention.key.", "attention.self.key."),
    ("attention.value.", "attention.self.value."),
    ("attention.output.", "attention.output.dense."),
    ("attention.norm.", "attention.output.LayerNorm."),
    (".cross.crossattention.", ".crossattention."),
    (".cross.intermediate.", ".intermediate.dense."),
    (".cross.output.", ".output.dense."),
    (".cross.output_norm.", ".output.LayerNorm."),
    ("embedding_norm.", "embeddings.LayerNorm."),
    (
        "text_decoder.words.values",
        "text_decoder.bert.embeddings.word_embeddings.weight",
    ),
    (
        "text_decoder.words.bias",
        "text_decoder.cls.predictions.bias",
    ),
    (
        "text_decoder.positions",
        "text_decoder.bert.embeddings.position_embeddings.weight",
    ),
    (
        "text_decoder.transform_norm.",
        "text_decoder.cls.predictions.transform.LayerNorm.",
    ),
    (
        "text_decoder.transform.",
        "text_decoder.cls.predictions.transform.dense.",
    ),
    (
        "text_decoder.layers.layers.",
        "text_decoder.bert.encoder.layer.",
    ),
    ("text_decoder.layers.", "text_decoder.bert."),
];

/// Parameters of `module`, in its order; what a name starts with comes from `prefix`.
pub(crate) fn stored<M: Module>(prefix: &str, module: &M) -> Result<Vec<StoredTensor>, ModelError> {
    let mut collector = Collector {
        path: vec![prefix.to_owned()],
        found: Ok(Vec::new()),
    };
    module.visit(&mut collector);
    collector.found
}

struct Collector {
    path: Vec<String>,
    found: Result<Vec<StoredTensor>, ModelError>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        let name = NAMES
            .iter()
            .fold(path, |path, (part, name)| path.replace(part, name));
        let tensor = param.val().detach();
        let shape = tensor.dims().to_vec();
        match (host(tensor), &mut self.found) {
            (Ok(values), Ok(found)) => found.push(StoredTensor {
                name,
                shape,
                values,
            }),
            (Err(error), found @ Ok(_)) => *found = Err(error),
            (_, Err(_)) => {}
        }
    }
}
