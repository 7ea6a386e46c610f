//! JSON texts (RFC 8259), checked strictly and kept as they came.
//!
//! A tenant's `data` has to come back value for value: numbers keep their digits,
//! members their order. A tree of values can't do that (a float forgets digits, a
//! map forgets order), so what is kept is the text. This module checks a text once,
//! against more than the grammar: no duplicate names, no NUL and no lone surrogate
//! in a string, and not deeper than [`MAX_DEPTH`]. All databases can then keep it.

mod merge;

use std::{borrow::Cow, collections::HashSet, fmt};

use thiserror::Error;

/// How many levels of arrays and objects a text may have; the outermost is the first.
pub const MAX_DEPTH: usize = 64;

/// What is wrong with a JSON text, and where.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{kind} at line {line}, column {column}")]
pub struct JsonFault {
    /// What is wrong.
    pub kind: JsonFaultKind,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
}

/// What can be wrong with a JSON text.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JsonFaultKind {
    /// The bytes are not UTF-8.
    #[error("invalid UTF-8")]
    Utf8,
    /// The text ends too early.
    #[error("unexpected end of the JSON text")]
    End,
    /// A character that can't stand there.
    #[error("unexpected character")]
    Character,
    /// Something follows the value.
    #[error("unexpected text after the JSON value")]
    Trailing,
    /// A number that does not follow RFC 8259 §6.
    #[error("malformed number")]
    Number,
    /// A control character or a bad escape in a string.
    #[error("malformed string")]
    String,
    /// An escaped surrogate without its other half.
    #[error("lone surrogate in a string")]
    LoneSurrogate,
    /// U+0000 in a string.
    #[error("NUL character in a string")]
    Nul,
    /// One name twice in one object.
    #[error("duplicate name `{0}` in an object")]
    Duplicate(String),
    /// More than [`MAX_DEPTH`] levels.
    #[error("more than 64 levels of nesting")]
    Depth,
}

/// The kinds of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        })
    }
}

/// One value inside a text that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a>(&'a str);

impl<'a> Value<'a> {
    /// Checks a whole text.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, JsonFault> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| fault_at(bytes, error.valid_up_to(), JsonFaultKind::Utf8))?;
        let mut scanner = Scanner {
            text: text.as_bytes(),
            place: 0,
        };
        let value = scanner
            .document()
            .map_err(|kind| fault_at(bytes, scanner.place, kind))?;
        Ok(Self(&text[value]))
    }

    /// The value as it stood in the text.
    pub fn text(self) -> &'a str {
        self.0
    }

    /// Which kind of value it is.
    pub fn kind(self) -> Kind {
        match self.0.as_bytes()[0] {
            b'n' => Kind::Null,
            b't' | b'f' => Kind::Bool,
            b'"' => Kind::String,
            b'[' => Kind::Array,
            b'{' => Kind::Object,
            _ => Kind::Number,
        }
    }

    /// A string's characters.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        (self.kind() == Kind::String).then(|| decode(self.0))
    }

    /// A number that is written as an integer and fits into 64 bits.
    pub fn as_integer(self) -> Option<i64> {
        if self.kind() == Kind::Number {
            self.0.parse().ok()
        } else {
            None
        }
    }

    /// A boolean.
    pub fn as_bool(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// An object's members, in their order.
    pub fn as_object(self) -> Option<Object<'a>> {
        (self.kind() == Kind::Object).then(|| Object {
            members: self.members(),
        })
    }

    /// An array's elements, in their order.
    pub fn as_array(self) -> Option<Vec<Value<'a>>> {
        if self.kind() != Kind::Array {
            return None;
        }
        let mut scanner = Scanner {
            text: self.0.as_bytes(),
            place: 1,
        };
        let mut elements = Vec::new();
        while !scanner.at_closing(b']') {
            elements.push(self.next_value(&mut scanner)?);
        }
        Some(elements)
    }

    /// The value without white space between its tokens.
    pub fn to_compact(self) -> String {
        let mut out = String::with_capacity(self.0.len());
        let mut rest = self.0;
        while let Some(start) = rest.find(['"', ' ', '\t', '\n', '\r']) {
            out.push_str(&rest[..start]);
            rest = &rest[start..];
            let taken = if rest.starts_with('"') {
                let end = string_end(rest);
                out.push_str(&rest[..end]);
                end
            } else {
                1
            };
            rest = &rest[taken..];
        }
        out.push_str(rest);
        out
    }

    fn members(self) -> Vec<(Cow<'a, str>, Value<'a>)> {
        let named = self.named_members().into_iter();
        named.map(|(name, value)| (decode(name.0), value)).collect()
    }

    /// An object's members, their names as they are spelled.
    fn named_members(self) -> Vec<(Value<'a>, Value<'a>)> {
        let mut scanner = Scanner {
            text: self.0.as_bytes(),
            place: 1,
        };
        let mut members = Vec::new();
        while !scanner.at_closing(b'}') {
            let Some(name) = self.next_value(&mut scanner) else {
                break;
            };
            let Some(value) = self.next_value(&mut scanner) else {
                break;
            };
            members.push((name, value));
        }
        members
    }

    /// The next value of this container, whose text was checked before.
    fn next_value(self, scanner: &mut Scanner<'_>) -> Option<Value<'a>> {
        scanner.separators();
        let start = scanner.place;
        scanner.skip_checked();
        self.0
            .get(start..scanner.place)
            .filter(|text| !text.is_empty())
            .map(Value)
    }
}

