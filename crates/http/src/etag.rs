//! Entity tags and conditional requests (RFC 9110 §8.8.3, §13.1).
//!
//! A tag names the tenant's version and number, and behind them what else the
//! representation hangs on: the version of the environment that is shown in it, or
//! the media type. Two states, or two representations of one, never share a tag.

use actix_web::{
    HttpRequest,
    http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH},
};
use tenantry_domain::{
    environment::{Environment, EnvironmentRevision},
    error::{Error, Thing},
    id::{EnvironmentId, TenantNumber, WebhookId, parse_uuid},
    tenant::{Precondition, Revision, TenantHead},
    version::Version,
    webhook::{Webhook, WebhookRevision},
};
use uuid::Uuid;

use crate::{error::ApiError, negotiate::Representation};

/// The tag of a tenant as the management API shows it.
pub(crate) fn management(tenant: &TenantHead, environment: &Environment) -> String {
    tag(tenant.revision(), &environment.version.to_string())
}

/// The tag of an environment.
pub(crate) fn environment(environment: &Environment) -> String {
    let EnvironmentRevision { id, version } = environment.revision();
    format!("\"{version}.{id}\"")
}

/// The tag of a webhook.
pub(crate) fn webhook(webhook: &Webhook) -> String {
    let WebhookRevision { id, version } = webhook.revision();
    format!("\"{version}.{id}\"")
}

/// The tag of a tenant as the system API shows it.
pub(crate) fn system(tenant: &TenantHead, representation: Representation) -> String {
    let suffix = match representation {
        Representation::JsonLd => "ld",
        Representation::Json
        | Representation::Text
        | Representation::CloudEvents
        | Representation::EventStream
        | Representation::Asset(_) => "json",
    };
    tag(tenant.revision(), suffix)
}

fn tag(revision: Revision, suffix: &str) -> String {
    format!(
        "\"{}.{}.{suffix}\"",
        revision.version,
        revision.number.get()
    )
}

/// What the caller demands of the state of the tenant that it changes.
///
/// A tag that this server has not given names no state, so nothing matches it.
pub(crate) fn precondition(request: &HttpRequest) -> Precondition {
    demanded(request, revision)
}

/// What the caller demands of the state of the environment that it changes.
pub(crate) fn environment_precondition(request: &HttpRequest) -> Precondition<EnvironmentRevision> {
    demanded(request, environment_revision)
}

/// What the caller demands of the state of the webhook that it changes.
pub(crate) fn webhook_precondition(request: &HttpRequest) -> Precondition<WebhookRevision> {
    demanded(request, |tag| {
        let (version, id) = versioned(tag)?;
        Some(WebhookRevision {
            id: WebhookId::from_uuid(id),
            version,
        })
    })
}

/// Refuses what the caller demands of the state of a thing that has no entity tag: no tag
/// that it names can be that thing's.
pub(crate) fn refuse_tags(request: &HttpRequest, thing: Thing) -> Result<(), ApiError> {
    if demanded(request, |_| None::<()>).holds_for(()) {
        return Ok(());
    }
    Err(Error::PreconditionFailed(thing).into())
}

fn demanded<R>(request: &HttpRequest, read: impl Fn(&str) -> Option<R>) -> Precondition<R> {
    let is_any = |tags: &[String]| tags.iter().any(|tag| tag == "*");
    if tags(request, IF_NONE_MATCH).is_some_and(|tags| is_any(&tags)) {
        // It asks that there be none, and what is to be changed is there (§13.1.2).
        return Precondition::OneOf(Vec::new());
    }
    match tags(request, IF_MATCH) {
        None => Precondition::None,
        Some(tags) if is_any(&tags) => Precondition::None,
        Some(tags) => Precondition::OneOf(tags.iter().filter_map(|tag| read(tag)).collect()),
    }
}

/// Whether the caller has that state already (weak comparison, RFC 9110 §13.1.2).
pub(crate) fn is_known(request: &HttpRequest, current: &str) -> bool {
    tags(request, IF_NONE_MATCH).is_some_and(|tags| {
        tags.iter()
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == current)
    })
}

