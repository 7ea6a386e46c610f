//! What an operator keeps with a tenant: a JSON object, value for value as it came.

use std::fmt;

use thiserror::Error;

use crate::json::{JsonFault, Kind, Value};

/// A JSON object's text, compact, checked by [`crate::json`].
#[derive(Clone, PartialEq, Eq)]
pub struct TenantData(String);

/// A merge patch of a tenant's data (RFC 7396): a JSON object's text, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct DataPatch(String);

/// What is wrong with a tenant's data.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DataFault {
    /// Some other JSON value.
    #[error("must be an object")]
    NotAnObject,
    /// More than [`TenantData::MAX_LENGTH`] bytes.
    #[error("must be at most 262144 bytes long")]
    TooLong,
    /// No JSON text that can be kept.
    #[error(transparent)]
    Json(#[from] JsonFault),
}

impl TenantData {
    /// The longest data, in bytes of its compact text: 256 KiB.
    pub const MAX_LENGTH: usize = 256 * 1024;

    /// Takes a value of a text that was checked.
    pub fn from_json(value: Value<'_>) -> Result<Self, DataFault> {
        if value.kind() != Kind::Object {
            return Err(DataFault::NotAnObject);
        }
        let text = value.to_compact();
        if text.len() > Self::MAX_LENGTH {
            return Err(DataFault::TooLong);
        }
        Ok(Self(text))
    }

    /// Checks a text and takes it.
    pub fn parse(text: &str) -> Result<Self, DataFault> {
        Self::from_json(Value::parse(text.as_bytes())?)
    }

    /// What it is after a merge patch (RFC 7396): what the patch does not name keeps its
    /// digits and its place.
    pub fn patched(&self, patch: &DataPatch) -> Result<Self, DataFault> {
        let stored = Value::parse(self.0.as_bytes())?;
        let patch = Value::parse(patch.0.as_bytes())?;
        Self::parse(&stored.merge_patched(patch))
    }

    /// Takes back a text that [`as_str`](Self::as_str) gave, without checking it again.
    ///
    /// For stores; a text from anywhere else goes through [`parse`](Self::parse).
    pub fn from_store(text: String) -> Self {
        Self(text)
    }

    /// The compact text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DataPatch {
    /// Takes a value of a text that was checked. Any other value than an object would
    /// put itself in the place of the data, which is always one.
    pub fn from_json(value: Value<'_>) -> Result<Self, DataFault> {
        if value.kind() != Kind::Object {
            return Err(DataFault::NotAnObject);
        }
        Ok(Self(value.to_compact()))
    }
}

impl fmt::Debug for DataPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataPatch({} bytes)", self.0.len())
    }
}

impl Default for TenantData {
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

impl fmt::Debug for TenantData {
    /// An operator may keep anything in there, so it stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantData({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_digits() {
        let text = r#"{"z": 1.0, "a": 12345678901234567890123, "e": 1e400, "o": {} }"#;
        assert_eq!(
            TenantData::parse(text).unwrap().as_str(),
            r#"{"z":1.0,"a":12345678901234567890123,"e":1e400,"o":{}}"#
        );
        assert_eq!(TenantData::default(), TenantData::parse(" { } ").unwrap());
    }

    #[test]
    fn is_an_object_of_bounded_size() {
        for other in ["[]", "1", "null", "\"{}\""] {
            assert_eq!(
                TenantData::parse(other),
                Err(DataFault::NotAnObject),
                "{other}"
            );
        }
        let sized = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
        assert!(TenantData::parse(&sized(TenantData::MAX_LENGTH)).is_ok());
        assert_eq!(
            TenantData::parse(&sized(TenantData::MAX_LENGTH + 1)),
            Err(DataFault::TooLong)
        );
    }

    fn patch(text: &str) -> Result<DataPatch, DataFault> {
        DataPatch::from_json(Value::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn a_patch_changes_what_it_names() {
        let data = TenantData::parse(r#"{"z":1.0,"a":12345678901234567890123,"o":{"x":1}}"#);
        let patch = patch(r#"{"o":{"y":2},"z":null}"#).unwrap();
        assert_eq!(
            data.unwrap().patched(&patch).unwrap().as_str(),
            r#"{"a":12345678901234567890123,"o":{"x":1,"y":2}}"#
        );
    }

    #[test]
    fn a_patch_is_an_object_and_the_result_is_bounded() {
        for other in ["[]", "1", "null", "\"{}\""] {
            assert_eq!(patch(other), Err(DataFault::NotAnObject), "{other}");
        }
        let sized =
            |name: &str, length: usize| format!("{{\"{name}\":\"{}\"}}", "x".repeat(length));
        let half = TenantData::parse(&sized("a", TenantData::MAX_LENGTH / 2)).unwrap();
        let rest = TenantData::MAX_LENGTH - half.as_str().len();
        // A comma, and the braces of the patch are those of the data.
        let fits = patch(&sized("b", rest - 7)).unwrap();
        assert_eq!(
            half.patched(&fits).unwrap().as_str().len(),
            TenantData::MAX_LENGTH
        );
        let too_long = patch(&sized("b", rest - 6)).unwrap();
        assert_eq!(half.patched(&too_long), Err(DataFault::TooLong));
    }

    #[test]
    fn debug_output_holds_none_of_it() {
        let data = TenantData::parse(r#"{"card":"4111"}"#).unwrap();
        assert_eq!(format!("{data:?}"), "TenantData(15 bytes)");
    }
}
