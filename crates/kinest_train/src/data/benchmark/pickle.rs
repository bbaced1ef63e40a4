//! Values in a Python pickle, of any protocol.
//!
//! The pickle is parsed, never executed: a class or a function is only a name here, and calling it
//! only an object that remembers what it was called with. Numbers are then read out of NumPy
//! arrays, whose form in pickles is known.

use anyhow::{Context, bail, ensure};
use std::borrow::Cow;
use std::collections::HashMap;

#[cfg(test)]
#[path = "../../../tests/pickles/mod.rs"]
pub(super) mod made;

/// Place of a node in [`Pickle::nodes`].
type Id = usize;

/// A parsed pickle.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    /// Values refer to each other, and lists and dictionaries grow after they have been referred
    /// to.
    nodes: Vec<Node<'a>>,
    root: Id,
}

/// Class or function, arguments and state of an object.
type Object<'a> = (&'a str, &'a [Id], Option<&'a [Id]>);

#[derive(Clone, Debug)]
enum Node<'a> {
    Nothing,
    Bool(bool),
    Int(i64),
    Float(f64),
    Bytes(Cow<'a, [u8]>),
    Text(String),
    /// A list, tuple or set.
    List(Vec<Id>),
    Dictionary(Vec<(Id, Id)>),
    /// A class or function, module and name.
    Global(String),
    /// What a class or function would have made of arguments and a state.
    Object {
        of: Id,
        arguments: Id,
        state: Option<Id>,
    },
}

/// A value of a pickle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pickle: &'a Pickle<'a>,
    id: Id,
}

/// Parses a pickle.
///
/// # Errors
/// If it is cut short, or not a pickle.
pub(super) fn parse(bytes: &[u8]) -> anyhow::Result<Pickle<'_>> {
    let mut machine =
        Machine { bytes, at: 0, nodes: vec![], stack: vec![], marks: vec![], memo: HashMap::new() };
    loop {
        let start = machine.at;
        let step = machine.step().with_context(|| format!("not a pickle: byte {start}"))?;
        if let Some(root) = step {
            return Ok(Pickle { nodes: machine.nodes, root });
        }
    }
}

