//! Contract §5.3: problem details (RFC 9457), Hydra errors, and violations in the words
//! of the original platform.

use serde::Serialize;
use tenantry_domain::{data::DataFault, error::FaultKind, version::VersionFault};

use super::Located;
use crate::{
    answer,
    error::{ApiError, Code, Location},
    negotiate::Representation,
};

const TITLE: &str = "An error occurred";

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    title: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<Violation<'a>>,
}

#[derive(Serialize)]
struct Hydra<'a> {
    #[serde(rename = "@context")]
    context: &'a str,
    #[serde(rename = "@type")]
    kind: &'a str,
    #[serde(rename = "hydra:title")]
    title: &'a str,
    #[serde(rename = "hydra:description")]
    description: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<Violation<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Violation<'a> {
    property_path: &'a str,
    message: String,
}

pub(super) fn body(error: &ApiError, representation: Representation) -> (&'static str, String) {
    let violations: Vec<_> = error.faults.iter().map(violation).collect();
    let lines: Vec<_> = violations
        .iter()
        .map(|violation| format!("{}: {}", violation.property_path, violation.message))
        .collect();
    let description = if lines.is_empty() {
        description(error).to_owned()
    } else {
        lines.join("\n")
    };
    match representation {
        Representation::JsonLd => {
            let (context, kind) = if violations.is_empty() {
                ("/contexts/Error", "hydra:Error")
            } else {
                (
                    "/contexts/ConstraintViolationList",
                    "ConstraintViolationList",
                )
            };
            let body = Hydra {
                context,
                kind,
                title: TITLE,
                description: &description,
                violations,
            };
            ("application/ld+json; charset=utf-8", answer::to_json(&body))
        }
        Representation::Json
        | Representation::Text
        | Representation::CloudEvents
        | Representation::EventStream
        | Representation::Asset(_) => {
            let kind = "https://tools.ietf.org/html/rfc2616#section-10";
            let body = Problem {
                kind,
                title: TITLE,
                detail: &description,
                violations,
            };
            (
                "application/problem+json; charset=utf-8",
                answer::to_json(&body),
            )
        }
    }
}

fn description(error: &ApiError) -> &str {
    match error.code {
        Code::NotFound
        | Code::TenantNotFound
        | Code::EnvironmentNotFound
        | Code::ClientNotFound => "Not Found",
        Code::VersionConflict => "The optimistic lock on an entity failed.",
        Code::MalformedJson => "Syntax error",
        _ => &error.message,
    }
}

fn violation((location, fault): &Located) -> Violation<'_> {
    let message = match (&fault.kind, location) {
        (FaultKind::Required | FaultKind::Null, _) => "This value should not be blank.".to_owned(),
        (FaultKind::Instant(_), _) => "This value is not a valid datetime.".to_owned(),
        (FaultKind::Direction(_), _) => "The value you selected is not a valid choice.".to_owned(),
        (FaultKind::NotAnInteger | FaultKind::Version(VersionFault::TooLarge), _) => {
            "This value should be of type integer.".to_owned()
        }
        (FaultKind::Version(VersionFault::TooSmall), _) => {
            "This value should be 1 or more.".to_owned()
        }
        (FaultKind::NotAnObject | FaultKind::Data(DataFault::NotAnObject), _) => {
            "This value should be of type object.".to_owned()
        }
        (FaultKind::Data(DataFault::TooLong), _) => {
            "This value is too long. It should have 262144 bytes or less.".to_owned()
        }
        (FaultKind::Id(_), _) | (FaultKind::NotAString, Location::Body) => {
            "This is not a valid UUID.".to_owned()
        }
        (FaultKind::AlreadyUsed | FaultKind::SubdomainTaken, _) => {
            "This value is already used.".to_owned()
        }
        (kind, _) => format!("This value {kind}."),
    };
    Violation {
        property_path: &fault.member,
        message,
    }
}
