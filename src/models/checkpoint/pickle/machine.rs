//! The stack machine.

use std::collections::HashMap;

use super::cursor::Cursor;
use super::global::Global;
use super::value::{Value, ValueId};
use super::{PickleError, Result, broken, not_text, op};
use crate::models::checkpoint::budget::Budget;

/// Newest version of the format.
const PROTOCOL: u8 = 5;

/// What a value takes in the arena and on the stack. Both grow by doubling, so each may take twice what it holds.
const VALUE_COST: usize = 2 * (size_of::<Value>() + size_of::<ValueId>());
/// What an entry of the memo takes, in a table that is kept half empty.
const MEMO_COST: usize = 4 * size_of::<(u32, ValueId)>();
/// What an element of a container takes.
const ITEM_COST: usize = 2 * size_of::<ValueId>();

pub(super) struct Machine<'p, 'b> {
    input: Cursor<'p>,
    budget: &'b mut Budget,
    values: Vec<Value>,
    stack: Vec<ValueId>,
    /// Heights of the stack at which a container begins.
    marks: Vec<usize>,
    memo: HashMap<u32, ValueId>,
}

impl<'p, 'b> Machine<'p, 'b> {
    pub(super) fn new(bytes: &'p [u8], budget: &'b mut Budget) -> Result<Self> {
        Ok(Self {
            input: Cursor::new(bytes)?,
            budget,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::default(),
        })
    }

    /// Runs to the end and hands over the arena with the place of the value that was built.
    pub(super) fn run(mut self) -> Result<(Vec<Value>, ValueId)> {
        loop {
            let at = self.input.position();
            match self.input.byte()? {
                op::STOP => {
                    let root = self.pop()?;
                    return Ok((self.values, root));
                }
                instruction => self.step(instruction, at)?,
            }
        }
    }

