use proptest::prelude::*;

use super::*;

fn kind_of(text: &[u8]) -> JsonFaultKind {
    Value::parse(text).unwrap_err().kind
}

#[test]
fn takes_what_rfc_8259_takes() {
    for good in [
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.5e+10",
        "1E400",
        "\"\"",
        " \r\n\t1 ",
        r#"{"a":[1,{"b":null}],"c":"\"\\\/\b\f\n\r\té\ud83d\ude00"}"#,
    ] {
        assert!(Value::parse(good.as_bytes()).is_ok(), "{good}");
    }
}

#[test]
fn names_what_is_wrong_and_where() {
    use JsonFaultKind as Fault;
    let cases: [(&[u8], Fault); 29] = [
        (b"", Fault::End),
        (b" ", Fault::End),
        (b"{", Fault::End),
        (b"[1", Fault::End),
        (b"\"abc", Fault::End),
        (b"\"\\u12", Fault::End),
        (b"tru", Fault::End),
        (b"truth", Fault::Character),
        (b"{a:1}", Fault::Character),
        (b"{\"a\" 1}", Fault::Character),
        (b"{\"a\":1,}", Fault::Character),
        (b"[1,]", Fault::Character),
        (b"[1 2]", Fault::Character),
        (b"NaN", Fault::Character),
        (b"+1", Fault::Character),
        (b"\xef\xbb\xbf{}", Fault::Character),
        (b"1 2", Fault::Trailing),
        (b"{}}", Fault::Trailing),
        (b"01", Fault::Number),
        (b"-", Fault::Number),
        (b"1.", Fault::Number),
        (b"1e", Fault::Number),
        (b"\"\x01\"", Fault::String),
        (b"\"\\x\"", Fault::String),
        (b"\"\\u00g0\"", Fault::String),
        (b"\"\xff\"", Fault::Utf8),
        (br#""\u0000""#, Fault::Nul),
        (br#"{"\ud83d":1}"#, Fault::LoneSurrogate),
        (br#"["\ude00\ud83d"]"#, Fault::LoneSurrogate),
    ];
    for (text, kind) in cases {
        assert_eq!(kind_of(text), kind, "{:?}", String::from_utf8_lossy(text));
    }
    assert_eq!(kind_of(br#""\ud83dA""#), Fault::LoneSurrogate);
    let fault = Value::parse(b"{\n  \"a\": ?\n}").unwrap_err();
    assert_eq!(
        fault.to_string(),
        "unexpected character at line 2, column 8"
    );
}

#[test]
fn a_name_stands_once_however_it_is_spelled() {
    assert_eq!(
        kind_of(br#"{"a":1,"b":{"a":2},"\u0061":3}"#),
        JsonFaultKind::Duplicate("a".to_owned())
    );
}

#[test]
fn the_outermost_level_is_the_first_of_64() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(Value::parse(nested(64).as_bytes()).is_ok());
    assert_eq!(kind_of(nested(65).as_bytes()), JsonFaultKind::Depth);
    let objects = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    assert!(Value::parse(objects(64).as_bytes()).is_ok());
    assert_eq!(kind_of(objects(65).as_bytes()), JsonFaultKind::Depth);
    assert_eq!(
        kind_of("[".repeat(1_000_000).as_bytes()),
        JsonFaultKind::Depth
    );
}

#[test]
fn members_and_elements_keep_order_and_text() {
    let text = br#" { "b" : 1.0 , "a" : [ 1e400, "x,]}" , {"k":"v"} ], "n": null, "t":true } "#;
    let object = Value::parse(text).unwrap().as_object().unwrap();
    let names: Vec<_> = object
        .iter()
        .map(|(name, value)| (name.to_owned(), value.kind()))
        .collect();
    assert_eq!(
        names,
        [
            ("b".to_owned(), Kind::Number),
            ("a".to_owned(), Kind::Array),
            ("n".to_owned(), Kind::Null),
            ("t".to_owned(), Kind::Bool),
        ]
    );
    let elements = object.get("a").unwrap().as_array().unwrap();
    let texts: Vec<_> = elements.iter().map(|value| value.text()).collect();
    assert_eq!(texts, ["1e400", "\"x,]}\"", "{\"k\":\"v\"}"]);
    assert_eq!(
        object.get("a").unwrap().to_compact(),
        r#"[1e400,"x,]}",{"k":"v"}]"#
    );
    assert_eq!(object.get("t").unwrap().as_bool(), Some(true));
    assert_eq!(object.get("missing"), None);
}

#[test]
fn integers_are_written_as_integers() {
    let integer = |text: &str| Value::parse(text.as_bytes()).unwrap().as_integer();
    assert_eq!(integer("9223372036854775807"), Some(i64::MAX));
    assert_eq!(integer("9223372036854775808"), None);
    assert_eq!(integer("1.0"), None);
    assert_eq!(integer("1e0"), None);
    assert_eq!(integer("\"1\""), None);
}

pub(super) fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "[^\0]{0,8}".prop_map(serde_json::Value::String),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::hash_map("[^\0]{0,4}", inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// An independent parser reads from the compact text what it wrote to the long one.
    #[test]
    fn compacting_changes_no_value(value in any_json()) {
        let long = serde_json::to_string_pretty(&value).unwrap();
        let compact = Value::parse(long.as_bytes()).unwrap().to_compact();
        prop_assert_eq!(&compact, &serde_json::to_string(&value).unwrap());
    }

    /// Whatever is taken here, an independent parser takes too (numbers beyond its range aside).
    #[test]
    fn takes_no_text_that_another_parser_refuses(text in r#"[\[\]{}",:0-9.eE+\\a-u \-]{0,24}"#) {
        if Value::parse(text.as_bytes()).is_ok() {
            let parsed = serde_json::from_str::<&serde_json::value::RawValue>(&text);
            prop_assert!(parsed.is_ok(), "{:?}", parsed);
        }
    }

    #[test]
    fn no_bytes_make_the_scanner_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = Value::parse(&bytes) {
            let _ = (value.to_compact(), value.as_object(), value.as_array(), value.as_str());
        }
    }
}
