//! Headers of answers, and the answers that many operations have in common.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schemas::reference;
use crate::{error::Code, operation::Access, render::Family};

/// On every answer of every family.
pub(super) const EVERYWHERE: [&str; 3] =
    ["X-Request-Id", "X-Content-Type-Options", "Cache-Control"];

/// What stands on every answer of a family besides.
pub(super) const fn of_family(family: Family) -> &'static [&'static str] {
    match family {
        Family::Management => &[],
        Family::OAuth => &["Pragma"],
        Family::System => &["Link", "Vary"],
    }
}

/// Every header by its name; under its name with `-Optional` behind it where it is not always
/// there.
pub(super) fn headers() -> Value {
    let mut all = Map::new();
    if let Value::Object(described) = described_headers() {
        for (name, mut header) in described {
            if OPTIONAL.contains(&name.as_str()) {
                all.insert(format!("{name}-Optional"), header.clone());
            }
            header["required"] = true.into();
            all.insert(name, header);
        }
    }
    for name in NEVER_REQUIRED {
        all.remove(name);
    }
    Value::Object(all)
}

/// What is there on some answers of an operation and status, and not on others.
const OPTIONAL: [&str; 5] = [
    "Accept-Patch",
    "Idempotency-Replayed",
    "Link",
    "Retry-After",
    "WWW-Authenticate",
];
const NEVER_REQUIRED: [&str; 2] = ["Accept-Patch", "Idempotency-Replayed"];

fn described_headers() -> Value {
    let text =
        |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    let word = |description: &str, word: &str| json!({ "description": description, "schema": { "type": "string", "const": word } });
    json!({
        "X-Request-Id": {
            "description": "What the request is called in logs and events: the caller's own name for it, or a new one.",
            "schema": { "type": "string", "pattern": "^[!-~]{1,128}$" },
        },
        "X-Content-Type-Options": word("The media type is what the answer says.", "nosniff"),
        "Cache-Control": text("Whether the answer may be kept: `no-store`, or `private, no-cache` where it has an entity \
                               tag; what is the same for everybody is `public`."),
        "Pragma": word("For caches of HTTP/1.0 (RFC 6749 §5.1).", "no-cache"),
        "Link": text("Where the API is documented for Hydra clients, or `rel=\"next\"`: where the feed goes on."),
        "Vary": word("The answer hangs on `Accept`.", "Accept"),
        "ETag": {
            "description": "The state that is shown, for `If-Match` and `If-None-Match`. Opaque.",
            "schema": { "type": "string", "pattern": "^\"[!#-~]+\"$" },
        },
        "Location": text("The path of what was made."),
        "Idempotency-Replayed": word("The answer was made for an earlier request under the same key.", "true"),
        "Retry-After": {
            "description": "When to come back, in seconds.",
            "schema": { "type": "integer", "minimum": 0 },
        },
        "WWW-Authenticate": text("The scheme to authenticate by (RFC 9110 §11.6.1), and for bearer tokens what is wrong \
                                  (RFC 6750 §3)."),
        "Accept-Patch": text("The media types that a PATCH may have (RFC 5789 §3.1)."),
        "X-Accel-Buffering": word("Keeps nginx from collecting the stream.", "no"),
        "Content-Security-Policy": text("What the page may load: nothing from anywhere else."),
        "Referrer-Policy": word("Nobody is told of the page.", "no-referrer"),
    })
}

/// A reference to each of these headers; one without `?` is always there.
pub(super) fn header_references(names: &[&str]) -> Value {
    let entries = names.iter().map(|name| {
        let plain = name.trim_end_matches('?');
        let component = name.replace('?', "-Optional");
        let reference = json!({ "$ref": format!("#/components/headers/{component}") });
        (plain.to_owned(), reference)
    });
    Value::Object(entries.collect())
}

/// The media types of an operation's errors with their schema.
fn error_content(family: Family, in_json_ld: bool) -> &'static [(&'static str, &'static str)] {
    match family {
        Family::Management => &[("application/json", "Error")],
        Family::OAuth => &[("application/json", "OAuthError")],
        Family::System if in_json_ld => &[
            ("application/ld+json", "HydraError"),
            ("application/problem+json", "Problem"),
        ],
        Family::System => &[("application/problem+json", "Problem")],
    }
}

const fn family_name(family: Family) -> &'static str {
    match family {
        Family::Management => "",
        Family::OAuth => "OAuth",
        Family::System => "System",
    }
}