/// The stack machine that a pickle is a program for.
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl<'a> Machine<'a> {
    fn take(&mut self, count: usize) -> anyhow::Result<&'a [u8]> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.with_context(|| format!("it ends after {} bytes", self.bytes.len()))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// A little-endian number of up to 8 bytes without a sign.
    fn count(&mut self, bytes: usize) -> anyhow::Result<u64> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Bytes after their number.
    fn counted(&mut self, bytes: usize) -> anyhow::Result<&'a [u8]> {
        let count = self.count(bytes)?;
        self.take(usize::try_from(count)?)
    }

    /// The rest of a line.
    fn raw_line(&mut self) -> anyhow::Result<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n');
        let length = length.context("it ends inside of a line")?;
        self.at += length + 1;
        Ok(&rest[..length])
    }

    fn line(&mut self) -> anyhow::Result<&'a str> {
        Ok(std::str::from_utf8(self.raw_line()?)?.trim_end_matches('\r'))
    }

    fn push(&mut self, node: Node<'a>) {
        self.stack.push(self.nodes.len());
        self.nodes.push(node);
    }

    fn pop(&mut self) -> anyhow::Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        ensure!(self.stack.len() > floor, "its stack is empty");
        self.stack.pop().context("its stack is empty")
    }

    fn top(&self) -> anyhow::Result<Id> {
        self.stack.last().copied().context("its stack is empty")
    }

    /// Everything above the last mark.
    fn marked(&mut self) -> anyhow::Result<Vec<Id>> {
        let mark = self.marks.pop().context("it has no mark")?;
        ensure!(mark <= self.stack.len(), "its stack is below the mark");
        Ok(self.stack.split_off(mark))
    }

    fn pops(&mut self, count: usize) -> anyhow::Result<Vec<Id>> {
        let mut popped = (0..count).map(|_| self.pop()).collect::<anyhow::Result<Vec<_>>>()?;
        popped.reverse();
        Ok(popped)
    }

    fn append(&mut self, items: Vec<Id>) -> anyhow::Result<()> {
        let list = self.top()?;
        match &mut self.nodes[list] {
            Node::List(list) => list.extend(items),
            // Lists of classes that were not called.
            Node::Object { .. } => {}
            _ => bail!("it appends to what is no list"),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Id]) -> anyhow::Result<()> {
        let (pairs, odd) = items.as_chunks::<2>();
        ensure!(odd.is_empty(), "it sets a key without a value");
        let dictionary = self.top()?;
        match &mut self.nodes[dictionary] {
            Node::Dictionary(entries) => {
                entries.extend(pairs.iter().map(|[key, value]| (*key, *value)));
            }
            Node::Object { .. } => {}
            _ => bail!("it sets keys of what is no dictionary"),
        }
        Ok(())
    }

    fn call(&mut self, of: Id, arguments: Id) {
        self.push(Node::Object { of, arguments, state: None });
    }

    fn remember(&mut self, number: u64) -> anyhow::Result<()> {
        let top = self.top()?;
        self.memo.insert(number, top);
        Ok(())
    }

    fn recall(&mut self, number: u64) -> anyhow::Result<()> {
        let id = self.memo.get(&number).copied();
        self.stack.push(id.with_context(|| format!("it has not remembered {number}"))?);
        Ok(())
    }

    /// Does one operation; the last one gives the value of the pickle.
    fn step(&mut self) -> anyhow::Result<Option<Id>> {
        let operation = self.take(1)?[0];
        match operation {
            // The protocol, frames, and a hint on buffers.
            0x80 => {
                self.take(1)?;
            }
            0x95 => {
                self.take(8)?;
            }
            0x98 => {}
            b'.' => return self.pop().map(Some),

            b'(' => self.marks.push(self.stack.len()),
            b'0' => {
                self.pop()?;
            }
            b'1' => {
                self.marked()?;
            }
            b'2' => self.stack.push(self.top()?),

            b'N' => self.push(Node::Nothing),
            0x88 => self.push(Node::Bool(true)),
            0x89 => self.push(Node::Bool(false)),
            b'I' => match self.line()? {
                "00" => self.push(Node::Bool(false)),
                "01" => self.push(Node::Bool(true)),
                number => {
                    let number = whole(number)?;
                    self.push(number);
                }
            },
            b'J' => {
                let number = self.count(4)? as u32 as i32;
                self.push(Node::Int(i64::from(number)));
            }
            b'K' => self.push_count(1)?,
            b'M' => self.push_count(2)?,
            b'L' => {
                let number = whole(self.line()?.trim_end_matches('L'))?;
                self.push(number);
            }
            0x8a => self.push_long(1)?,
            0x8b => self.push_long(4)?,
            b'F' => {
                let number = self.line()?.parse()?;
                self.push(Node::Float(number));
            }
            b'G' => {
                let bytes = self.take(8)?.first_chunk().context("it ends inside of a number")?;
                self.push(Node::Float(f64::from_be_bytes(*bytes)));
            }

            b'S' => {
                let bytes = unquoted(self.line()?)?;
                self.push(Node::Bytes(bytes.into()));
            }
            b'U' | b'C' => self.push_bytes(1)?,
            b'T' | b'B' => self.push_bytes(4)?,
            0x8e | 0x96 => self.push_bytes(8)?,
            b'V' => {
                let text = unescaped(self.raw_line()?)?;
                self.push(Node::Text(text));
            }
            0x8c => self.push_text(1)?,
            b'X' => self.push_text(4)?,
            0x8d => self.push_text(8)?,

            b']' | b')' | 0x8f => self.push(Node::List(vec![])),
            b'l' | b't' | 0x91 => {
                let items = self.marked()?;
                self.push(Node::List(items));
            }
            0x85..=0x87 => {
                let items = self.pops(usize::from(operation - 0x84))?;
                self.push(Node::List(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.marked()?;
                self.append(items)?;
            }
            b'}' => self.push(Node::Dictionary(vec![])),
            b'd' => {
                let items = self.marked()?;
                self.push(Node::Dictionary(vec![]));
                self.set(&items)?;
            }
            b's' => {
                let items = self.pops(2)?;
                self.set(&items)?;
            }
            b'u' => {
                let items = self.marked()?;
                self.set(&items)?;
            }

            b'g' => {
                let number = self.line()?.parse()?;
                self.recall(number)?;
            }
            b'h' => {
                let number = self.count(1)?;
                self.recall(number)?;
            }
            b'j' => {
                let number = self.count(4)?;
                self.recall(number)?;
            }
            b'p' => {
                let number = self.line()?.parse()?;
                self.remember(number)?;
            }
            b'q' => {
                let number = self.count(1)?;
                self.remember(number)?;
            }
            b'r' => {
                let number = self.count(4)?;
                self.remember(number)?;
            }
            0x94 => self.remember(self.memo.len() as u64)?,

            b'c' => {
                let name = format!("{} {}", self.line()?, self.line()?);
                self.push(Node::Global(name));
            }
            0x93 => {
                let names = self.pops(2)?;
                let name = |id: &Id| match &self.nodes[*id] {
                    Node::Text(name) => Ok(name.as_str()),
                    _ => bail!("it names a class by what is no text"),
                };
                let name = format!("{} {}", name(&names[0])?, name(&names[1])?);
                self.push(Node::Global(name));
            }
            b'R' | 0x81 => {
                let both = self.pops(2)?;
                self.call(both[0], both[1]);
            }
            0x92 => {
                let parts = self.pops(3)?;
                self.call(parts[0], parts[1]);
            }
            b'o' => {
                let mut items = self.marked()?.into_iter();
                let of = items.next().context("it makes an object of nothing")?;
                self.nodes.push(Node::List(items.collect()));
                self.call(of, self.nodes.len() - 1);
            }
            b'i' => {
                let name = format!("{} {}", self.line()?, self.line()?);
                let items = self.marked()?;
                self.nodes.extend([Node::Global(name), Node::List(items)]);
                self.call(self.nodes.len() - 2, self.nodes.len() - 1);
            }
            b'b' => {
                let state = self.pop()?;
                let object = self.top()?;
                if let Node::Object { state: old, .. } = &mut self.nodes[object] {
                    *old = Some(state);
                }
            }
            _ => bail!("operation 0x{operation:02x} is unknown"),
        }
        Ok(None)
    }

    fn push_count(&mut self, bytes: usize) -> anyhow::Result<()> {
        let number = self.count(bytes)?;
        self.push(Node::Int(i64::try_from(number)?));
        Ok(())
    }

    /// Numbers too large for `i64` are only kept as bytes.
    fn push_long(&mut self, bytes: usize) -> anyhow::Result<()> {
        let long = self.counted(bytes)?;
        let node = if long.len() <= 8 {
            let fill = if long.last().is_some_and(|high| *high >= 0x80) { 0xff } else { 0 };
            let mut whole = [fill; 8];
            whole[..long.len()].copy_from_slice(long);
            Node::Int(i64::from_le_bytes(whole))
        } else {
            Node::Bytes(long.into())
        };
        self.push(node);
        Ok(())
    }

    fn push_bytes(&mut self, bytes: usize) -> anyhow::Result<()> {
        let bytes = self.counted(bytes)?;
        self.push(Node::Bytes(bytes.into()));
        Ok(())
    }

    fn push_text(&mut self, bytes: usize) -> anyhow::Result<()> {
        let text = String::from_utf8_lossy(self.counted(bytes)?).into_owned();
        self.push(Node::Text(text));
        Ok(())
    }
}

/// A whole number; those too large for `i64` are only kept as text.
fn whole<'a>(text: &str) -> anyhow::Result<Node<'a>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let large = digits.len() > 18 && digits.bytes().all(|digit| digit.is_ascii_digit());
    Ok(if large { Node::Text(text.into()) } else { Node::Int(text.parse()?) })
}