    fn step(&mut self, instruction: u8, at: usize) -> Result<()> {
        match instruction {
            op::PROTO => match self.input.byte()? {
                0..=PROTOCOL => Ok(()),
                newer => Err(broken(format!("its pickle has version {newer}"))),
            },
            // Only tells a reader how much to read ahead.
            op::FRAME => self.input.skip(8).map(drop),

            op::NONE | op::NEWTRUE | op::NEWFALSE | op::EMPTY_SET => self.push(Value::Opaque),
            op::BINFLOAT => {
                self.input.skip(8)?;
                self.push(Value::Opaque)
            }
            op::BININT1 => {
                let number = self.input.byte()?;
                self.push(Value::Int(number.into()))
            }
            op::BININT2 => {
                let number = u16::from_le_bytes(self.input.array()?);
                self.push(Value::Int(number.into()))
            }
            op::BININT => {
                let number = i32::from_le_bytes(self.input.array()?);
                self.push(Value::Int(number.into()))
            }
            op::LONG1 => self.long(),
            op::SHORT_BINUNICODE => {
                let len = self.input.byte()?;
                self.string(len.into())
            }
            op::BINUNICODE => {
                let len = u32::from_le_bytes(self.input.array()?);
                self.string(len.into())
            }
            op::BINUNICODE8 => {
                let len = u64::from_le_bytes(self.input.array()?);
                self.string(len)
            }
            op::SHORT_BINBYTES | op::SHORT_BINSTRING => {
                let len = self.input.byte()?;
                self.opaque_bytes(len.into())
            }
            op::BINBYTES | op::BINSTRING => {
                let len = u32::from_le_bytes(self.input.array()?);
                self.opaque_bytes(len.into())
            }

            op::MARK => {
                self.budget.take(2 * size_of::<usize>())?;
                self.marks.push(self.stack.len());
                Ok(())
            }
            op::POP => self.pop().map(drop),
            op::POP_MARK => self.pop_mark().map(drop),
            op::DUP => {
                let top = self.peek()?;
                self.push_id(top)
            }
            op::EMPTY_TUPLE | op::EMPTY_LIST => self.push(Value::Sequence(Vec::new())),
            op::EMPTY_DICT => self.push(Value::Dict(Vec::new())),
            op::TUPLE1 => self.tuple(1),
            op::TUPLE2 => self.tuple(2),
            op::TUPLE3 => self.tuple(3),
            op::TUPLE | op::LIST => {
                let items = self.pop_mark()?;
                self.push(Value::Sequence(items))
            }
            op::DICT => {
                let items = self.pop_mark()?;
                self.push(Value::Dict(Vec::new()))?;
                self.set(&items)
            }
            op::APPEND => {
                let item = self.pop()?;
                self.extend(&[item])
            }
            op::APPENDS | op::ADDITEMS => {
                let items = self.pop_mark()?;
                self.extend(&items)
            }
            op::SETITEM => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set(&[key, value])
            }
            op::SETITEMS => {
                let items = self.pop_mark()?;
                self.set(&items)
            }

            op::BINGET => {
                let index = self.input.byte()?;
                self.recall(index.into())
            }
            op::LONG_BINGET => {
                let index = u32::from_le_bytes(self.input.array()?);
                self.recall(index)
            }
            op::BINPUT => {
                let index = self.input.byte()?;
                self.remember(index.into())
            }
            op::LONG_BINPUT => {
                let index = u32::from_le_bytes(self.input.array()?);
                self.remember(index)
            }
            op::MEMOIZE => self.remember(self.memo.len() as u32),

            op::GLOBAL => {
                let module = self.input.line()?;
                let name = self.input.line()?;
                self.push(Value::Global(Global::allowed(module, name)?))
            }
            op::STACK_GLOBAL => {
                let name = self.pop()?;
                let module = self.pop()?;
                let global = Global::allowed(self.name(module)?, self.name(name)?)?;
                self.push(Value::Global(global))
            }
            op::BINPERSID => {
                let id = self.pop()?;
                self.push(Value::Storage(id))
            }
            op::REDUCE | op::NEWOBJ => self.build(),
            // The state of an object: of an ordered dict, versions of modules; of anything else, not of interest.
            op::BUILD => self.pop().and_then(|_| self.peek()).map(drop),
            other => Err(PickleError::Forbidden(format!(
                "pickle instruction {other:#04x} at byte {at}"
            ))),
        }
    }

    /// Makes what a listed function or class would make.
    fn build(&mut self) -> Result<()> {
        let arguments = self.pop()?;
        let callee = self.pop()?;
        match self.value(callee) {
            Value::Global(Global::OrderedDict) => self.push(Value::Dict(Vec::new())),
            Value::Global(Global::Tensor) => self.push(Value::Tensor(arguments)),
            Value::Global(Global::Parameter) => match self.value(arguments) {
                Value::Sequence(items) if !items.is_empty() => self.push_id(items[0]),
                _ => Err(broken("a parameter is made of nothing")),
            },
            Value::Global(Global::Data) | Value::Opaque => self.push(Value::Opaque),
            _ => Err(broken("it calls what is no function")),
        }
    }

    fn extend(&mut self, items: &[ValueId]) -> Result<()> {
        self.budget.take(items.len() * ITEM_COST)?;
        let id = self.peek()?;
        match self.values.get_mut(id.0 as usize) {
            Some(Value::Sequence(list)) => list.extend_from_slice(items),
            Some(Value::Opaque) => {}
            _ => return Err(broken("it appends to what is no list")),
        }
        Ok(())
    }

    /// Sets keys and values, which take turns in `items`.
    fn set(&mut self, items: &[ValueId]) -> Result<()> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(broken("a key has no value"));
        }
        self.budget.take(items.len() * ITEM_COST)?;
        let id = self.peek()?;
        match self.values.get_mut(id.0 as usize) {
            Some(Value::Dict(dict)) => dict.extend(pairs.iter().map(|[key, value]| (*key, *value))),
            Some(Value::Opaque) => {}
            _ => return Err(broken("it sets an item of what is no dict")),
        }
        Ok(())
    }

    fn tuple(&mut self, len: usize) -> Result<()> {
        let start = self
            .stack
            .len()
            .checked_sub(len)
            .filter(|start| *start >= self.floor())
            .ok_or_else(exhausted)?;
        self.budget.take(len * ITEM_COST)?;
        let items = self.stack.split_off(start);
        self.push(Value::Sequence(items))
    }

    /// A whole number of up to 255 bytes, of which no size or offset needs more than eight.
    fn long(&mut self) -> Result<()> {
        let len = self.input.byte()?;
        let bytes = self.input.take(len.into())?;
        if bytes.len() > 8 {
            return self.push(Value::Opaque);
        }
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut number = [if negative { 0xff } else { 0 }; 8];
        number[..bytes.len()].copy_from_slice(bytes);
        self.push(Value::Int(i64::from_le_bytes(number)))
    }

    fn string(&mut self, len: u64) -> Result<()> {
        let text = self.input.skip(len)?;
        self.push(Value::Text(text))
    }

    fn opaque_bytes(&mut self, len: u64) -> Result<()> {
        self.input.skip(len)?;
        self.push(Value::Opaque)
    }

    fn recall(&mut self, index: u32) -> Result<()> {
        match self.memo.get(&index) {
            Some(id) => self.push_id(*id),
            None => Err(broken(format!(
                "it recalls value {index}, which it never kept"
            ))),
        }
    }

    fn remember(&mut self, index: u32) -> Result<()> {
        self.budget.take(MEMO_COST)?;
        let top = self.peek()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0 as usize]
    }

    fn name(&self, id: ValueId) -> Result<&'p str> {
        match self.value(id) {
            Value::Text(range) => self.input.text(range),
            _ => Err(not_text()),
        }
    }

    fn push(&mut self, value: Value) -> Result<()> {
        self.budget.take(VALUE_COST)?;
        let id = u32::try_from(self.values.len()).map_err(|_| broken("it builds too much"))?;
        self.values.push(value);
        self.stack.push(ValueId(id));
        Ok(())
    }

    fn push_id(&mut self, id: ValueId) -> Result<()> {
        self.budget.take(ITEM_COST)?;
        self.stack.push(id);
        Ok(())
    }

    /// Values below the last mark belong to the container around it.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn peek(&self) -> Result<ValueId> {
        self.stack[self.floor()..]
            .last()
            .copied()
            .ok_or_else(exhausted)
    }

    fn pop(&mut self) -> Result<ValueId> {
        let top = self.peek()?;
        self.stack.pop();
        Ok(top)
    }

    /// Everything above the last mark.
    fn pop_mark(&mut self) -> Result<Vec<ValueId>> {
        let mark = self.marks.pop().ok_or_else(exhausted)?;
        let items = self.stack.split_off(mark);
        self.budget.take(items.len() * ITEM_COST)?;
        Ok(items)
    }
}

fn exhausted() -> PickleError {
    broken("its pickle uses values that are not there")
}