/// What an error says in each family, whatever the operation.
const SHARED: [(Code, &str); 10] = [
    (
        Code::Unauthorized,
        "There is no credential, or none that is good here; `WWW-Authenticate` says which one is.",
    ),
    (
        Code::NotAcceptable,
        "`Accept` admits nothing that the operation can answer with.",
    ),
    (Code::RequestTimeout, "The body did not arrive in time."),
    (Code::PayloadTooLarge, "The body is larger than 1 MiB."),
    (
        Code::UnsupportedMediaType,
        "`Content-Type` is missing, or not one that the operation takes; or the body is encoded.",
    ),
    (
        Code::PreconditionFailed,
        "`If-Match` names another state than the present one.",
    ),
    (
        Code::IdempotencyKeyReused,
        "Another request was made with this `Idempotency-Key` within the last day.",
    ),
    (
        Code::TooManyRequests,
        "There were too many failed authentications; `Retry-After` says when to come back.",
    ),
    (Code::InternalError, "A fault of the server's."),
    (
        Code::ServiceUnavailable,
        "The database is away, full or too busy, or was lost while it stored the change (`outcome_unknown`: it may \
         have happened or not).",
    ),
];

/// The errors that are the same for all operations of a family.
pub(super) fn shared() -> Value {
    let mut all = Map::new();
    for family in [Family::Management, Family::OAuth, Family::System] {
        for (code, description) in SHARED {
            let name = format!("{}{}", family_name(family), component(code));
            let codes = shared_codes(family, code);
            all.insert(name, error(family, description, &codes, true));
        }
    }
    Value::Object(all)
}

fn component(code: Code) -> String {
    let words = code.as_str().split('_');
    let upper = words.map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    upper.collect()
}

/// All codes that share the answer.
fn shared_codes(family: Family, code: Code) -> Vec<Code> {
    match (family, code) {
        (Family::Management, Code::Unauthorized) => vec![Code::Unauthorized, Code::InvalidToken],
        (_, Code::ServiceUnavailable) => vec![Code::ServiceUnavailable, Code::OutcomeUnknown],
        _ => vec![code],
    }
}

/// One error: its shape, the codes that it may have, and its headers.
fn error(family: Family, description: &str, codes: &[Code], in_json_ld: bool) -> Value {
    let mut names = EVERYWHERE.to_vec();
    names.extend(of_family(family));
    names.extend(own_headers(codes));
    let words: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
    let content = error_content(family, in_json_ld)
        .iter()
        .map(|(media_type, schema)| {
            let schema = match family {
                Family::Management => json!({
                    "allOf": [reference(schema), { "properties": { "code": { "enum": words } } }],
                }),
                Family::OAuth | Family::System => reference(schema),
            };
            ((*media_type).to_owned(), json!({ "schema": schema }))
        });
    json!({
        "description": description,
        "headers": header_references(&names),
        "content": Value::Object(content.collect()),
    })
}

/// The headers that errors of these codes have: always, if all of them do.
fn own_headers(codes: &[Code]) -> Vec<&'static str> {
    let has = |code: &Code, name: &str| {
        matches!(
            (name, code),
            (
                "WWW-Authenticate",
                Code::Unauthorized | Code::InvalidToken | Code::InsufficientScope
            ) | (
                "Retry-After",
                Code::TooManyRequests
                    | Code::ServiceUnavailable
                    | Code::OutcomeUnknown
                    | Code::IdempotencyKeyInUse
            )
        )
    };
    let mut names = Vec::new();
    for (name, optional) in [
        ("WWW-Authenticate", "WWW-Authenticate?"),
        ("Retry-After", "Retry-After?"),
    ] {
        if codes.iter().all(|code| has(code, name)) {
            names.push(name);
        } else if codes.iter().any(|code| has(code, name)) {
            names.push(optional);
        }
    }
    // It is there where Basic was used.
    if codes.contains(&Code::InvalidClient) {
        names.push("WWW-Authenticate?");
    }
    if codes.contains(&Code::UnsupportedMediaType) {
        names.push("Accept-Patch?");
    }
    names
}

/// What is known of an operation that its errors follow from.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and any of them goes with any other"
)]
pub(super) struct Kind<'a> {
    pub(super) family: Family,
    pub(super) access: Access,
    /// Whether its errors may be JSON-LD.
    pub(super) in_json_ld: bool,
    pub(super) reads_body: bool,
    pub(super) is_post_of_management: bool,
    pub(super) has_precondition: bool,
    /// Whether it needs the database, and so can be too busy.
    pub(super) can_be_unavailable: bool,
    /// Codes of its own.
    pub(super) own: &'a [Code],
}