/// The bytes of a string literal of Python 2.
fn unquoted(text: &str) -> anyhow::Result<Vec<u8>> {
    let quoted = ['\'', '"']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)));
    let text = quoted.context("a string has no quotes")?;
    let mut bytes = vec![];
    let mut characters = text.bytes();
    while let Some(byte) = characters.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match characters.next().context("a string ends in a backslash")? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let mut digit = || (characters.next()? as char).to_digit(16);
                let both = digit().zip(digit()).context("a string has a broken escape")?;
                (both.0 * 16 + both.1) as u8
            }
            other => other,
        });
    }
    Ok(bytes)
}

/// Text in Latin-1 with `\uXXXX` for other characters.
fn unescaped(line: &[u8]) -> anyhow::Result<String> {
    let mut text = String::new();
    let mut rest = line;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let escaped = (*first == b'\\').then(|| rest.strip_prefix(b"u")).flatten();
        let Some(after) = escaped else {
            text.push(char::from(*first));
            continue;
        };
        let (digits, after) = after.split_at_checked(4).context("a text has a broken escape")?;
        let code = u32::from_str_radix(std::str::from_utf8(digits)?, 16)?;
        text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = after;
    }
    Ok(text)
}

impl<'a> Pickle<'a> {
    /// The value of a key, if the pickle is a dictionary that has it.
    pub(super) fn entry(&'a self, key: &str) -> Option<Value<'a>> {
        let Node::Dictionary(entries) = &self.nodes[self.root] else { return None };
        // Later entries replace earlier ones.
        let found = entries.iter().rev().find(|(name, _)| match &self.nodes[*name] {
            Node::Bytes(name) => **name == *key.as_bytes(),
            Node::Text(name) => name == key,
            _ => false,
        });
        found.map(|(_, id)| Value { pickle: self, id: *id })
    }

    fn list(&self, id: Id) -> Option<&[Id]> {
        match &self.nodes[id] {
            Node::List(items) => Some(items),
            _ => None,
        }
    }

    fn number(&self, id: Id) -> Option<f64> {
        match self.nodes[id] {
            Node::Float(number) => Some(number),
            Node::Int(number) => Some(number as f64),
            _ => None,
        }
    }

    fn size(&self, id: Id) -> Option<usize> {
        match self.nodes[id] {
            Node::Int(number) => usize::try_from(number).ok(),
            _ => None,
        }
    }

    fn text(&self, id: Id) -> Option<Cow<'_, str>> {
        match &self.nodes[id] {
            Node::Text(text) => Some(text.into()),
            Node::Bytes(bytes) => Some(String::from_utf8_lossy(bytes)),
            _ => None,
        }
    }

