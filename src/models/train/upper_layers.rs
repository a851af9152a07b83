//! What the alignment encoder starts from.

use std::borrow::Cow;

use crate::models::ModelError;
use crate::models::tensors::{TensorInfo, TensorSource};

/// The tensors of a text encoder under the names of the alignment encoder.
pub(crate) struct UpperLayers<S>(pub(crate) S);

/// The text encoder's name of `name`.
fn original(name: &str) -> Option<String> {
    let layer = name.strip_prefix("matcher.encoder.")?;
    Some(format!("text_encoder.encoder.{layer}"))
}

impl<S: TensorSource> TensorSource for UpperLayers<S> {
    fn file(&self) -> &str {
        self.0.file()
    }

    /// Those of the text encoder: nobody asks whether all were taken.
    fn names(&self) -> Vec<&str> {
        self.0.names()
    }

    fn info(&self, name: &str) -> Option<TensorInfo> {
        self.0.info(&original(name)?)
    }

    fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, ModelError> {
        let missing = || ModelError::MissingTensor {
            file: self.0.file().to_owned(),
            tensor: name.to_owned(),
        };
        self.0.bytes(&original(name).ok_or_else(missing)?)
    }
}
