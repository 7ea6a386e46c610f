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
    pub(crate) fn refuse(&mut self, name: &str, kind: impl Into<FaultKind>) {
        let kind = kind.into();
        // A password may stand before an @, whatever else is wrong with the URL.
        let is_showable = |value: &Value<'_>| match kind {
            FaultKind::WebhookUrl(_) => value.as_str().is_some_and(|url| !url.contains('@')),
            _ => true,
        };
        let value = self.object.get(name).filter(is_showable);
        self.faults.push(Fault {
            member: name.to_owned(),
            value: value.and_then(shown),
            kind,
        });
    }

    /// How many faults were noted.
    pub(crate) fn faults(&self) -> usize {
        self.faults.len()
    }

    /// Whether a fault was noted.
    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Notes every member that is not known. Its value is not shown: it may be a secret
    /// in the wrong place.
    pub(crate) fn refuse_unknown(&mut self, known: &[&str]) {
        let unknown = self.object.iter().filter(|(name, _)| !known.contains(name));
        let unknown = unknown.map(|(name, _)| Fault::new(name, FaultKind::Unknown));
        self.faults.extend(unknown);
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

    /// Like [`optional`](Self::optional), but it says of null that it may be left out.
    pub(crate) fn not_null<T>(
        &mut self,
        name: &str,
        read: impl Fn(Value<'_>) -> Result<T, FaultKind>,
    ) -> Option<T> {
        if self.kind(name) == Some(Kind::Null) {
            self.refuse(name, FaultKind::Null);
            return None;
        }
        self.optional(name, read)
    }

    /// Whether a member is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.kind(name).is_some()
    }

    /// A member that must be an object, whose own members are read by `read`; their
    /// faults are noted under both names, `region.name`.
    pub(crate) fn required_object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Members<'a>) -> T,
    ) -> Option<T> {
        match self.object.get(name) {
            None => self.refuse(name, FaultKind::Required),
            Some(value) if value.kind() == Kind::Null => self.refuse(name, FaultKind::Required),
            Some(value) => {
                if let Some(object) = value.as_object() {
                    let faults = Vec::new();
                    let mut inner = Members { object, faults };
                    let result = read(&mut inner);
                    self.faults
                        .extend(inner.faults.into_iter().map(|fault| Fault {
                            member: format!("{name}.{}", fault.member),
                            ..fault
                        }));
                    return Some(result);
                }
                self.refuse(name, FaultKind::NotAnObject);
            }
        }
        None
    }

    /// The elements of a member that is an array, read by `read`; the fault of one is noted
    /// under the member's name and the element's place, `name[0]`.
    pub(crate) fn each<T>(
        &mut self,
        name: &str,
        read: impl Fn(Value<'_>) -> Result<T, FaultKind>,
    ) -> Vec<T> {
        let elements = self.object.get(name).and_then(Value::as_array);
        let mut good = Vec::new();
        for (place, element) in elements.unwrap_or_default().into_iter().enumerate() {
            match read(element) {
                Ok(value) => good.push(value),
                Err(kind) => self.faults.push(Fault {
                    member: format!("{name}[{place}]"),
                    value: shown(element),
                    kind,
                }),
            }
        }
        good
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

/// A value as it is shown back, if it is not too long for that.
fn shown(value: Value<'_>) -> Option<String> {
    let text = value.text();
    (text.len() <= MAX_SHOWN).then(|| text.to_owned())
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
