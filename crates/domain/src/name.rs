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
    use super::*;

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
