//! §4.2 and §2: bodies that are nearly right, and `data` to the last digit.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::harness::reference::{ENVIRONMENT_ID, shared, unique_label};
use crate::harness::{Response, Server};
use crate::support::{Tenant, assert_error, assert_faults, create_body, created, post_tenant};

fn post_raw(server: &Server, body: impl Into<Vec<u8>>) -> Response {
    server
        .post("/v1/tenants")
        .bearer(&server.token())
        .body("application/json", body)
        .send()
}

/// A create's body with `members` written into it as they stand.
fn with_members(label: &str, members: &str) -> String {
    format!(r#"{{"subdomain":"{label}","environmentId":"{ENVIRONMENT_ID}",{members}}}"#)
}

fn with_data(label: &str, data: &str) -> String {
    with_members(label, &format!(r#""data":{data}"#))
}

/// The `data` of a tenant, byte for byte as it is served.
fn served_data(server: &Server, tenant: &Tenant) -> String {
    #[derive(serde::Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let answer = server
        .get(&tenant.path())
        .bearer(&server.token())
        .send()
        .expect_status(200);
    let text = answer.text();
    serde_json::from_str::<Body<'_>>(&text)
        .unwrap()
        .data
        .get()
        .to_owned()
}

#[test]
fn a_member_of_the_wrong_type_is_named_and_nothing_is_coerced() {
    let server = shared();
    let not_strings = [
        json!(5),
        json!(null),
        json!(true),
        json!([]),
        json!(["a"]),
        json!({}),
    ];
    for member in ["name", "subdomain", "environmentId"] {
        for value in &not_strings {
            let mut body = create_body(&unique_label("type"));
            body[member] = value.clone();
            let error = assert_faults(&post_tenant(server, &body), "body", &[member]);
            assert_eq!(error["details"][0]["value"], *value, "{error}");
        }
    }
    for value in [
        json!(5),
        json!(null),
        json!(true),
        json!([]),
        json!([{}]),
        json!("{}"),
    ] {
        let mut body = create_body(&unique_label("type"));
        body["data"] = value;
        assert_faults(&post_tenant(server, &body), "body", &["data"]);
    }
}

#[test]
fn a_required_member_that_is_missing_is_named() {
    let server = shared();
    let without_environment = json!({"subdomain": unique_label("missing")});
    assert_faults(
        &post_tenant(server, &without_environment),
        "body",
        &["environmentId"],
    );
    let without_subdomain = json!({"environmentId": ENVIRONMENT_ID});
    assert_faults(
        &post_tenant(server, &without_subdomain),
        "body",
        &["subdomain"],
    );
}

#[test]
fn unknown_members_are_ignored() {
    let server = shared();
    let mut body = create_body(&unique_label("unknown"));
    let chosen = "11111111-1111-4111-8111-111111111111";
    body["id"] = Value::from(chosen);
    body["version"] = json!("x");
    body["status"] = json!("suspended");
    body["client"] = json!({"clientId": "mine"});
    body["Name"] = json!(5);
    body["x"] = json!([{"y": null}]);
    let tenant = created(&post_tenant(server, &body).expect_status(201));
    assert_ne!(tenant.id, chosen);
    assert_ne!(tenant.client_id, "mine");
    assert_eq!(tenant.body["status"], "active");
    assert_eq!(tenant.body["version"], 1);
    assert_eq!(tenant.body["name"], tenant.label.as_str());
}

#[test]
fn duplicate_names_in_an_object_are_400_at_any_depth() {
    let server = shared();
    let label = unique_label("duplicate");
    let table = [
        format!(
            r#"{{"subdomain":"{label}","subdomain":"{label}","environmentId":"{ENVIRONMENT_ID}"}}"#
        ),
        with_members(&label, r#""name":"a","name":"a""#),
        with_members(&label, r#""name":"a","na\u006de":"b""#),
        with_members(&label, r#""x":1,"x":2"#),
        with_members(&label, r#""x":[{"y":1,"y":2}]"#),
        with_data(&label, r#"{"a":1,"a":1}"#),
        with_data(&label, r#"{"a":1,"\u0061":1}"#),
        with_data(&label, r#"{"a":[{"b":{"c":1,"c":2}}]}"#),
    ];
    for body in table {
        let answer = post_raw(server, body.clone());
        assert_eq!(answer.status, 400, "{body}: {answer}");
        assert_error(&answer, 400, "BadRequest");
    }
    let same_name_elsewhere = with_data(&label, r#"{"a":{"a":[{"a":1},{"a":2}]},"A":1}"#);
    post_raw(server, same_name_elsewhere).expect_status(201);
}

#[test]
fn nul_and_lone_surrogates_in_anything_stored_are_400() {
    let server = shared();
    let label = unique_label("strings");
    let table = [
        with_members(&label, r#""name":"a\u0000b""#),
        with_members(&label, r#""name":"\ud800""#),
        with_members(&label, r#""name":"\udc00\ud800""#),
        with_members(&label, r#""name":"\ud800x""#),
        with_data(&label, r#"{"a":"\u0000"}"#),
        with_data(&label, r#"{"\u0000":1}"#),
        with_data(&label, r#"{"a":["\ud83d"]}"#),
        with_data(&label, r#"{"\ud83d":1}"#),
        with_data(&label, "{\"a\":\"\u{0}\"}"),
        with_data(&label, "{\"a\":\"\u{1}\"}"),
        format!(r#"{{"subdomain":"{label}\u0000","environmentId":"{ENVIRONMENT_ID}"}}"#),
    ];
    for body in table {
        let answer = post_raw(server, body.clone());
        assert_eq!(answer.status, 400, "{body}: {answer}");
        assert_error(&answer, 400, "BadRequest");
    }
    let pair = with_members(
        &label,
        r#""name":"\ud83c\udf89","data":{"\ud83c\udf89":"\\u0000"}"#,
    );
    let tenant = created(&post_raw(server, pair).expect_status(201));
    assert_eq!(tenant.body["name"], "🎉");
    let data: Value = serde_json::from_str(&served_data(server, &tenant)).unwrap();
    assert_eq!(data, json!({"🎉": "\\u0000"}));
}

#[test]
fn json_may_be_64_levels_deep_and_no_deeper() {
    let server = shared();
    // The body's own braces are the first level and `data`'s the second.
    let nested = |levels: usize| {
        let arrays = levels - 2;
        format!(r#"{{"a":{}{}}}"#, "[".repeat(arrays), "]".repeat(arrays))
    };
    let objects = |levels: usize| {
        format!("{}{}", r#"{"a":"#.repeat(levels - 2), "{}") + &"}".repeat(levels - 2)
    };
    for deepest in [nested(64), objects(64)] {
        let body = with_data(&unique_label("depth"), &deepest);
        let tenant = created(&post_raw(server, body).expect_status(201));
        assert_eq!(served_data(server, &tenant), deepest);
    }
    for too_deep in [nested(65), objects(65), nested(5000), objects(100_000)] {
        let answer = post_raw(server, with_data(&unique_label("depth"), &too_deep));
        assert_error(&answer, 400, "BadRequest");
    }
    let unknown_member = with_members(&unique_label("depth"), &format!(r#""x":{}"#, nested(65)));
    assert_error(&post_raw(server, unknown_member), 400, "BadRequest");
}

#[test]
fn data_may_have_256_kibibytes_and_no_more() {
    let server = shared();
    let sized = |bytes: usize| format!(r#"{{"k":"{}"}}"#, "x".repeat(bytes - r#"{"k":""}"#.len()));
    let largest = sized(256 * 1024);
    let body = with_data(&unique_label("size"), &largest);
    let tenant = created(&post_raw(server, body).expect_status(201));
    assert_eq!(served_data(server, &tenant), largest);
    let answer = post_raw(
        server,
        with_data(&unique_label("size"), &sized(256 * 1024 + 1)),
    );
    assert_faults(&answer, "body", &["data"]);
}

#[test]
fn data_comes_back_value_for_value_in_the_order_it_went_in() {
    let server = shared();
    let table = [
        "{}",
        r#"{"z":1,"a":2,"m":{"z":1,"a":2},"10":1,"9":2,"":3}"#,
        r#"{"n":[0,-0,1.0,1.10,1e2,1E+2,1.5e-7,0.1000,12345678901234567890123,-9007199254740993]}"#,
        r#"{"n":0.1000000000000000055511151231257827021181583404541015625}"#,
        r#"{"n":1e400,"m":-1e-400}"#,
        r#"{"empty":[{},[],"",null,false]}"#,
        r#"{"text":"ünïcödé 名前 🎉 / ' <script>&"}"#,
        r#"{"$serde_json::private::Number":"1"}"#,
        r#"{"$serde_json::private::RawValue":"1"}"#,
        r#"{"__proto__":{"x":1},"constructor":null}"#,
    ];
    for data in table {
        let body = with_data(&unique_label("data"), data);
        let answer = post_raw(server, body);
        assert_eq!(answer.status, 201, "{data}: {answer}");
        assert_eq!(served_data(server, &created(&answer)), data);
    }
}

#[test]
fn escapes_and_spaces_in_data_mean_the_same_when_they_come_back() {
    let server = shared();
    let data = "{ \"a\" : \"\\u00e9\\n\\\"\\\\\\/\\t\" ,\r\n\t\"b\" : [ 1 , 2 ] }";
    let tenant =
        created(&post_raw(server, with_data(&unique_label("data"), data)).expect_status(201));
    let back: Value = serde_json::from_str(&served_data(server, &tenant)).unwrap();
    assert_eq!(back, serde_json::from_str::<Value>(data).unwrap());
}

#[test]
fn without_data_a_tenant_has_an_empty_object() {
    let server = shared();
    let tenant = created(&post_tenant(server, &create_body(&unique_label("data"))));
    assert_eq!(served_data(server, &tenant), "{}");
}

#[test]
fn a_charset_parameter_and_letter_case_of_the_content_type_do_not_matter() {
    let server = shared();
    for content_type in [
        "application/json; charset=utf-8",
        "Application/Json",
        "application/json;charset=\"UTF-8\"",
    ] {
        let body = create_body(&unique_label("media")).to_string();
        let request = server.post("/v1/tenants").bearer(&server.token());
        request.body(content_type, body).send().expect_status(201);
    }
    for content_type in [
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "text/json",
        "*/*",
        "application/merge-patch+json",
    ] {
        let body = create_body(&unique_label("media")).to_string();
        let request = server.post("/v1/tenants").bearer(&server.token());
        let answer = request.body(content_type, body).send();
        assert_eq!(answer.status, 415, "{content_type}: {answer}");
    }
}
