//! Reading and forging tokens, from what the server publishes and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Header, TokenData, Validation};
use serde_json::Value;

use crate::harness::Server;

pub(crate) fn jwks(server: &Server) -> JwkSet {
    let answer = server
        .get("/.well-known/jwks.json")
        .send()
        .expect_status(200);
    serde_json::from_slice(&answer.body).unwrap()
}

/// Verifies a token as a resource server would: by the served keys, with no leeway.
#[track_caller]
pub(crate) fn verify(
    server: &Server,
    token: &str,
    issuer: &str,
    audience: &str,
) -> TokenData<Value> {
    let kid = jsonwebtoken::decode_header(token)
        .unwrap()
        .kid
        .expect("the header names its key");
    let keys = jwks(server);
    let key = keys
        .find(&kid)
        .unwrap_or_else(|| panic!("{kid} is not in the key set"));
    let mut validation = Validation::new(Algorithm::RS256);
    validation.leeway = 0;
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    jsonwebtoken::decode(token, &DecodingKey::from_jwk(key).unwrap(), &validation)
        .unwrap_or_else(|error| panic!("{error}: {token}"))
}

/// The claims as they stand, unverified.
pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

/// A token's header (0) or claims (1).
pub(crate) fn part(token: &str, index: usize) -> Value {
    let encoded = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

/// `value` as one part of a compact JWS.
pub(crate) fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The header of a token of this server's, with another algorithm.
pub(crate) fn header_with(token: &str, algorithm: Algorithm) -> Header {
    let mut header = jsonwebtoken::decode_header(token).unwrap();
    header.alg = algorithm;
    header
}
