//! What is put where something decent is due. Values of bodies are JSON texts; values of queries and
//! paths are percent-encoded as far as a request line needs it.

/// What stands for an id in a path.
pub(super) const IDS: &[&str] = &[
    "%20",
    "x",
    "0",
    "-1",
    "null",
    "undefined",
    "99999999999999999999",
    "%00",
    "%FF",
    "%C3%28",
    "%ED%A0%80",
    "%2F",
    "%2e%2e%2f",
    "..%5c",
    "%2500",
    "%25252e",
    "'%20OR%20'1'%3D'1",
    "%3Cscript%3E",
    "%0d%0aX-Injected:%201",
    "3D2C7DD564F54A7E9D3C0D4EA97EA1BA",
    "%7B3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1ba%7D",
    "urn:uuid:3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1ba",
    "3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1ba%20",
    "3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1b%C9%A1",
    "3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1ba;v=1",
];

/// What stands for a number in a query.
pub(super) const NUMBERS: &[&str] = &[
    "",
    "x",
    "-1",
    "-9223372036854775809",
    "1.5",
    "1e3",
    "0x10",
    "%2B1",
    "%EF%BC%91",
    "1%00",
    "%201",
    "NaN",
    "1,2",
    "%FF",
];

/// What stands for a number that is too large for every integer.
pub(super) const LARGE_NUMBERS: &[&str] = &[
    "2147483648",
    "4294967296",
    "9223372036854775808",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
];

/// What stands for a cursor. Some are the base64url of pairs that are wrong.
pub(super) const CURSORS: &[&str] = &[
    "",
    "x",
    "====",
    "%FF",
    "%00",
    // createdAt=2026-01-01T00:00:00Z
    "Y3JlYXRlZEF0PTIwMjYtMDEtMDFUMDA6MDA6MDBa",
    // createdAt=2026-01-01T00:00:00Z&id=nope
    "Y3JlYXRlZEF0PTIwMjYtMDEtMDFUMDA6MDA6MDBaJmlkPW5vcGU",
    // createdAt=99999-01-01T00:00:00Z&id=3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1ba
    "Y3JlYXRlZEF0PTk5OTk5LTAxLTAxVDAwOjAwOjAwWiZpZD0zZDJjN2RkNS02NGY1LTRhN2UtOWQzYy0wZDRlYTk3ZWExYmE",
    // The same of 2026, with padding.
    "Y3JlYXRlZEF0PTIwMjYtMDEtMDFUMDA6MDA6MDBaJmlkPTNkMmM3ZGQ1LTY0ZjUtNGE3ZS05ZDNjLTBkNGVhOTdlYTFiYQ==",
];

/// What stands for an id in a query.
pub(super) const QUERY_IDS: &[&str] = &[
    "x",
    "%00",
    "%FF",
    "%7B3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1ba%7D",
    "3d2c7dd564f54a7e9d3c0d4ea97ea1ba",
    "3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1ba%00",
];

/// What stands for an instant.
pub(super) const INSTANTS: &[&str] = &[
    "x",
    "2026",
    "2026-13-01",
    "2026-02-30",
    "2026-01-01T25:00:00Z",
    "2026-01-01T00:00:00",
    "2026-01-01T00:00:00%2B99:00",
    "99999-01-01T00:00:00Z",
    "-2026-01-01",
    "1767225600",
    "2026-01-01%00",
    "%FF",
];

/// What stands for a word of a list of words.
pub(super) const WORDS: &[&str] = &["x", "%00", "%FF", "ACTIVE", "active,suspended", "active%20"];

/// What stands for a host.
pub(super) const HOSTS: &[&str] = &[
    "",
    "%00",
    "%FF",
    "a%20b.example",
    "user@host.example",
    "%5B::1%5D",
    "host.example/path",
    "host.example:99999",
    "host.example:x",
    "a..b",
];

/// What stands for a whole JSON body.
pub(super) const BODIES: &[&[u8]] = &[
    b"",
    b" ",
    b"{",
    b"}",
    b"[]",
    b"[{}]",
    b"null",
    b"true",
    b"0",
    b"\"{}\"",
    b"{}{}",
    b"{} x",
    b"{,}",
    b"{\"a\":}",
    b"{\"a\":1,}",
    b"{'a':1}",
    b"{a:1}",
    b"{\"a\":NaN}",
    b"{\"a\":Infinity}",
    b"{\"a\":01}",
    b"{\"a\":+1}",
    b"{\"a\":.5}",
    b"{\"a\":0x1}",
    b"{\"a\":\"\x01\"}",
    b"{\"a\":\"\\x41\"}",
    b"{\"a\":\"\\ud800\"}",
    b"{\"a\":\"\\udc00\\ud800\"}",
    b"{\"a\":\"\\u0000\"}",
    b"{\"\\u0000\":1}",
    b"{\"a\":\"\xff\"}",
    b"{\"a\":\"\xed\xa0\x80\"}",
    b"{\"a\":\"\xc0\xaf\"}",
    b"{\"a\":1,\"a\":1}",
    b"{\"a\":1,\"\\u0061\":1}",
    b"\xef\xbb\xbf{}",
    b"\xfe\xff\x00{\x00}",
    b"{}\x00",
    b"// {}\n{}",
    b"<a/>",
    b"a=1&b=2",
];

/// What stands for a text.
pub(super) const TEXTS: &[&str] = &[
    "0",
    "-1",
    "1e400",
    "true",
    "[]",
    "[\"x\"]",
    "{}",
    "\"\\u0000\"",
];

