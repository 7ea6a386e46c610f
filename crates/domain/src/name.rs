//! Names that people give to things.

use std::fmt;

use thiserror::Error;

use crate::subdomain::Label;

/// A tenant's, environment's or client's name: 1 to 255 characters after trimming.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(String);

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NameFault {
    /// Nothing is left after trimming.
    #[error("must not be empty")]
    Empty,
    /// More than [`Name::MAX_LENGTH`] characters.
    #[error("must be at most 255 characters long")]
    TooLong,
    /// It holds U+0000, which not every database can keep.
    #[error("must not contain a NUL character")]
    Nul,
}

impl Name {
    /// The longest name, in Unicode scalar values.
    pub const MAX_LENGTH: usize = 255;

    /// Trims white space at both ends and checks the rest.
    pub fn parse(text: &str) -> Result<Self, NameFault> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(NameFault::Empty);
        }
        if trimmed.chars().count() > Self::MAX_LENGTH {
            return Err(NameFault::TooLong);
        }
        if trimmed.contains('\0') {
            return Err(NameFault::Nul);
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as searches compare it.
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

/// Makes texts the same that differ in upper and lower case only, in any script.
///
/// It goes character by character, so that what begins alike still does when it is folded:
/// to upper case first, which brings together what has several lower cases (σ and ς), and
/// from there to lower case. Composed and decomposed characters stay apart.
pub fn fold(text: &str) -> String {
    let upper = text.chars().flat_map(char::to_uppercase);
    upper.flat_map(char::to_lowercase).collect()
}

/// The beginning of names that are searched for, in any letter case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamePrefix(String);

impl NamePrefix {
    /// Takes a text; an empty one is the beginning of every name.
    pub fn parse(text: &str) -> Result<Self, NameFault> {
        if text.chars().count() > Name::MAX_LENGTH {
            return Err(NameFault::TooLong);
        }
        if text.contains('\0') {
            return Err(NameFault::Nul);
        }
        Ok(Self(fold(text)))
    }

    /// The first folded text that has this beginning.
    pub fn start(&self) -> &str {
        &self.0
    }

    /// The first folded text behind all that have this beginning; `None` where there is
    /// none. Texts are ordered by their code points, which is also the order of their
    /// bytes.
    pub fn end(&self) -> Option<String> {
        let mut end = self.0.clone();
        while let Some(last) = end.pop() {
            // The range leaves out what is no character.
            if let Some(next) = (last..=char::MAX).nth(1) {
                end.push(next);
                return Some(end);
            }
        }
        None
    }
}

impl From<&Label> for Name {
    /// Every label is a name: at most 63 characters, none of them white space.
    fn from(label: &Label) -> Self {
        Self(label.as_str().to_owned())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folding_knows_every_script() {
        for (one, other) in [
            ("My Tenant", "mY tENANT"),
            ("ÅRHUS ÉCOLE", "århus école"),
            ("ΟΔΟΣ", "οδος"),
            ("ОРЕЛ", "орел"),
            ("STRASSE", "straße"),
            ("ǅ", "ǆ"),
        ] {
            assert_eq!(fold(one), fold(other));
        }
        assert_ne!(fold("a"), fold("á"));
        assert_ne!(fold("東京"), fold("京都"));
    }

    #[test]
    fn a_prefix_is_bounded() {
        assert_eq!(NamePrefix::parse("Ab").unwrap().start(), "ab");
        assert_eq!(NamePrefix::parse("Ab").unwrap().end().unwrap(), "ac");
        assert_eq!(
            NamePrefix::parse("\u{d7ff}").unwrap().end().unwrap(),
            "\u{e000}"
        );
        assert_eq!(
            NamePrefix::parse("a\u{10ffff}").unwrap().end().unwrap(),
            "b"
        );
        assert_eq!(NamePrefix::parse("\u{10ffff}").unwrap().end(), None);
        assert_eq!(NamePrefix::parse("").unwrap().end(), None);
        assert!(NamePrefix::parse(&"x".repeat(255)).is_ok());
        assert_eq!(NamePrefix::parse(&"x".repeat(256)), Err(NameFault::TooLong));
        assert_eq!(NamePrefix::parse("a\0"), Err(NameFault::Nul));
    }

    proptest! {
        #[test]
        fn what_begins_alike_lies_between_the_bounds(
            prefix in "[a-cA-CßΣσ\u{d7ff}\u{e000}\u{10ffff}]{0,3}",
            name in "[a-cA-CßΣσ\u{d7ff}\u{e000}\u{10ffff}]{0,6}",
        ) {
            let bounds = NamePrefix::parse(&prefix).unwrap();
            let name = fold(&name);
            let within = name.as_str() >= bounds.start()
                && bounds.end().is_none_or(|end| name < end);
            prop_assert_eq!(within, name.starts_with(&fold(&prefix)));
        }
    }

    #[test]
    fn counts_characters_after_trimming() {
        assert_eq!(Name::parse("  My Tenant\n").unwrap().as_str(), "My Tenant");
        assert_eq!(
            Name::parse(&"é".repeat(255))
                .unwrap()
                .as_str()
                .chars()
                .count(),
            255
        );
        assert_eq!(
            Name::parse(&format!(" {} ", "é".repeat(255))).map(|_| ()),
            Ok(())
        );
        assert_eq!(Name::parse(&"é".repeat(256)), Err(NameFault::TooLong));
        assert_eq!(Name::parse(" \t "), Err(NameFault::Empty));
        assert_eq!(Name::parse("a\0b"), Err(NameFault::Nul));
    }
}
