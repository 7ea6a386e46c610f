//! Tokens of a made-up server, whose key set is served to as many as ask.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use tenantry_domain::testing;

use super::*;

const ISSUER: &str = "https://manage.example.com";
/// Something that is done to a good header.
type Harm = fn(&mut Header);

const LATER: i64 = 32_503_680_000;

/// A key pair, and what its server publishes.
struct Server {
    key: EncodingKey,
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Server {
    fn start() -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some("one".to_owned());
        let unusable = json!({"kty": "AKP", "kid": "two", "alg": "ML-DSA-65", "pub": "AA"});
        let set = json!({"keys": [unusable, jwk]}).to_string();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        thread::spawn({
            let asked = asked.clone();
            move || {
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    let head = BufReader::new(stream.try_clone().unwrap()).lines();
                    let _ = head.map_while(Result::ok).find(String::is_empty);
                    asked.fetch_add(1, Ordering::SeqCst);
                    let length = set.len();
                    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length:";
                    let _ = write!(stream, "{head} {length}\r\n\r\n{set}");
                }
            }
        });
        Self { key, url, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn token(&self, header: &Header, claims: &Value) -> String {
        encode(header, claims, &self.key).unwrap()
    }
}

fn served() -> Served {
    Served {
        tenant: testing::tenant(),
        environment: testing::environment(),
    }
}

fn header() -> Header {
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some("one".to_owned());
    header
}

fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": "https://my-tenant.vii.mattr.global",
        "sub": "suC7IhmDIawnlqBlEOuIqBWoqppcdI5X",
        "client_id": "suC7IhmDIawnlqBlEOuIqBWoqppcdI5X",
        "tenant_id": testing::tenant().id.to_string(),
        "exp": LATER,
        "jti": "7",
        "scope": "read write",
    })
}

#[actix_web::test]
async fn a_tenants_token_is_taken_and_everything_else_is_not() {
    let server = Server::start();
    let keys = KeySet::new(server.url.clone()).unwrap();
    let outcome = async |header: &Header, claims: &Value| {
        let token = server.token(header, claims);
        verify(&keys, ISSUER, &served(), &token).await
    };
    let caller = outcome(&header(), &claims()).await.unwrap();
    assert_eq!(caller.scope, "read write");
    assert_eq!((caller.token_id, caller.key_id), ("7".into(), "one".into()));

    for (member, value) in [
        ("iss", json!("https://other.example.com")),
        ("iss", Value::Null),
        ("aud", json!("https://other.vii.mattr.global")),
        ("aud", json!(ISSUER)),
        ("aud", Value::Null),
        ("sub", Value::Null),
        ("exp", json!(1)),
        ("exp", Value::Null),
        ("exp", json!("soon")),
        ("jti", Value::Null),
        ("client_id", Value::Null),
        ("client_id", json!("no id")),
        ("tenant_id", Value::Null),
        ("tenant_id", json!("3d2c7dd5-64f5-4a7e-9d3c-0d4ea97ea1ba")),
    ] {
        let mut claims = claims();
        claims[member] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(member);
        }
        let refused = outcome(&header(), &claims).await;
        assert_eq!(refused.unwrap_err(), Refusal::Invalid, "{member}: {value}");
    }
    let harms: [(&str, Harm); 5] = [
        ("no type", |header| header.typ = None),
        ("another type", |header| header.typ = Some("JWT".to_owned())),
        ("no key", |header| header.kid = None),
        ("an unusable key", |header| {
            header.kid = Some("two".to_owned());
        }),
        ("something critical", |header| {
            header.crit = Some(vec!["exp".to_owned()]);
        }),
    ];
    for (what, harm) in harms {
        let mut header = header();
        harm(&mut header);
        let refused = outcome(&header, &claims()).await;
        assert_eq!(refused.unwrap_err(), Refusal::Invalid, "{what}");
    }
    let long = Header {
        typ: Some("application/AT+JWT".to_owned()),
        ..header()
    };
    assert!(outcome(&long, &claims()).await.is_ok());
    // The algorithm is the key's, whatever the token says.
    let secret = EncodingKey::from_secret(b"anything public");
    let hs256 = Header {
        alg: Algorithm::HS256,
        ..header()
    };
    let forged = encode(&hs256, &claims(), &secret).unwrap();
    let stranger = Server::start().token(&header(), &claims());
    for token in [forged.as_str(), &stranger, "", "a.b.c", "…"] {
        let refused = verify(&keys, ISSUER, &served(), token).await;
        assert_eq!(refused.unwrap_err(), Refusal::Invalid, "{token}");
    }
}

#[actix_web::test]
async fn the_set_is_fetched_once_and_for_unknown_keys_no_more_often_than_that() {
    let server = Server::start();
    let keys = KeySet::new(server.url.clone()).unwrap();
    for _ in 0..20 {
        assert!(keys.get("one").await.is_ok());
        assert_eq!(keys.get("three").await.err(), Some(Refusal::Invalid));
    }
    assert_eq!(server.asked(), 1);
    let eager = keys.pausing(Duration::ZERO);
    assert_eq!(eager.get("three").await.err(), Some(Refusal::Invalid));
    assert_eq!(server.asked(), 2);
    assert!(eager.get("one").await.is_ok());
    assert_eq!(server.asked(), 2, "what is known is not asked for");
}

#[actix_web::test]
async fn without_a_key_set_nobody_knows() {
    // Nobody listens there: the port was free a moment ago, and is taken by nobody who speaks HTTP.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks", silent.local_addr().unwrap());
    drop(silent);
    let keys = KeySet::new(url).unwrap();
    assert_eq!(keys.get("one").await.err(), Some(Refusal::NoKeys));
}