    /// Class or function, arguments and state of an object.
    fn object(&self, id: Id) -> Option<Object<'_>> {
        let Node::Object { of, arguments, state } = &self.nodes[id] else { return None };
        let Node::Global(of) = &self.nodes[*of] else { return None };
        Some((of, self.list(*arguments)?, state.and_then(|state| self.list(state))))
    }

    /// Bytes, which Python 3 writes as Latin-1 text into old protocols.
    fn bytes(&self, id: Id) -> Option<Cow<'_, [u8]>> {
        if let Node::Bytes(bytes) = &self.nodes[id] {
            return Some(Cow::Borrowed(bytes));
        }
        let (of, arguments, _) = self.object(id)?;
        match (of, arguments) {
            ("_codecs encode", [text, ..]) => {
                let Node::Text(text) = &self.nodes[*text] else { return None };
                text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
            }
            ("__builtin__ bytes" | "builtins bytes", []) => Some(Cow::Borrowed(&[])),
            ("__builtin__ bytearray" | "builtins bytearray", [bytes, ..]) => self.bytes(*bytes),
            _ => None,
        }
    }
}

impl<'a> Value<'a> {
    /// The items of a list.
    pub(super) fn items(self) -> Option<Vec<Self>> {
        let items = self.pickle.list(self.id)?;
        Some(items.iter().map(|id| Self { id: *id, ..self }).collect())
    }

    /// Shape and numbers, row-major, of a NumPy array of floats or a list of lists.
    ///
    /// # Errors
    /// If it is neither.
    pub(super) fn numbers(self) -> anyhow::Result<(Vec<usize>, Vec<f64>)> {
        match self.pickle.object(self.id) {
            Some((of, _, Some([_, shape, kind, fortran, data])))
                if of.ends_with(" _reconstruct") =>
            {
                let fortran =
                    matches!(self.pickle.nodes[*fortran], Node::Bool(true) | Node::Int(1));
                self.array(*data, *kind, *shape, fortran)
            }
            Some((of, [data, kind, shape, order], _)) if of.ends_with(" _frombuffer") => {
                let fortran = self.pickle.text(*order).is_some_and(|order| order == "F");
                self.array(*data, *kind, *shape, fortran)
            }
            _ => self.rows().context("it is neither an array nor a list of rows of numbers"),
        }
    }

    fn rows(self) -> Option<(Vec<usize>, Vec<f64>)> {
        let rows = self.pickle.list(self.id)?;
        let row = |id: &Id| -> Option<Vec<f64>> {
            self.pickle.list(*id)?.iter().map(|cell| self.pickle.number(*cell)).collect()
        };
        let rows = rows.iter().map(row).collect::<Option<Vec<_>>>()?;
        let width = rows.first().map_or(0, Vec::len);
        let even = rows.iter().all(|row| row.len() == width);
        even.then(|| (vec![rows.len(), width], rows.concat()))
    }