/// An object's members, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> Object<'a> {
    /// The value of one member.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.members
            .iter()
            .find(|(member, _)| member == name)
            .map(|&(_, value)| value)
    }

    /// The members, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Value<'a>)> {
        self.members
            .iter()
            .map(|(name, value)| (name.as_ref(), *value))
    }
}

fn fault_at(text: &[u8], place: usize, kind: JsonFaultKind) -> JsonFault {
    let before = &text[..place.min(text.len())];
    let line_start = before
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |place| place + 1);
    let line = before.split(|&byte| byte == b'\n').count();
    JsonFault {
        kind,
        line,
        column: before.len() - line_start + 1,
    }
}

/// Where the string ends with which a checked text begins.
fn string_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut place = 1;
    while place < bytes.len() && bytes[place] != b'"' {
        place += if bytes[place] == b'\\' { 2 } else { 1 };
    }
    place + 1
}

/// The characters of a checked string.
fn decode(quoted: &str) -> Cow<'_, str> {
    let inner = &quoted[1..quoted.len() - 1];
    if inner.contains('\\') {
        // The scanner let through nothing that this parser would refuse.
        Cow::Owned(serde_json::from_str(quoted).unwrap_or_default())
    } else {
        Cow::Borrowed(inner)
    }
}

/// Walks over a text once, from left to right.
struct Scanner<'a> {
    text: &'a [u8],
    place: usize,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<std::ops::Range<usize>, JsonFaultKind> {
        self.white_space();
        let start = self.place;
        self.value(0)?;
        let end = self.place;
        self.white_space();
        if self.place < self.text.len() {
            Err(JsonFaultKind::Trailing)
        } else {
            Ok(start..end)
        }
    }

    fn peek(&self) -> Result<u8, JsonFaultKind> {
        self.text.get(self.place).copied().ok_or(JsonFaultKind::End)
    }

    fn white_space(&mut self) {
        while matches!(
            self.text.get(self.place),
            Some(b' ' | b'\t' | b'\n' | b'\r')
        ) {
            self.place += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonFaultKind> {
        if self.peek()? != byte {
            return Err(JsonFaultKind::Character);
        }
        self.place += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<(), JsonFaultKind> {
        match self.peek()? {
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => Err(JsonFaultKind::Character),
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), JsonFaultKind> {
        word.iter().try_for_each(|&byte| self.expect(byte))
    }

    fn object(&mut self, depth: usize) -> Result<(), JsonFaultKind> {
        if depth > MAX_DEPTH {
            return Err(JsonFaultKind::Depth);
        }
        let mut names = HashSet::new();
        self.place += 1;
        self.white_space();
        if self.peek()? == b'}' {
            self.place += 1;
            return Ok(());
        }
        loop {
            let start = self.place;
            if self.peek()? != b'"' {
                return Err(JsonFaultKind::Character);
            }
            self.string()?;
            // The whole text is UTF-8, and a string begins and ends at a quote.
            let quoted = std::str::from_utf8(&self.text[start..self.place])
                .map_err(|_| JsonFaultKind::Utf8)?;
            let name = decode(quoted);
            if names.contains(&name) {
                // A message shows enough of a name to find it, however long it is.
                let name = name.chars().take(64).collect();
                self.place = start;
                return Err(JsonFaultKind::Duplicate(name));
            }
            names.insert(name);
            self.white_space();
            self.expect(b':')?;
            self.white_space();
            self.value(depth)?;
            self.white_space();
            match self.peek()? {
                b',' => self.place += 1,
                b'}' => break,
                _ => return Err(JsonFaultKind::Character),
            }
            self.white_space();
        }
        self.place += 1;
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), JsonFaultKind> {
        if depth > MAX_DEPTH {
            return Err(JsonFaultKind::Depth);
        }
        self.place += 1;
        self.white_space();
        if self.peek()? == b']' {
            self.place += 1;
            return Ok(());
        }
        loop {
            self.value(depth)?;
            self.white_space();
            match self.peek()? {
                b',' => self.place += 1,
                b']' => break,
                _ => return Err(JsonFaultKind::Character),
            }
            self.white_space();
        }
        self.place += 1;
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonFaultKind> {
        let start = self.place;
        while matches!(self.text.get(self.place), Some(b'0'..=b'9')) {
            self.place += 1;
        }
        if self.place == start {
            Err(JsonFaultKind::Number)
        } else {
            Ok(())
        }
    }

    fn number(&mut self) -> Result<(), JsonFaultKind> {
        if self.peek()? == b'-' {
            self.place += 1;
        }
        if self.text.get(self.place) == Some(&b'0') {
            self.place += 1;
            if matches!(self.text.get(self.place), Some(b'0'..=b'9')) {
                return Err(JsonFaultKind::Number);
            }
        } else {
            self.digits()?;
        }
        if self.text.get(self.place) == Some(&b'.') {
            self.place += 1;
            self.digits()?;
        }
        if matches!(self.text.get(self.place), Some(b'e' | b'E')) {
            self.place += 1;
            if matches!(self.text.get(self.place), Some(b'+' | b'-')) {
                self.place += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonFaultKind> {
        self.place += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.escape()?,
                0..=0x1f => return Err(JsonFaultKind::String),
                _ => self.place += 1,
            }
        }
        self.place += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), JsonFaultKind> {
        self.place += 1;
        match self.peek()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.place += 1;
                Ok(())
            }
            b'u' => match self.code_unit()? {
                0 => Err(JsonFaultKind::Nul),
                0xD800..=0xDBFF => {
                    let followed = self.text[self.place..].starts_with(b"\\u");
                    if !followed {
                        return Err(JsonFaultKind::LoneSurrogate);
                    }
                    self.place += 1;
                    match self.code_unit()? {
                        0xDC00..=0xDFFF => Ok(()),
                        _ => Err(JsonFaultKind::LoneSurrogate),
                    }
                }
                0xDC00..=0xDFFF => Err(JsonFaultKind::LoneSurrogate),
                _ => Ok(()),
            },
            _ => Err(JsonFaultKind::String),
        }
    }

    /// Four hexadecimal digits behind a `u`.
    fn code_unit(&mut self) -> Result<u32, JsonFaultKind> {
        self.place += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = char::from(self.peek()?)
                .to_digit(16)
                .ok_or(JsonFaultKind::String)?;
            unit = unit * 16 + digit;
            self.place += 1;
        }
        Ok(unit)
    }

    /// In a checked container: steps over white space, commas and colons.
    fn separators(&mut self) {
        while matches!(
            self.text.get(self.place),
            Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b':')
        ) {
            self.place += 1;
        }
    }

    fn at_closing(&mut self, bracket: u8) -> bool {
        self.separators();
        self.text
            .get(self.place)
            .is_none_or(|&byte| byte == bracket)
    }

    /// In a checked text: steps over one value without looking into it.
    fn skip_checked(&mut self) {
        let mut depth = 0_usize;
        while let Some(&byte) = self.text.get(self.place) {
            match byte {
                b'"' => {
                    self.place += 1;
                    while self.text.get(self.place).is_some_and(|&byte| byte != b'"') {
                        self.place += if self.text[self.place] == b'\\' { 2 } else { 1 };
                    }
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ if depth == 0 => {
                    let is_end = |byte: &u8| {
                        matches!(
                            byte,
                            b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' | b'}' | b']'
                        )
                    };
                    let rest = &self.text[self.place..];
                    self.place += rest.iter().position(is_end).unwrap_or(rest.len());
                    return;
                }
                _ => {}
            }
            self.place += 1;
            if depth == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
