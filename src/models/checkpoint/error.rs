//! What can go wrong with somebody else's weight file.

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
    /// A tensor does not fit into memory.
    #[error("{file}: there is no memory for {bytes} bytes; close other programs")]
    Memory {
        /// The file.
        file: String,
        /// How much was asked for.
        bytes: u64,
    },
}