/// The tags of all headers of that name; our own hold no comma.
fn tags(request: &HttpRequest, name: HeaderName) -> Option<Vec<String>> {
    let values: Vec<_> = request.headers().get_all(name).collect();
    if values.is_empty() {
        return None;
    }
    let texts = values.iter().filter_map(|value| value.to_str().ok());
    Some(
        texts
            .flat_map(|text| text.split(','))
            .map(|tag| tag.trim().to_owned())
            .collect(),
    )
}

/// Reads a strong tag of ours; a weak one never matches in `If-Match`.
fn revision(tag: &str) -> Option<Revision> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    let mut parts = inner.splitn(3, '.');
    let version = Version::new(parts.next()?.parse().ok()?).ok()?;
    let number = TenantNumber::new(parts.next()?.parse().ok()?);
    let suffix = parts.next()?;
    let is_ours = matches!(suffix, "json" | "ld") || Version::new(suffix.parse().ok()?).is_ok();
    let revision = Revision { number, version };
    // Numbers can be spelled in more than one way, and a tag in one only.
    (is_ours && self::tag(revision, suffix) == tag).then_some(revision)
}

/// Reads a strong tag of an environment.
fn environment_revision(tag: &str) -> Option<EnvironmentRevision> {
    let (version, id) = versioned(tag)?;
    Some(EnvironmentRevision {
        id: EnvironmentId::from_uuid(id),
        version,
    })
}

/// Reads a strong tag that is made of a version and an id.
fn versioned(tag: &str) -> Option<(Version, Uuid)> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    let (version, id) = inner.split_once('.')?;
    let (version, id) = (
        Version::new(version.parse().ok()?).ok()?,
        parse_uuid(id).ok()?,
    );
    // Numbers and ids can be spelled in more than one way, and a tag in one only.
    (format!("{version}.{}", id.hyphenated()) == inner).then_some((version, id))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use tenantry_domain::testing;

    use super::*;

    #[test]
    fn a_tag_matches_the_state_it_was_given_for() {
        let (tenant, environment) = (testing::tenant(), testing::environment());
        let own = management(&tenant, &environment);
        for given in [own.clone(), format!("\"x\", {own}"), "*".to_owned()] {
            let request = TestRequest::get()
                .insert_header((IF_MATCH, given))
                .to_http_request();
            assert!(precondition(&request).holds_for(tenant.revision()));
        }
        for given in [
            "\"9.1.1\"",
            "\"1.9.1\"",
            "1.1.1",
            "",
            "\"\"",
            &format!("W/{own}"),
        ] {
            let request = TestRequest::get()
                .insert_header((IF_MATCH, given))
                .to_http_request();
            assert!(
                !precondition(&request).holds_for(tenant.revision()),
                "{given:?}"
            );
        }
    }

    #[test]
    fn an_environments_tag_matches_the_state_it_was_given_for() {
        let current = testing::environment();
        let own = environment(&current);
        let asks = |given: &str| {
            let request = TestRequest::get()
                .insert_header((IF_MATCH, given))
                .to_http_request();
            environment_precondition(&request).holds_for(current.revision())
        };
        assert!(asks(&own) && asks("*") && asks(&format!("\"x\", {own}")));
        for other in [
            own.replace("\"1.", "\"2."),
            own.replace("\"1.", "\"01."),
            own.to_uppercase(),
            format!("W/{own}"),
            management(&testing::tenant(), &current),
        ] {
            assert!(!asks(&other), "{other}");
        }
    }

    #[test]
    fn representations_have_their_own_tags() {
        let (tenant, environment) = (testing::tenant(), testing::environment());
        let ld = system(&tenant, Representation::JsonLd);
        assert_ne!(ld, system(&tenant, Representation::Json));
        assert_ne!(ld, management(&tenant, &environment));
        let request = TestRequest::get()
            .insert_header((IF_NONE_MATCH, format!("W/{ld}, \"other\"")))
            .to_http_request();
        assert!(is_known(&request, &ld));
        assert!(!is_known(&request, &system(&tenant, Representation::Json)));
    }
}
