//! Values that a pickle builds.

use std::ops::Range;

use super::global::Global;
use super::machine::Machine;
use super::{PickleError, Result};
use crate::models::checkpoint::budget::Budget;

/// Place of a value in the arena.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::models::checkpoint) struct ValueId(pub(super) u32);

/// A value. Strings are parts of the pickle's own bytes.
#[derive(Debug)]
pub(in crate::models::checkpoint) enum Value {
    /// Something that is not looked into: settings, random states.
    Opaque,
    Int(i64),
    Text(Range<u32>),
    Sequence(Vec<ValueId>),
    Dict(Vec<(ValueId, ValueId)>),
    Global(Global),
    /// A storage of numbers, by the tuple that identifies it.
    Storage(ValueId),
    /// A tensor, by the arguments it is rebuilt from.
    Tensor(ValueId),
}

/// What a pickle built.
#[derive(Debug)]
pub(in crate::models::checkpoint) struct Pickle<'p> {
    bytes: &'p [u8],
    values: Vec<Value>,
    root: ValueId,
}

impl<'p> Pickle<'p> {
    /// Reads a pickle.
    ///
    /// # Errors
    /// When it is broken, asks for something beyond the list, or would take more memory than `budget` has.
    pub(in crate::models::checkpoint) fn read(
        bytes: &'p [u8],
        budget: &mut Budget,
    ) -> Result<Self> {
        let (values, root) = Machine::new(bytes, budget)?.run()?;
        Ok(Self {
            bytes,
            values,
            root,
        })
    }

    pub(in crate::models::checkpoint) fn root(&self) -> &Value {
        self.value(self.root)
    }

    pub(in crate::models::checkpoint) fn value(&self, id: ValueId) -> &Value {
        // Ids are handed out by the machine that filled the arena.
        self.values.get(id.0 as usize).unwrap_or(&Value::Opaque)
    }

    /// The elements of a tuple or list.
    pub(in crate::models::checkpoint) fn sequence(&self, id: ValueId) -> Option<&[ValueId]> {
        match self.value(id) {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    pub(in crate::models::checkpoint) fn text(&self, id: ValueId) -> Option<&'p str> {
        match self.value(id) {
            Value::Text(range) => text(self.bytes, range),
            _ => None,
        }
    }

    /// A number that counts something.
    pub(in crate::models::checkpoint) fn count(&self, id: ValueId) -> Option<u64> {
        match self.value(id) {
            Value::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// Numbers that count something.
    pub(in crate::models::checkpoint) fn counts(&self, id: ValueId) -> Option<Vec<u64>> {
        let items = self.sequence(id)?;
        items.iter().map(|item| self.count(*item)).collect()
    }
}

pub(super) fn text<'p>(bytes: &'p [u8], range: &Range<u32>) -> Option<&'p str> {
    let part = bytes.get(range.start as usize..range.end as usize)?;
    std::str::from_utf8(part).ok()
}

impl From<crate::models::checkpoint::budget::Exceeded> for PickleError {
    fn from(source: crate::models::checkpoint::budget::Exceeded) -> Self {
        Self::Broken(source.to_string())
    }
}