/// What stands for a whole number.
pub(super) const INTEGERS: &[&str] = &[
    "\"1\"",
    "1.5",
    "-1",
    "-0.5",
    "1e400",
    "-1e400",
    "2147483648",
    "4294967296",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "true",
    "[1]",
    "{}",
];

/// What stands for an object.
pub(super) const OBJECTS: &[&str] = &["0", "\"{}\"", "[]", "[{}]", "true", "{\"a\":1,\"a\":2}"];

/// What stands for a list of texts.
pub(super) const LISTS: &[&str] = &[
    "0", "\"x\"", "{}", "true", "[1]", "[[]]", "[{}]", "[null]", "[\"\"]",
];

/// What stands for a truth.
pub(super) const TRUTHS: &[&str] = &["0", "1", "\"true\"", "[]", "{}", "[true]"];

/// What stands for a word.
pub(super) const JSON_WORDS: &[&str] = &[
    "0",
    "\"\"",
    "\"ACTIVE\"",
    "\"active \"",
    "[\"active\"]",
    "{}",
];

/// What stands for an id.
pub(super) const JSON_IDS: &[&str] = &[
    "0",
    "[]",
    "{}",
    "\"\"",
    "\"x\"",
    "\"3d2c7dd564f54a7e9d3c0d4ea97ea1ba\"",
    "\"{3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1ba}\"",
    "\"urn:uuid:3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1ba\"",
    "\"3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1ba \"",
    "\"3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1b\\uff41\"",
];

/// What stands for a subdomain's label.
pub(super) const LABELS: &[&str] = &[
    "0",
    "\"\"",
    "\"-a\"",
    "\"a-\"",
    "\"A\"",
    "\"a.b\"",
    "\"a_b\"",
    "\"a b\"",
    "\"ab--c\"",
    "\"xn--80ak6aa92e\"",
    "\"\\u0430pple\"",
    "\"\\uff41\"",
    "\"a\\u200b\"",
    "\"a\\u0301\"",
    "\"a%00\"",
    "\"www\"",
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
];

/// What stands for a domain.
pub(super) const DOMAINS: &[&str] = &[
    "0",
    "\"\"",
    "\".\"",
    "\"..\"",
    "\"a..example\"",
    "\"-a.example\"",
    "\"a-.example\"",
    "\"A.example\"",
    "\"\\u00e4.example\"",
    "\"\\uff41.example\"",
    "\"a\\u3002example\"",
    "\"a_b.example\"",
    "\"a b.example\"",
    "\"a.example:80\"",
    "\"a.example/\"",
    "\"[::1]\"",
    "\"a.example\\u0000\"",
];

/// What stands for the URL of a webhook.
pub(super) const URLS: &[&str] = &[
    "0",
    "\"\"",
    "\"hooks.example\"",
    "\"//hooks.example\"",
    "\"https://\"",
    "\"ftp://hooks.example\"",
    "\"file:///etc/passwd\"",
    "\"javascript:alert(1)\"",
    "\"http://hooks.example\"",
    "\"https://user:password@hooks.example\"",
    "\"https://hooks.example/#fragment\"",
    "\"https://127.0.0.1/\"",
    "\"https://127.1/\"",
    "\"https://0x7f000001/\"",
    "\"https://2130706433/\"",
    "\"https://[::1]/\"",
    "\"https://[::ffff:127.0.0.1]/\"",
    "\"https://\\uff11\\uff12\\uff17.0.0.1/\"",
    "\"https://169.254.169.254/latest\"",
    "\"https://localhost/\"",
    "\"https://hooks.example:99999/\"",
];

/// Headers that say what can't be, beside the request's own.
pub(super) const HEADERS: &[(&str, &[u8])] = &[
    ("Accept", b""),
    ("Accept", b";;;,,,"),
    ("Accept", b"*/*;q=NaN"),
    ("Accept", b"*/*;q=-1, */*;q=1e9"),
    ("Accept", b"\xff\xfe"),
    ("If-Match", b"\""),
    ("If-Match", b"\xff"),
    ("If-Match", b",,,"),
    ("If-None-Match", b"W/"),
    ("If-None-Match", b"\xff"),
    ("X-Request-Id", b"\xff\x01"),
    ("X-Request-Id", b"a b\tc"),
    ("Range", b"bytes=0-0,1-1,-1"),
    ("Expect", b"200-maybe"),
    ("Content-Encoding", b"gzip"),
    ("Cookie", b"a=\xff; a=b;;;"),
    ("Forwarded", b"for=\"\xff\";host=evil.example"),
    ("X-Forwarded-Host", b"evil.example"),
    ("X-HTTP-Method-Override", b"DELETE"),
    ("Accept-Encoding", b"br;q=x, \xff"),
];

/// What stands for a credential.
pub(super) const CREDENTIALS: &[&[u8]] = &[
    b"",
    b"Bearer",
    b"Bearer ",
    b"Bearer \xff",
    b"Bearer a b",
    b"Bearer ..",
    b"Bearer eyJhbGciOiJub25lIn0.e30.",
    b"Basic",
    b"Basic !!!",
    b"Basic Og==",
    b"Basic bm8gY29sb24=",
    b"Basic /zr/",
    b"Basic ADoA",
    b"Negotiate x",
    b"\xff",
];

/// What stands for an idempotency key.
pub(super) const KEYS: &[&[u8]] = &[b"", b"a b", b"\xff", b"\xc3\xa4", &[b'x'; 256]];
