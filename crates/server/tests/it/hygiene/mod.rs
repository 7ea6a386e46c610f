//! Contract §2: what holds on every route.

mod bodies;
mod connections;
mod cors;
mod hang_ups;
mod methods;
mod negotiation;
mod paths;
mod request_id;

use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::{Request, Response, Server};
use crate::system::{NO_TENANT, SystemApi as _, TENANTS, assert_problem_shape};

/// The route families that differ in the shape of their errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Management,
    System,
    OAuth,
}

impl Family {
    /// The family that a path belongs to.
    fn of(path: &str) -> Self {
        match path {
            path if path.starts_with("/v1") => Self::Management,
            path if path.starts_with("/system") => Self::System,
            _ => Self::OAuth,
        }
    }

    /// Fails unless the answer is an error with this status in the family's shape.
    #[track_caller]
    fn assert_error(self, answer: &Response, status: u16) {
        match self {
            Self::Management => assert_management_error(answer, status),
            Self::System => assert_system_error(answer, status),
            Self::OAuth => assert_oauth_error(answer, status),
        }
    }

    /// A request with the family's credential.
    fn signed(self, server: &Server, method: &str, path: &str) -> Request {
        match self {
            Self::Management => server.request(method, path).bearer(&server.token()),
            Self::System => server.system(method, path),
            Self::OAuth => server.request(method, path),
        }
    }
}

fn class_of(status: u16) -> &'static str {
    match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        406 => "NotAcceptable",
        408 => "RequestTimeout",
        413 => "PayloadTooLarge",
        415 => "UnsupportedMediaType",
        other => panic!("no class for {other}"),
    }
}

#[track_caller]
fn assert_management_error(answer: &Response, status: u16) {
    assert_eq!(answer.status, status, "{answer}");
    let body = answer.json();
    let members = body.as_object().unwrap();
    assert_eq!(members.len(), 4, "{answer}");
    if status != 408 {
        assert_eq!(body["type"], class_of(status), "{answer}");
    }
    assert!(
        body["message"].as_str().is_some_and(|m| !m.is_empty()),
        "{answer}"
    );
    assert!(body["details"].is_array(), "{answer}");
    let code = body["code"].as_str().unwrap();
    let is_snake = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    assert!(!code.is_empty() && code.chars().all(is_snake), "{answer}");
}

#[track_caller]
fn assert_system_error(answer: &Response, status: u16) {
    if answer.header("content-type") == Some("application/ld+json; charset=utf-8") {
        assert_eq!(answer.status, status, "{answer}");
        assert_eq!(
            answer.json()["hydra:title"],
            "An error occurred",
            "{answer}"
        );
    } else {
        assert_problem_shape(answer, status);
    }
}

#[track_caller]
fn assert_oauth_error(answer: &Response, status: u16) {
    assert_eq!(answer.status, status, "{answer}");
    assert!(answer.json()["error"].is_string(), "{answer}");
}

/// Every path that `GET` works on, and whether it needs a credential.
fn readable(server: &Server) -> Vec<(String, Family)> {
    let record = server.make_any();
    let uuid = record["uuid"].as_str().unwrap();
    let environments = server
        .get("/v1/environments")
        .bearer(&server.token())
        .send()
        .expect_status(200)
        .json();
    let environment = environments["data"][0]["id"].as_str().unwrap().to_owned();
    [
        "/livez".to_owned(),
        "/readyz".to_owned(),
        "/metrics".to_owned(),
        "/.well-known/jwks.json".to_owned(),
        "/.well-known/oauth-authorization-server".to_owned(),
        "/.well-known/openid-configuration".to_owned(),
        "/v1/environments".to_owned(),
        format!("/v1/environments/{environment}"),
        "/v1/tenants".to_owned(),
        format!("/v1/tenants/{uuid}"),
        format!("/v1/tenants/{uuid}/clients"),
        TENANTS.to_owned(),
        format!("{TENANTS}/{uuid}"),
        // Errors that depend on the path alone.
        "/v1/tenants/00000000-0000-4000-8000-000000000000".to_owned(),
        NO_TENANT.to_owned(),
    ]
    .into_iter()
    .map(|path| {
        let family = Family::of(&path);
        (path, family)
    })
    .collect()
}

/// Reads until the other side closes (`true`) or is silent for `patience` (`false`).
fn read_to_close(stream: &mut TcpStream, patience: Duration) -> (Vec<u8>, bool) {
    stream.set_read_timeout(Some(patience)).unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return (answer, true),
            Ok(read) => answer.extend_from_slice(&chunk[..read]),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::ConnectionReset => return (answer, true),
                _ => return (answer, false),
            },
        }
    }
}
