//! What can go wrong with somebody else's weight file.

use std::collections::BTreeMap;

/// A checkpoint that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is truncated, was changed, or is of another kind.
    #[error("{file} is damaged: {reason}; download it again")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is no checkpoint.
    #[error(
        "{file} is neither a PyTorch checkpoint nor a safetensors file; if it was downloaded, look whether it is a web page"
    )]
    Unknown {
        /// The file.
        file: String,
    },
    /// The file was written by a PyTorch that did not write archives yet.
    #[error(
        "{file} has the format of PyTorch before version 1.6; open it there with `torch.load` and write it anew with \
         `torch.save`"
    )]
    Legacy {
        /// The file.
        file: String,
    },
    /// The file uses something that its format allows and no checkpoint needs.
    #[error("{file} cannot be read: {what}; write it anew with `torch.save`")]
    Unsupported {
        /// The file.
        file: String,
        /// What it uses.
        what: String,
    },
    /// The file asks for something to be run or built that is no tensor.
    #[error(
        "{file} asks for {what}, which no state dict needs; nothing was run. If you trust the file, open it in PyTorch \
         and save its state dict alone"
    )]
    Forbidden {
        /// The file.
        file: String,
        /// The function, class or instruction.
        what: String,
    },
    /// There are no tensors where a checkpoint has them.
    #[error("{file} holds no state dict, neither under the key `model` nor by itself")]
    NoStateDict {
        /// The file.
        file: String,
    },
    /// There is no such tensor.
    #[error("{file} has no tensor `{tensor}`")]
    MissingTensor {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
    },
    /// The tensors are not those of the network.
    #[error(
        "{file} does not hold this network: {}",
        differences(missing, misshapen, surplus)
    )]
    Mismatch {
        /// The file.
        file: String,
        /// Tensors that the network needs and the file does not have.
        missing: Vec<String>,
        /// Tensors of another shape: name, shape in the file, shape in the network.
        misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
        /// Tensors that the network does not have.
        surplus: Vec<String>,
    },
    /// Two tensors that are one in the network differ.
    #[error("{file}: `{}` and `{}` must be equal and are not; the checkpoint is of another kind", tensors[0], tensors[1])]
    Untied {
        /// The file.
        file: String,
        /// Both names.
        tensors: [String; 2],
    },
    /// A tensor holds what is no number.
    #[error("{file}: tensor `{tensor}` holds {value}; the checkpoint is of a training that failed")]
    NotFinite {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// Not a number, or infinity.
        value: f32,
    },
    /// A tensor exceeds the range of half precision.
    #[error(
        "{file}: tensor `{tensor}` holds {value}, beyond half precision; keep its weights in single precision"
    )]
    Range {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// A value that does not fit.
        value: f32,
    },
    /// A tensor does not fit into memory.
    #[error("{file}: there is no memory for {bytes} bytes; close other programs")]
    Memory {
        /// The file.
        file: String,
        /// How much was asked for.
        bytes: u64,
    },
}

impl CheckpointError {
    /// Sorts out what a network asked for (shapes it wanted, shapes it found) and what it left.
    pub(crate) fn mismatch(
        file: &str,
        lacking: BTreeMap<String, (Vec<usize>, Option<Vec<usize>>)>,
        surplus: Vec<String>,
    ) -> Self {
        let mut missing = Vec::new();
        let mut misshapen = Vec::new();
        for (name, (expected, found)) in lacking {
            match found {
                Some(found) => misshapen.push((name, found, expected)),
                None => missing.push(name),
            }
        }
        Self::Mismatch {
            file: file.to_owned(),
            missing,
            misshapen,
            surplus,
        }
    }
}

/// The parts of a mismatch that there are.
fn differences(
    missing: &[String],
    misshapen: &[(String, Vec<usize>, Vec<usize>)],
    surplus: &[String],
) -> String {
    let quoted = |name: &String| format!("`{name}`");
    let shapes = misshapen
        .iter()
        .map(|(name, found, expected)| format!("`{name}` {found:?} instead of {expected:?}"));
    let parts = [
        listed("missing", missing.iter().map(quoted)),
        listed("of another shape", shapes),
        listed("surplus", surplus.iter().map(quoted)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join("; ")
}

/// A heading and the first of many items.
fn listed(heading: &str, mut items: impl ExactSizeIterator<Item = String>) -> Option<String> {
    const MOST: usize = 8;
    let count = items.len();
    let shown: Vec<String> = items.by_ref().take(MOST).collect();
    match count {
        0 => None,
        1..=MOST => Some(format!("{heading} {}", shown.join(", "))),
        _ => Some(format!(
            "{heading} {} and {} more",
            shown.join(", "),
            count - MOST
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_differences_are_shortened() {
        let names = |count| (0..count).map(|n| format!("t{n}")).collect::<Vec<_>>();
        let mut lacking: BTreeMap<_, _> = names(20)
            .into_iter()
            .map(|name| (name, (vec![1], None)))
            .collect();
        lacking.insert("x".to_owned(), (vec![2, 3], Some(vec![6])));
        let text = CheckpointError::mismatch("f", lacking, names(1)).to_string();
        assert_eq!(
            text,
            "f does not hold this network: missing `t0`, `t1`, `t10`, `t11`, `t12`, `t13`, `t14`, `t15` and 12 more; \
             of another shape `x` [6] instead of [2, 3]; surplus `t0`"
        );
    }
}