    fn array(
        self,
        data: Id,
        kind: Id,
        shape: Id,
        fortran: bool,
    ) -> anyhow::Result<(Vec<usize>, Vec<f64>)> {
        let pickle = self.pickle;
        let shape = pickle.list(shape).and_then(|s| s.iter().map(|id| pickle.size(*id)).collect());
        let shape: Vec<usize> = shape.context("an array has no shape")?;
        let (size, big) = pickle.float(kind)?;
        let data = pickle.bytes(data).context("an array has no data")?;
        let count = shape.iter().try_fold(1_usize, |count, side| count.checked_mul(*side));
        ensure!(
            count.and_then(|count| count.checked_mul(size)) == Some(data.len()),
            "an array of shape {shape:?} has {} bytes",
            data.len()
        );
        let stored: Vec<f64> = data
            .chunks_exact(size)
            .map(|cell| {
                let mut cell = cell.to_vec();
                if big {
                    cell.reverse();
                }
                match cell.first_chunk::<8>() {
                    Some(cell) => f64::from_le_bytes(*cell),
                    None => cell.first_chunk().map_or(f64::NAN, |c| f32::from_le_bytes(*c).into()),
                }
            })
            .collect();
        if !fortran {
            return Ok((shape, stored));
        }
        // First index fastest; ours is the last.
        let place = |index: usize| {
            let (mut rest, mut place) = (index, 0);
            let mut strides = Vec::with_capacity(shape.len());
            let mut stride = 1;
            for side in &shape {
                strides.push(stride);
                stride *= side;
            }
            for (side, stride) in shape.iter().zip(strides).rev() {
                place += rest % side * stride;
                rest /= side;
            }
            place
        };
        let ordered = (0..stored.len()).map(|index| stored[place(index)]).collect();
        Ok((shape, ordered))
    }
}

impl Pickle<'_> {
    /// Bytes of a floating-point type, and whether they are big-endian.
    fn float(&self, kind: Id) -> anyhow::Result<(usize, bool)> {
        let found = self.object(kind).filter(|(of, ..)| *of == "numpy dtype");
        let (_, arguments, state) = found.context("an array has no type")?;
        let name = arguments.first().and_then(|name| self.text(*name)).unwrap_or_default();
        let order = state.and_then(|state| state.get(1)).and_then(|order| self.text(*order));
        let big = name.starts_with('>') || order.is_some_and(|order| order == ">");
        match name.trim_start_matches(['<', '>', '=']) {
            "f8" => Ok((8, big)),
            "f4" => Ok((4, big)),
            other => bail!("an array of `{other}`, expected f4 or f8"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_of_an_array_give_the_same_numbers() {
        let numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        for fortran in [false, true] {
            let file = made::file(&[
                ("other", made::text("x")),
                ("a", made::array(&[2, 3], &numbers, fortran)),
            ]);
            let pickle = parse(&file).unwrap();
            let (shape, found) = pickle.entry("a").unwrap().numbers().unwrap();
            assert_eq!((shape, found), (vec![2, 3], numbers.to_vec()));
            assert!(pickle.entry("b").is_none());
        }
    }

    /// `{'a': [[1.5, 2], [3, 4L]], 'b': 2 ** 80}` in protocol 0.
    #[test]
    fn the_text_protocol_is_read() {
        let file = b"(dp0\nS'a'\np1\n(lp2\n(lp3\nF1.5\naI2\naa(lp4\nI3\naL4L\naas\
            S'b'\nL1208925819614629174706176L\ns.";
        let pickle = parse(file).unwrap();
        let (shape, numbers) = pickle.entry("a").unwrap().numbers().unwrap();
        assert_eq!((shape, numbers), (vec![2, 2], vec![1.5, 2.0, 3.0, 4.0]));
    }

    #[test]
    fn strings_are_unescaped() {
        assert_eq!(unescaped(b"a\xe9\\u000a\\").unwrap(), "a\u{e9}\n\\");
        assert_eq!(unquoted(r"'a\x00\n\'\\'").unwrap(), b"a\0\n'\\");
        for broken in ["a", "'a", r"'\x0'", r"'\'"] {
            assert!(unquoted(broken).is_err(), "{broken}");
        }
    }

    /// Whatever the bytes, an error and no panic.
    #[test]
    fn damaged_pickles_are_errors() {
        let file = made::file(&[("a", made::array(&[2, 3], &[0.5; 6], false))]);
        for end in 0..file.len() {
            assert!(parse(&file[..end]).is_err(), "{end}");
        }
        for place in 0..file.len() {
            for byte in 0..=255 {
                let mut damaged = file.clone();
                damaged[place] = byte;
                if let Ok(pickle) = parse(&damaged) {
                    let _ = pickle.entry("a").map(Value::numbers);
                }
            }
        }
    }
}
