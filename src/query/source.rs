//! Who says of a picture that a tag applies.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

/// Who says whether a tag applies to a picture.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TagSource {
    /// The model, which recognises it or not.
    #[default]
    Model,
    /// A keyword in the file, or in a sidecar of it.
    Keyword,
    /// A person who added it.
    Added,
    /// A person who took it away.
    Removed,
}

impl Display for TagSource {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Model => "model",
            Self::Keyword => "keyword",
            Self::Added => "added",
            Self::Removed => "removed",
        })
    }
}

impl TagSource {
    pub(crate) fn is_model(&self) -> bool {
        *self == Self::Model
    }
}
