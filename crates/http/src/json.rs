//! JSON bodies: every fault of every member is found, and nothing is coerced.

use tenantry_domain::{
    error::{Fault, FaultKind},
    json::{Kind, Object, Value},
};

use crate::error::{ApiError, Code, Location};

/// The longest offending value that is shown back, in bytes.
const MAX_SHOWN: usize = 1024;

/// The members of a body that is a JSON object, and the faults that were found in them.
pub(crate) struct Members<'a> {
    object: Object<'a>,
    faults: Vec<Fault>,
}

impl<'a> Members<'a> {
    /// Checks a whole body and splits it into its members.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, ApiError> {
        let value = Value::parse(body).map_err(|fault| ApiError::malformed_json(&fault))?;
        let object = value.as_object().ok_or_else(|| {
            let message = format!("The body must be a JSON object, not {}.", value.kind());
            ApiError::new(Code::ValidationError, message)
        })?;
        Ok(Self {
            object,
            faults: Vec::new(),
        })
    }

    fn kind(&self, name: &str) -> Option<Kind> {
        self.object.get(name).map(Value::kind)
    }

    /// Notes a fault of a member.
    fn refuse(&mut self, name: &str, kind: impl Into<FaultKind>) {
        let value = self.object.get(name).map(Value::text);
        let value = value
            .filter(|text| text.len() <= MAX_SHOWN)
            .map(str::to_owned);
        self.faults.push(Fault {
            member: name.to_owned(),
            value,
            kind: kind.into(),
        });
    }

    /// A member's value if it is there, read by `read`; a fault is noted.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        read: impl Fn(Value<'_>) -> Result<T, FaultKind>,
    ) -> Option<T> {
        read(self.object.get(name)?)
            .map_err(|kind| self.refuse(name, kind))
            .ok()
    }

    /// A member's value, read by `read`; that it is missing or null is a fault too.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        read: impl Fn(Value<'_>) -> Result<T, FaultKind>,
    ) -> Option<T> {
        match self.kind(name) {
            None | Some(Kind::Null) => {
                self.refuse(name, FaultKind::Required);
                None
            }
            Some(_) => self.optional(name, read),
        }
    }

    /// Like [`optional`](Self::optional), but null counts as not there.
    pub(crate) fn nullable<T>(
        &mut self,
        name: &str,
        read: impl Fn(Value<'_>) -> Result<T, FaultKind>,
    ) -> Option<T> {
        match self.kind(name) {
            None | Some(Kind::Null) => None,
            Some(_) => self.optional(name, read),
        }
    }

    /// Like [`optional`](Self::optional), but null is missing where it must not be.
    pub(crate) fn not_null<T>(
        &mut self,
        name: &str,
        read: impl Fn(Value<'_>) -> Result<T, FaultKind>,
    ) -> Option<T> {
        self.kind(name).and_then(|_| self.required(name, read))
    }

    /// Tells all faults at once, if there are any.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.faults.is_empty() {
            return Ok(());
        }
        Err(ApiError::invalid(
            self.faults
                .into_iter()
                .map(|fault| (Location::Body, fault))
                .collect(),
        ))
    }
}

/// Reads a string and parses it.
pub(crate) fn string<T, E: Into<FaultKind>>(
    parse: impl Fn(&str) -> Result<T, E>,
) -> impl Fn(Value<'_>) -> Result<T, FaultKind> {
    move |value| {
        let text = value.as_str().ok_or(FaultKind::NotAString)?;
        parse(&text).map_err(Into::into)
    }
}
