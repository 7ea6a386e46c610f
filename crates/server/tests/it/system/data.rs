//! A tenant's data comes back value for value, and what can't be kept is refused.

use serde_json::{Value, json};

use super::{SystemApi, TENANTS, assert_problem_shape, item, uuid_of};
use crate::harness::{Response, Server, reference};

/// 256 KiB.
const LARGEST: usize = 256 * 1024;

fn post(data: &str) -> Response {
    let body = format!(r#"{{"data":{data},"version":1}}"#);
    reference::shared()
        .system("POST", TENANTS)
        .body("application/json", body)
        .send()
}

#[track_caller]
fn data_text(answer: &Response) -> String {
    let text = answer.text();
    let start = text.find(r#""data":"#).expect("data is there") + 7;
    let end = text.rfind(r#","version":"#).expect("version is last");
    text[start..end].to_owned()
}

/// Read from the text: no parser of ours takes every number that the server keeps.
fn uuid_text(answer: &Response) -> String {
    let text = answer.text();
    let start = text.find(r#""uuid":""#).expect("uuid is there") + 8;
    text[start..start + 36].to_owned()
}

#[test]
fn order_digits_and_empty_values_come_back_as_they_went_in() {
    let server = reference::shared();
    for data in [
        "{}",
        r#"{"z":1,"a":2,"m":{"y":1,"b":2},"0":3,"10":4,"9":5}"#,
        r#"{"x":1.0}"#,
        r#"{"x":1.10}"#,
        r#"{"x":-0}"#,
        r#"{"x":-0.0}"#,
        r#"{"x":1e400}"#,
        r#"{"x":-1E+400}"#,
        r#"{"x":1e-400}"#,
        r#"{"x":1E5}"#,
        r#"{"x":9007199254740993}"#,
        r#"{"x":9223372036854775807}"#,
        r#"{"x":9223372036854775808}"#,
        r#"{"x":18446744073709551616}"#,
        r#"{"x":123456789012345678901234567890}"#,
        r#"{"x":0.1000000000000000055511151231257827}"#,
        r#"{"a":{},"b":[],"c":[{}],"d":null,"e":"","f":[[]],"":1}"#,
        r#"{"data":{},"version":7,"uuid":"x"}"#,
        r#"{"b":true,"a":false}"#,
        r#"{"__proto__":{"a":1},"$ref":"x","constructor":[]}"#,
    ] {
        println!("{data}");
        let made = post(data).expect_status(200);
        assert_eq!(data_text(&made), data);
        let uuid = uuid_text(&made);
        let path = item(&uuid);
        let read = server.system("GET", &path).send().expect_status(200);
        assert_eq!(data_text(&read), data);
        let linked = server
            .system_default("GET", &path)
            .send()
            .expect_status(200);
        assert_eq!(data_text(&linked), data);
        let tenant = server
            .get(&format!("/v1/tenants/{uuid}"))
            .bearer(&server.token())
            .send()
            .expect_status(200);
        let member = format!(r#""data":{data}"#);
        assert!(tenant.text().contains(&member), "{tenant}");
        let other = server.make_any();
        let changed = server
            .system("PUT", &item(uuid_of(&other)))
            .body(
                "application/json",
                format!(r#"{{"version":1,"data":{data}}}"#),
            )
            .send()
            .expect_status(200);
        assert_eq!(data_text(&changed), data);
    }
}

#[test]
fn strings_and_names_come_back_character_for_character() {
    for data in [
        r#"{"emoji":"😀👩‍👩‍👧‍👦","名":"値","é":"é"}"#,
        r#"{"e\u00e9":"\u00e9 \u0065\u0301"}"#,
        r#"{"pair":"\ud83d\ude00"}"#,
        r#"{"escapes":"\" \\ \/ \b \f \n \r \t \u001f \u007f \u2028"}"#,
        r#"{"html":"</script><b>&amp;","quote\"d":1}"#,
        "{\"bare\":\"\u{7f}\u{2028}\u{fffe}\u{10ffff}\"}",
        r#"{ "white" : [ 1 , 2 ] , "space" :	{ } }"#,
    ] {
        println!("{data}");
        let sent: Value = serde_json::from_str(data).unwrap();
        let made = post(data).expect_status(200).json();
        assert_eq!(made["data"], sent);
        let read = reference::shared().read(uuid_of(&made));
        assert_eq!(read["data"], sent);
    }
}

#[test]
fn what_no_database_can_keep_is_refused_and_nothing_is_made() {
    let server = Server::start();
    let refused: &[&[u8]] = &[
        br#"{"data":{"a":"\u0000"},"version":1}"#,
        br#"{"data":{"\u0000":1},"version":1}"#,
        br#"{"data":{"a":[{"b":"x\u0000y"}]},"version":1}"#,
        br#"{"data":{"a":"\ud800"},"version":1}"#,
        br#"{"data":{"a":"\udc00"},"version":1}"#,
        br#"{"data":{"a":"\ud83dx"},"version":1}"#,
        br#"{"data":{"a":"\ud83d\ud83d"},"version":1}"#,
        br#"{"data":{"a":"\ude00\ud83d"},"version":1}"#,
        br#"{"data":{"\ud800":1},"version":1}"#,
        br#"{"data":{"a":1,"a":2},"version":1}"#,
        br#"{"data":{"a":1,"\u0061":2},"version":1}"#,
        br#"{"data":{"x":[{"a":{},"b":1,"a":{}}]},"version":1}"#,
        br#"{"data":{},"data":{},"version":1}"#,
        br#"{"data":{},"version":1,"version":1}"#,
        br#"{"data":{},"version":1,"ignored":{"a":1,"a":2}}"#,
        b"{\"data\":{\"a\":\"\xff\"},\"version\":1}",
        b"{\"data\":{\"a\":\"\xc0\x80\"},\"version\":1}",
        b"{\"data\":{\"a\":\"\xed\xa0\x80\"},\"version\":1}",
        b"{\"data\":{\"a\":\"\x00\"},\"version\":1}",
        b"{\"data\":{\"\xf0\x9f\x98\":1},\"version\":1}",
    ];
    for &body in refused {
        println!("{}", String::from_utf8_lossy(body));
        let answer = server
            .system("POST", TENANTS)
            .body("application/json", body)
            .send();
        assert_problem_shape(&answer, 400);
    }
    let list = server.system("GET", TENANTS).send().expect_status(200);
    assert_eq!(list.text(), "[]");
    let record = server.make(&json!({"kept": true}));
    for &body in refused {
        let answer = server
            .system("PUT", &item(uuid_of(&record)))
            .body("application/json", body)
            .send();
        assert_problem_shape(&answer, 400);
    }
    assert_eq!(server.read(uuid_of(&record)), record);
}

/// Data of so many levels; in a body it lies one deeper.
fn nested(levels: usize, open: &str, close: &str) -> String {
    let inner = levels - 1;
    format!("{{\"a\":{}1{}}}", open.repeat(inner), close.repeat(inner))
}

#[test]
fn a_body_of_64_levels_is_taken_and_one_of_65_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deepest = nested(63, open, close);
        let made = post(&deepest).expect_status(200);
        assert_eq!(data_text(&made), deepest);
        assert_problem_shape(&post(&nested(64, open, close)), 400);
        assert_problem_shape(&post(&nested(10_000, open, close)), 400);
    }
    // Depth counts in what is ignored as well, and the body's own braces are the first.
    let body = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"data":{{}},"version":1,"ignored":{open}{close}}}"#)
    };
    let send = |body: String| {
        reference::shared()
            .system("POST", TENANTS)
            .body("application/json", body)
            .send()
    };
    send(body(63)).expect_status(200);
    assert_problem_shape(&send(body(64)), 400);
}

#[test]
fn wide_objects_and_every_plane_of_unicode_come_back_in_both_views_and_in_lists() {
    let server = Server::start();
    let members: Vec<_> = (0..10_000)
        .map(|n| format!(r#""{:x}":{n}.0"#, (n * 7919) % 10_007))
        .collect();
    // Every 97th character that may stand bare in a string, NUL and the surrogates left out.
    let characters: String = (0x20..=0x0010_ffff)
        .step_by(97)
        .filter_map(char::from_u32)
        .filter(|c| !matches!(c, '"' | '\\'))
        .collect();
    for data in [
        format!("{{{}}}", members.join(",")),
        format!(r#"{{"{characters}":"{characters}"}}"#),
    ] {
        assert!(data.len() < LARGEST, "{}", data.len());
        let body = format!(r#"{{"data":{data},"version":1}}"#);
        let post = server
            .system("POST", TENANTS)
            .body("application/json", body);
        let made = post.send().expect_status(200);
        assert!(data_text(&made) == data, "made");
        let uuid = uuid_text(&made);
        let tenant = server
            .get(&format!("/v1/tenants/{uuid}"))
            .bearer(&server.token());
        let shown = [
            server.system("GET", &item(&uuid)),
            server.system_default("GET", &item(&uuid)),
            server.system("GET", &format!("{TENANTS}?uuid={uuid}")),
            server.system_default("GET", &format!("{TENANTS}?uuid={uuid}")),
            tenant,
        ];
        let member = format!(r#""data":{data}"#);
        for request in shown {
            let answer = request.send().expect_status(200);
            assert!(answer.text().contains(&member), "shown");
        }
    }
}

#[test]
fn many_shallow_values_are_not_deep() {
    let data = format!(r#"{{"a":[{}1]}}"#, "[],{},".repeat(1000));
    assert_eq!(data_text(&post(&data).expect_status(200)), data);
}

#[test]
fn data_of_256_kib_is_taken_and_one_byte_more_refused() {
    let server = reference::shared();
    let data = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length - 8));
    assert_eq!(data(LARGEST).len(), LARGEST);
    let made = post(&data(LARGEST)).expect_status(200);
    assert_eq!(data_text(&made), data(LARGEST));
    let too_long = post(&data(LARGEST + 1));
    assert_problem_shape(&too_long, 400);
    assert_eq!(too_long.json()["violations"][0]["propertyPath"], "data");
    let record = made.json();
    let put = server
        .system("PUT", &item(uuid_of(&record)))
        .body(
            "application/json",
            format!(r#"{{"version":1,"data":{}}}"#, data(LARGEST + 1)),
        )
        .send();
    assert_problem_shape(&put, 400);
    assert_eq!(server.read(uuid_of(&record))["version"], 1);
}