/// All errors of an operation, by status.
pub(super) fn errors(kind: &Kind<'_>) -> Vec<(u16, Value)> {
    let mut codes: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in implied(kind).into_iter().chain(kind.own.iter().copied()) {
        let same = codes.entry(code.status().as_u16()).or_default();
        if !same.contains(&code) {
            same.push(code);
        }
    }
    let prefix = family_name(kind.family);
    codes
        .into_iter()
        .map(|(status, codes)| {
            let first = codes[0];
            let is_shared = SHARED.iter().any(|(shared, _)| *shared == first)
                && kind.in_json_ld == (kind.family == Family::System)
                && codes == shared_codes(kind.family, first)[..1];
            let answer = if is_shared {
                json!({ "$ref": format!("#/components/responses/{prefix}{}", component(first)) })
            } else {
                let told: Vec<_> = codes.iter().map(|code| told(*code)).collect();
                error(kind.family, &told.join(" "), &codes, kind.in_json_ld)
            };
            (status, answer)
        })
        .collect()
}

/// What follows from the kind of an operation.
fn implied(kind: &Kind<'_>) -> Vec<Code> {
    let mut codes = vec![Code::NotAcceptable, Code::InternalError];
    match kind.access {
        Access::Management(_) => codes.extend([Code::Unauthorized, Code::InsufficientScope]),
        Access::System => codes.extend([Code::Unauthorized, Code::TooManyRequests]),
        Access::Public => {}
    }
    if kind.reads_body {
        codes.extend([
            Code::MalformedJson,
            Code::InvalidRequest,
            Code::RequestTimeout,
            Code::PayloadTooLarge,
            Code::UnsupportedMediaType,
        ]);
    }
    if kind.is_post_of_management {
        codes.extend([
            Code::ValidationError,
            Code::IdempotencyKeyInUse,
            Code::IdempotencyKeyReused,
        ]);
    }
    if kind.has_precondition {
        codes.push(Code::PreconditionFailed);
    }
    if kind.can_be_unavailable {
        codes.push(Code::ServiceUnavailable);
    }
    codes
}

/// What a code means where it is an operation's own.
pub(super) const fn told(code: Code) -> &'static str {
    match code {
        Code::ValidationError => {
            "Something in the request is not valid; `details` lists every fault."
        }
        Code::MalformedJson => "The body is not JSON.",
        Code::SubdomainTaken => "Another tenant of the environment has the subdomain.",
        Code::DomainTaken => "Another environment has the domain.",
        Code::InvalidRequest => "The request is malformed, or its body did not arrive whole.",
        Code::UnsupportedGrantType => "The grant is not `client_credentials`.",
        Code::InvalidScope => "The client does not have a scope that it asks for.",
        Code::InvalidTarget => "The client gets no token for that audience.",
        Code::InvalidClient => {
            "The client is unknown, its secret is wrong, or it may not be used: which one is not told."
        }
        Code::InsufficientScope => "The token lacks the scope that `WWW-Authenticate` names.",
        Code::EnvironmentForbidden => "The client is bound to other environments.",
        Code::EnvironmentNotFound => {
            "There is no such environment, or none the client may know of."
        }
        Code::TenantNotFound => "There is no such tenant, or none the client may know of.",
        Code::ClientNotFound => "There is no such client.",
        Code::SecretNotFound => "The client has no such secret, or it has expired.",
        Code::WebhookNotFound => "There is no such webhook, or none the client may know of.",
        Code::DeliveryNotFound => "The webhook has no such delivery, or it is no longer kept.",
        Code::VersionConflict => {
            "The tenant is not in the version that was given, or has reached the largest one."
        }
        Code::LastSecret => "The client's last secret can't be retired.",
        Code::WebhookDisabled => "Nothing is sent to a webhook that is disabled.",
        Code::EnvironmentNotEmpty => "There are tenants in the environment.",
        Code::EnvironmentIsDefault => "Tenants of the system API go to the environment.",
        Code::IdempotencyKeyInUse => {
            "A request with this `Idempotency-Key` is still running; `Retry-After` says when to come back."
        }
        Code::TooManyRequests => {
            "There were too many failed authentications; `Retry-After` says when to come back."
        }
        // What is left is the same for all operations.
        _ => "The request was refused.",
    }
}
