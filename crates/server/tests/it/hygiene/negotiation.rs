//! 415 and 406 on the management API and the authorization server; the system
//! API has its own table.

use serde_json::json;

use super::Family;
use crate::harness::reference;

#[test]
fn a_missing_or_foreign_content_type_is_415() {
    let server = reference::shared();
    for path in ["/v1/tenants", "/oauth/token"] {
        let family = Family::of(path);
        let without = family.signed(server, "POST", path).bytes("{}").send();
        family.assert_error(&without, 415);
        for content_type in [
            "text/plain",
            "text/json",
            "application/xml",
            "application/problem+json",
            "application/ld+json",
            "application/vnd.api+json",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "nonsense",
        ] {
            println!("{path} {content_type}");
            let request = family.signed(server, "POST", path);
            family.assert_error(&request.body(content_type, "{}").send(), 415);
        }
    }
    let form = server
        .post("/v1/tenants")
        .bearer(&server.token())
        .form(&[
            ("subdomain", "form"),
            ("environmentId", reference::ENVIRONMENT_ID),
        ])
        .send();
    Family::Management.assert_error(&form, 415);
}

#[test]
fn a_content_type_may_have_parameters_and_any_letter_case() {
    let server = reference::shared();
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
        "APPLICATION/JSON",
    ] {
        let body = json!({
            "subdomain": reference::unique_label("typed"),
            "environmentId": reference::ENVIRONMENT_ID,
        });
        server
            .post("/v1/tenants")
            .bearer(&server.token())
            .body(content_type, body.to_string())
            .send()
            .expect_status(201);
    }
}

#[test]
fn accept_is_honoured_with_its_q_values() {
    let server = reference::shared();
    for path in ["/v1/tenants", "/v1/environments"] {
        for accept in [
            "*/*",
            "application/*",
            "application/json",
            "Application/Json",
            "text/html, application/json;q=0.1",
            "text/html, */*;q=0.1",
            "text/html;q=0, */*",
            "*/*;q=0, application/json",
        ] {
            let answer = server
                .get(path)
                .bearer(&server.token())
                .header("Accept", accept)
                .send();
            assert_eq!(answer.status, 200, "{accept}: {answer}");
            let content_type = answer.header("content-type").unwrap();
            assert!(content_type.starts_with("application/json"), "{answer}");
        }
        for accept in [
            "text/html",
            "application/ld+json",
            "application/xml, text/*",
            "application/json;q=0",
            "application/json;q=0, */*",
            "application/json;q=0.000, text/html",
            "*/*;q=0",
        ] {
            let answer = server
                .get(path)
                .bearer(&server.token())
                .header("Accept", accept)
                .send();
            println!("{accept}");
            Family::Management.assert_error(&answer, 406);
        }
    }
}

#[test]
fn a_create_that_could_not_be_shown_is_not_made() {
    let server = reference::shared();
    let label = reference::unique_label("unshown");
    let body = json!({"subdomain": label, "environmentId": reference::ENVIRONMENT_ID});
    let create = |accept: &str| {
        server
            .post("/v1/tenants")
            .bearer(&server.token())
            .header("Accept", accept)
            .json(&body)
            .send()
    };
    Family::Management.assert_error(&create("text/html"), 406);
    create("application/json").expect_status(201);
}

#[test]
fn bodies_are_utf_8_json() {
    let server = reference::shared();
    for path in [
        "/livez",
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/nope",
        "/v1/nope",
    ] {
        let answer = server.get(path).send();
        assert!(answer.json().is_object(), "{path}: {answer}");
        let content_type = answer.header("content-type").unwrap();
        assert!(
            content_type.starts_with("application/json"),
            "{path}: {answer}"
        );
    }
}
