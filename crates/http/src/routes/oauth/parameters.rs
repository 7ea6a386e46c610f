//! The parameters of a request to the authorization server, and the credentials of the
//! client that sends it (RFC 6749 §2.3, §3.2).

use secrecy::{ExposeSecret, SecretString};
use tenantry_auth::basic::{self, BasicCredentials};
use tenantry_domain::json::{Kind, Value};

use crate::{
    body,
    call::Call,
    error::{ApiError, Code},
};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// A request's parameters. One without a value counts as not sent (RFC 6749 §3.2).
pub(super) struct Parameters(Vec<(String, SecretString)>);

impl Parameters {
    /// Reads a body of either form.
    pub(super) async fn read(call: &mut Call) -> Result<Self, ApiError> {
        body::expect_media_type(&call.request, &[JSON, FORM])?;
        let is_form = body::media_type(&call.request).is_some_and(|one| one.essence == FORM);
        let body = call.bytes().await?;
        if is_form {
            Self::from_form(&body)
        } else {
            Self::from_json(&body)
        }
    }

    fn from_form(body: &[u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body).map_err(|_| invalid("The body is not UTF-8."))?;
        // The parser below would put a replacement character there.
        if percent_encoding::percent_decode(body)
            .decode_utf8()
            .is_err()
        {
            return Err(invalid("A parameter is not UTF-8."));
        }
        let mut pairs: Vec<(String, SecretString)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            // RFC 6749 §3.2; RFC 8707 §2 alone allows one parameter to stand twice.
            if name != RESOURCE && pairs.iter().any(|(known, _)| *known == name) {
                return Err(invalid("A parameter is repeated."));
            }
            pairs.push((name.into_owned(), value.into_owned().into()));
        }
        Ok(Self(pairs))
    }

    fn from_json(body: &[u8]) -> Result<Self, ApiError> {
        let value = Value::parse(body).map_err(|fault| ApiError::malformed_json(&fault))?;
        let object = value.as_object().ok_or_else(|| {
            invalid(&format!(
                "The body must be a JSON object, not {}.",
                value.kind()
            ))
        })?;
        let mut pairs = Vec::new();
        for (name, value) in object.iter() {
            let values = match value.as_array() {
                // What stands more than once in a form is an array in JSON.
                Some(values) if name == RESOURCE => values,
                _ => vec![value],
            };
            for value in values {
                match value.as_str() {
                    Some(text) => {
                        pairs.push((name.to_owned(), SecretString::from(text.into_owned())));
                    }
                    None if value.kind() == Kind::Null || !KNOWN.contains(&name) => {}
                    None => return Err(invalid(&format!("{name} must be a string."))),
                }
            }
        }
        Ok(Self(pairs))
    }

    /// A parameter that has a value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a parameter that may stand more than once.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        let values = named.map(|(_, value)| value.expose_secret());
        values.filter(|value| !value.is_empty())
    }

    /// A parameter that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name)
            .ok_or_else(|| invalid(&format!("The parameter {name} is missing.")))
    }
}

/// The parameters that mean something here, and so must be strings in a JSON body.
const KNOWN: [&str; 8] = [
    "client_id",
    "client_secret",
    "grant_type",
    "audience",
    "scope",
    "token",
    "token_type_hint",
    RESOURCE,
];

/// The one parameter that may stand more than once (RFC 8707 §2).
pub(super) const RESOURCE: &str = "resource";

/// What a client has presented to authenticate with.
pub(super) struct Presented {
    pub(super) client_id: String,
    pub(super) secret: SecretString,
    /// Whether it came by HTTP Basic, so that a refusal has to name the scheme.
    pub(super) by_basic: bool,
}

impl Presented {
    /// Takes the credentials from the header or from the body, never from both.
    pub(super) fn read(call: &Call, parameters: &Parameters) -> Result<Self, ApiError> {
        let id = parameters.get("client_id");
        let secret = parameters.get("client_secret");
        let refused = || refuse(true, "The Authorization header holds no Basic credentials.");
        let header = call.authorization().map_err(|_| refused())?;
        match (header, id, secret) {
            (Some(_), _, Some(_)) => Err(invalid(
                "The client authenticates by the Authorization header and in the body at once.",
            )),
            (Some(header), id, None) => {
                let credentials = basic::parse(header)
                    .and_then(|credentials| basic::form_decode(&credentials))
                    .map_err(|_| refused())?;
                if id.is_some_and(|id| id != credentials.username) {
                    return Err(invalid("client_id is not the one that authenticates."));
                }
                let BasicCredentials { username, password } = credentials;
                Ok(Self {
                    client_id: username,
                    secret: password,
                    by_basic: true,
                })
            }
            (None, Some(id), Some(secret)) => Ok(Self {
                client_id: id.to_owned(),
                secret: secret.into(),
                by_basic: false,
            }),
            (None, None, Some(_)) => Err(invalid("The parameter client_id is missing.")),
            (None, _, None) => Err(refuse(false, "The client has not authenticated.")),
        }
    }
}

/// 400 `invalid_request`.
pub(super) fn invalid(message: &str) -> ApiError {
    ApiError::new(Code::InvalidRequest, message)
}

/// 401 `invalid_client`; the scheme is named where Basic was used.
pub(super) fn refuse(by_basic: bool, message: &str) -> ApiError {
    let error = ApiError::new(Code::InvalidClient, message);
    if by_basic {
        error.challenge("Basic realm=\"tenantry\"")
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;

    fn form(pairs: &BTreeMap<String, String>) -> Vec<u8> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs).finish().into_bytes()
    }

    proptest! {
        #[test]
        fn a_form_and_an_object_that_say_the_same_are_read_as_the_same(
            pairs in prop::collection::btree_map("[a-z_]{1,12}", "[^\0]{0,12}", 0..5),
        ) {
            let from_form = Parameters::from_form(&form(&pairs)).ok();
            let object = serde_json::to_vec(&pairs).unwrap();
            let from_json = Parameters::from_json(&object).ok();
            let (from_form, from_json) = (from_form.unwrap(), from_json.unwrap());
            for (name, value) in &pairs {
                let due = Some(value.as_str()).filter(|value| !value.is_empty());
                prop_assert_eq!(from_form.get(name), due);
                prop_assert_eq!(from_json.get(name), due);
            }
        }

        /// RFC 6749 §3.2: no parameter stands twice, however it is spelt.
        #[test]
        fn what_is_taken_names_nothing_twice(
            body in "((scope|%73cope|a|%61|\\+|resource)=[a-z%+0-9]{0,4}&?){0,5}",
        ) {
            if let Ok(Parameters(pairs)) = Parameters::from_form(body.as_bytes()) {
                for (at, (name, _)) in pairs.iter().enumerate() {
                    let again = pairs[..at].iter().any(|(other, _)| other == name);
                    prop_assert!(!again || name == RESOURCE, "{name}");
                }
            }
        }

        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..64)) {
            let read = [Parameters::from_form(&body), Parameters::from_json(&body)];
            for Parameters(pairs) in read.into_iter().flatten() {
                let text = |(name, value): &(String, SecretString)| {
                    name.len() + value.expose_secret().len()
                };
                prop_assert!(pairs.iter().map(text).sum::<usize>() <= body.len());
            }
        }
    }
}
