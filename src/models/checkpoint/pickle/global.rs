//! The names that a pickle may refer to.

use safetensors::Dtype;

use super::{PickleError, Result};

/// A function or class that a state dict is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::models::checkpoint) enum Global {
    /// `collections.OrderedDict`
    OrderedDict,
    /// `torch._utils._rebuild_tensor_v2`
    Tensor,
    /// `torch._utils._rebuild_parameter`
    Parameter,
    /// A class of storages, which says what the elements are.
    Storage(Dtype),
    /// A class of plain data that training scripts keep beside the model. What it builds is not looked into.
    Data,
}

impl Global {
    /// The entry of the list for `name` of `module`.
    pub(super) fn allowed(module: &str, name: &str) -> Result<Self> {
        Ok(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::Tensor,
            ("torch._utils", "_rebuild_parameter") => Self::Parameter,
            ("torch", "FloatStorage") => Self::Storage(Dtype::F32),
            ("torch", "HalfStorage") => Self::Storage(Dtype::F16),
            ("torch", "BFloat16Storage") => Self::Storage(Dtype::BF16),
            ("torch", "DoubleStorage") => Self::Storage(Dtype::F64),
            ("torch", "LongStorage") => Self::Storage(Dtype::I64),
            ("torch", "IntStorage") => Self::Storage(Dtype::I32),
            ("torch", "ShortStorage") => Self::Storage(Dtype::I16),
            ("torch", "CharStorage") => Self::Storage(Dtype::I8),
            ("torch", "ByteStorage") => Self::Storage(Dtype::U8),
            ("torch", "BoolStorage") => Self::Storage(Dtype::BOOL),
            ("torch", "Size" | "device")
            | ("argparse", "Namespace")
            | ("collections", "defaultdict")
            | ("__builtin__" | "builtins", "set" | "dict" | "list" | "tuple")
            | ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar")
            | ("numpy", "dtype")
            | ("_codecs", "encode") => Self::Data,
            _ => return Err(PickleError::Forbidden(quoted(module, name))),
        })
    }
}

/// A name as an error shows it: short, and without anything that a terminal would act on.
fn quoted(module: &str, name: &str) -> String {
    const LONGEST: usize = 80;
    let path: String = format!("{module}.{name}")
        .chars()
        .take(LONGEST)
        .flat_map(char::escape_debug)
        .collect();
    format!("`{path}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_list_are_shown_harmlessly() {
        for (module, name, shown) in [
            ("os", "system", "`os.system`"),
            ("torch", "load", "`torch.load`"),
            ("collections", "\u{1b}[2J", "`collections.\\u{1b}[2J`"),
        ] {
            let error = Global::allowed(module, name).unwrap_err();
            assert!(
                matches!(&error, PickleError::Forbidden(what) if what == shown),
                "{error}"
            );
        }
        let long = Global::allowed("m", &"n".repeat(10_000)).unwrap_err();
        assert!(long.to_string().len() < 100);
    }
}
