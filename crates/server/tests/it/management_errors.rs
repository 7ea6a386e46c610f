//! §4, errors: one shape for all of them, every fault at once, and no more than needed.

use serde_json::{Value, json};

use crate::harness::Response;
use crate::harness::reference::{ENVIRONMENT_ID, shared, unique_label};
use crate::support::{
    UNKNOWN_ID, assert_error, assert_faults, create_body, create_tenant, post_tenant,
};

/// The fault that names `param`.
#[track_caller]
fn fault(body: &Value, param: &str) -> Value {
    let details = body["details"].as_array().unwrap();
    details
        .iter()
        .find(|fault| fault["param"] == param)
        .expect(param)
        .clone()
}

fn assert_no_details(answer: &Response, status: u16, class: &str) {
    assert_eq!(
        assert_error(answer, status, class)["details"],
        json!([]),
        "{answer}"
    );
}

#[test]
fn every_class_of_error_has_the_one_shape() {
    let server = shared();
    let token = server.token();
    let narrow = server.token_with_scopes(&["clients:read"]);
    let unknown = format!("/v1/tenants/{UNKNOWN_ID}");
    let tenants = "/v1/tenants";
    let large = format!(r#"{{"name":"{}"}}"#, "x".repeat(1024 * 1024));
    assert_no_details(&server.get(tenants).send(), 401, "Unauthorized");
    assert_no_details(
        &server.get(tenants).bearer(&narrow).send(),
        403,
        "Forbidden",
    );
    assert_no_details(&server.get(&unknown).bearer(&token).send(), 404, "NotFound");
    assert_no_details(&server.get("/v1/nothing/here").send(), 404, "NotFound");
    assert_no_details(
        &server.get("/v1/nothing/here").bearer(&token).send(),
        404,
        "NotFound",
    );
    assert_no_details(&server.put(tenants).send(), 405, "MethodNotAllowed");
    assert_no_details(
        &server.put(tenants).bearer(&token).send(),
        405,
        "MethodNotAllowed",
    );
    let html = server
        .get(tenants)
        .bearer(&token)
        .header("Accept", "text/html")
        .send();
    assert_error(&html, 406, "NotAcceptable");
    let text = server
        .post(tenants)
        .bearer(&token)
        .body("text/plain", "{}")
        .send();
    assert_error(&text, 415, "UnsupportedMediaType");
    let untyped = server.post(tenants).bearer(&token).bytes("{}").send();
    assert_error(&untyped, 415, "UnsupportedMediaType");
    let large = server
        .post(tenants)
        .bearer(&token)
        .body("application/json", large)
        .send();
    assert_error(&large, 413, "PayloadTooLarge");
    let tenant = create_tenant(server, &unique_label("shape"));
    let stale = server
        .delete(&tenant.path())
        .bearer(&token)
        .header("If-Match", "\"stale\"")
        .send();
    assert_error(&stale, 412, "PreconditionFailed");
}

#[test]
fn an_invalid_body_is_the_references_own_error() {
    let answer = post_tenant(
        shared(),
        &json!({"name": "My Tenant", "subdomain": "My Tenant!", "environmentId": ENVIRONMENT_ID}),
    );
    let body = assert_error(&answer, 400, "BadRequest");
    assert_eq!(body["code"], "validation_error");
    assert_eq!(body["details"].as_array().unwrap().len(), 1);
    let fault = fault(&body, "subdomain");
    assert_eq!(fault["value"], "My Tenant!");
    assert_eq!(fault["location"], "body");
}

#[test]
fn an_error_lists_every_fault_and_not_only_the_first() {
    let server = shared();
    let all = json!({"name": 5, "subdomain": "A_", "environmentId": "x", "data": []});
    let named = ["name", "subdomain", "environmentId", "data"];
    let body = assert_faults(&post_tenant(server, &all), "body", &named);
    assert_eq!(fault(&body, "name")["value"], 5);
    assert_eq!(fault(&body, "subdomain")["value"], "A_");
    assert_eq!(fault(&body, "environmentId")["value"], "x");
    assert_eq!(fault(&body, "data")["value"], json!([]));

    assert_faults(
        &post_tenant(server, &json!({})),
        "body",
        &["subdomain", "environmentId"],
    );
    let blank = json!({"name": " ", "subdomain": "", "environmentId": UNKNOWN_ID});
    let answer = post_tenant(server, &blank);
    let body = assert_error(&answer, 400, "BadRequest");
    fault(&body, "name");
    fault(&body, "subdomain");

    let query = server
        .get("/v1/tenants?limit=0&cursor=!!")
        .bearer(&server.token())
        .send();
    assert_faults(&query, "query", &["limit", "cursor"]);
}

#[test]
fn an_id_that_is_none_is_a_400_that_says_invalid_value() {
    let server = shared();
    let token = server.token();
    let undashed = UNKNOWN_ID.replace('-', "");
    let braced = format!("%7B{UNKNOWN_ID}%7D");
    let longer = format!("{UNKNOWN_ID}0");
    let urn = format!("urn:uuid:{UNKNOWN_ID}");
    let ids = [
        "1",
        "not-a-uuid",
        &undashed,
        &braced,
        &longer,
        &urn,
        "%20",
        "a%2Fb",
        "%00",
        "%FF",
        "%2e%2e%2f",
    ];
    for id in ids {
        for (method, path) in [
            ("GET", format!("/v1/tenants/{id}")),
            ("DELETE", format!("/v1/tenants/{id}")),
            ("GET", format!("/v1/tenants/{id}/clients")),
            ("GET", format!("/v1/environments/{id}")),
        ] {
            let answer = server.request(method, &path).bearer(&token).send();
            assert_eq!(answer.status, 400, "{method} {path}: {answer}");
            let body = assert_faults(&answer, "params", &["id"]);
            assert_eq!(body["details"].as_array().unwrap().len(), 1, "{answer}");
            assert_eq!(body["details"][0]["msg"], "Invalid value", "{answer}");
        }
    }
    let answer = server.get("/v1/tenants/not-a-uuid").bearer(&token).send();
    let expected = json!([
        {"value": "not-a-uuid", "msg": "Invalid value", "param": "id", "location": "params"}
    ]);
    assert_eq!(answer.json()["details"], expected);
}

#[test]
fn a_body_that_is_no_json_object_is_400() {
    let server = shared();
    let valid = create_body(&unique_label("malformed")).to_string();
    let table: Vec<Vec<u8>> = vec![
        b"".into(),
        b" ".into(),
        b"{".into(),
        b"[]".into(),
        format!("[{valid}]").into_bytes(),
        b"null".into(),
        b"5".into(),
        br#""text""#.into(),
        format!("{valid} x").into_bytes(),
        format!("{valid}{valid}").into_bytes(),
        valid.replace('"', "'").into_bytes(),
        valid.replace('}', ",}").into_bytes(),
        [b"\xef\xbb\xbf", valid.as_bytes()].concat(),
        b"{\"subdomain\":\"\xff\xfe\"}".into(),
        b"{\"subdomain\":\"a\", /* why */ \"name\":\"b\"}".into(),
        b"{\"data\":{\"n\":NaN}}".into(),
        b"{\"data\":{\"n\":01}}".into(),
    ];
    let token = server.token();
    for body in table {
        let shown = String::from_utf8_lossy(&body).into_owned();
        let answer = server
            .post("/v1/tenants")
            .bearer(&token)
            .body("application/json", body)
            .send();
        assert_eq!(answer.status, 400, "{shown:?}: {answer}");
        assert_error(&answer, 400, "BadRequest");
    }
}

#[test]
fn a_scope_is_looked_at_before_a_body_and_an_id() {
    let server = shared();
    let token = server.token_with_scopes(&["clients:read"]);
    let answer = server
        .post("/v1/tenants")
        .bearer(&token)
        .body("application/json", "{")
        .send();
    assert_error(&answer, 403, "Forbidden");
    let answer = server.get("/v1/tenants/not-a-uuid").bearer(&token).send();
    assert_error(&answer, 403, "Forbidden");
}

#[test]
fn the_code_for_one_fault_is_always_the_same() {
    let server = shared();
    let code = |answer: Response| answer.json()["code"].clone();
    let token = server.token();
    let first = code(
        server
            .get(&format!("/v1/tenants/{UNKNOWN_ID}"))
            .bearer(&token)
            .send(),
    );
    let again = code(
        server
            .delete(&format!("/v1/tenants/{UNKNOWN_ID}"))
            .bearer(&token)
            .send(),
    );
    assert_eq!(first, again);
}
