//! §3.4: what opens the management API, and above all what does not.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::harness::reference::{environments_file, shared, unique_label};
use crate::harness::{Response, Server, raw};
use crate::jwt;
use crate::support::{assert_error, create_tenant, management_client, poll, sql};

const MISSING: &str = r#"Bearer realm="tenantry""#;

/// The key pair of RFC 8032 §7.1, test 1: anybody's key.
const STRANGERS_SEED: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
    0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];
const STRANGERS_PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

#[track_caller]
fn assert_invalid_token(answer: &Response) {
    assert_unauthorized(answer);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with(MISSING), "{answer}");
    assert!(challenge.contains(r#"error="invalid_token""#), "{answer}");
}

#[track_caller]
fn assert_unauthorized(answer: &Response) {
    let body = assert_error(answer, 401, "Unauthorized");
    assert_eq!(body["details"], json!([]), "{answer}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer}");
    let challenge = answer.header("www-authenticate").expect("a challenge");
    assert!(challenge.starts_with(MISSING), "{answer}");
}

fn use_token(server: &Server, token: &str) -> Response {
    server.get("/v1/tenants").bearer(token).send()
}

#[test]
fn without_a_credential_the_answer_is_401_with_the_bare_challenge() {
    let answer = shared().get("/v1/tenants").send();
    assert_unauthorized(&answer);
    assert_eq!(answer.header("www-authenticate"), Some(MISSING));
}

#[test]
fn another_scheme_is_401_with_a_bearer_challenge() {
    let server = shared();
    let bootstrap = server.credentials();
    let token = server.token();
    let right_basic = server
        .get("/v1/tenants")
        .basic(&bootstrap.client_id, &bootstrap.client_secret)
        .send();
    assert_unauthorized(&right_basic);
    let system = server
        .get("/v1/tenants")
        .basic(&bootstrap.system_username, &bootstrap.system_password)
        .send();
    assert_unauthorized(&system);
    for header in [
        format!("Token {token}"),
        format!("DPoP {token}"),
        token.clone(),
        "Bearer".into(),
    ] {
        assert_unauthorized(
            &server
                .get("/v1/tenants")
                .header("Authorization", &header)
                .send(),
        );
    }
}

#[test]
fn the_schemes_name_has_no_letter_case() {
    let server = shared();
    for scheme in ["bearer", "BEARER"] {
        let header = format!("{scheme} {}", server.token());
        server
            .get("/v1/tenants")
            .header("Authorization", &header)
            .send()
            .expect_status(200);
    }
}

#[test]
fn a_malformed_token_is_invalid_token() {
    let server = shared();
    let token = server.token();
    let [header, claims, signature] = *token.split('.').collect::<Vec<_>>() else {
        panic!()
    };
    let table = [
        "abc".to_owned(),
        "a.b.c".to_owned(),
        "..".to_owned(),
        format!("{token} {token}"),
        format!("{token},"),
        format!("{token}."),
        format!("{token}="),
        format!("{header}.{claims}"),
        format!("{header}.{claims}."),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{header}.{claims}.{signature}.{signature}"),
        "x".repeat(7000),
    ];
    for malformed in table {
        assert_invalid_token(&use_token(server, &malformed));
    }
}

#[test]
fn a_tampered_token_is_invalid_token() {
    let server = shared();
    let token = server.token_with_scopes(&["environments:read"]);
    let [header, claims, signature] = *token.split('.').collect::<Vec<_>>() else {
        panic!()
    };
    let mut more = jwt::claims(&token);
    more["scope"] = Value::from("tenants:read tenants:write");
    let mut longer = jwt::claims(&token);
    longer["exp"] = json!(4_102_444_800_u64);
    let mut other_header = jwt::part(&token, 0);
    other_header["typ"] = Value::from("JWT");
    let middle = signature.len() / 2;
    let flipped = if &signature[middle..=middle] == "A" {
        "B"
    } else {
        "A"
    };
    let table = [
        format!("{header}.{}.{signature}", jwt::encode(&more)),
        format!("{header}.{}.{signature}", jwt::encode(&longer)),
        format!("{}.{claims}.{signature}", jwt::encode(&other_header)),
        format!(
            "{header}.{claims}.{}{flipped}{}",
            &signature[..middle],
            &signature[middle + 1..]
        ),
        format!("{header}.{claims}.{}", &signature[..signature.len() - 8]),
        format!("{header}.{claims}.{}", "A".repeat(signature.len())),
    ];
    for tampered in table {
        assert_invalid_token(&use_token(server, &tampered));
    }
}

#[test]
fn the_algorithm_none_is_invalid_token() {
    let server = shared();
    let token = server.token();
    let kid = &jwt::part(&token, 0)["kid"];
    let [_, claims, signature] = *token.split('.').collect::<Vec<_>>() else {
        panic!()
    };
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let header = jwt::encode(&json!({"alg": none, "typ": "at+jwt", "kid": kid}));
        assert_invalid_token(&use_token(server, &format!("{header}.{claims}.")));
        assert_invalid_token(&use_token(
            server,
            &format!("{header}.{claims}.{signature}"),
        ));
    }
}

#[test]
fn hs256_under_anything_public_is_invalid_token() {
    let server = shared();
    let token = server.token();
    let claims = jwt::claims(&token);
    let set = server.get("/.well-known/jwks.json").send();
    let key = set.json()["keys"][0].clone();
    let modulus = crate::support::text(&key["n"]);
    let secrets = [
        EncodingKey::from_secret(&set.body),
        EncodingKey::from_secret(key.to_string().as_bytes()),
        EncodingKey::from_secret(modulus.as_bytes()),
        EncodingKey::from_secret(public_key_pem(&modulus).as_bytes()),
        EncodingKey::from_secret(public_key_pem(&modulus).trim_end().as_bytes()),
        EncodingKey::from_secret(&public_key_der(&modulus)),
        EncodingKey::from_secret(b""),
    ];
    for secret in &secrets {
        let header = jwt::header_with(&token, Algorithm::HS256);
        let forged = jsonwebtoken::encode(&header, &claims, secret).unwrap();
        assert_invalid_token(&use_token(server, &forged));
    }
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    let server = shared();
    let token = server.token();
    let claims = jwt::claims(&token);
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": STRANGERS_PUBLIC, "alg": "EdDSA", "use": "sig", "kid": "mine"});
    let mut pkcs8 = vec![
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    pkcs8.extend(STRANGERS_SEED);
    let key = EncodingKey::from_ed_der(&pkcs8);
    let of_server = jwt::header_with(&token, Algorithm::EdDSA);
    let with_jwk = |kid: Option<&str>| Header {
        jwk: Some(serde_json::from_value(jwk.clone()).unwrap()),
        kid: kid.map(str::to_owned),
        jku: Some(format!("{}/.well-known/jwks.json", server.public_url())),
        ..of_server.clone()
    };
    let headers = [
        of_server.clone(),
        with_jwk(of_server.kid.as_deref()),
        with_jwk(Some("mine")),
        with_jwk(None),
        Header {
            kid: Some("../../../../dev/null".into()),
            ..of_server.clone()
        },
        Header {
            kid: Some("' OR 1=1 --".into()),
            ..of_server.clone()
        },
    ];
    for header in headers {
        let forged = jsonwebtoken::encode(&header, &claims, &key).unwrap();
        assert_invalid_token(&use_token(server, &forged));
    }
}

#[test]
fn an_expired_token_is_invalid_token_with_no_leeway() {
    let server = Server::builder().env("TENANTRY_TOKEN_TTL", "2").start();
    let token = server.token();
    // The bound of `poll` is far below the leeway that JWT libraries have by default.
    let request = server.get("/v1/tenants").bearer(&token);
    let refused = poll(&request, |answer| answer.status != 200);
    assert_invalid_token(&refused);
}

#[test]
fn another_audience_is_invalid_token() {
    let server = shared();
    let tenant = create_tenant(server, &unique_label("audience"));
    let token = server.token_for(&tenant.client_id, &tenant.client_secret);
    assert_invalid_token(&use_token(server, &token));
    let of_itself = server.get(&tenant.path()).bearer(&token).send();
    assert_invalid_token(&of_itself);
}

#[test]
fn another_issuer_is_invalid_token() {
    let mut server = Server::builder()
        .env("TENANTRY_PUBLIC_URL", "https://before.example.test")
        .environments_file(&environments_file())
        .start();
    let token = server.token();
    server
        .get("/v1/tenants")
        .bearer(&token)
        .send()
        .expect_status(200);
    server.set_env("TENANTRY_PUBLIC_URL", "https://after.example.test");
    server.restart();
    assert_invalid_token(&use_token(&server, &token));
    use_token(&server, &server.token()).expect_status(200);
}

#[test]
fn another_servers_token_is_invalid_token() {
    let public_url = "https://same.example.test";
    let other = Server::builder()
        .env("TENANTRY_PUBLIC_URL", public_url)
        .start();
    let server = Server::builder()
        .env("TENANTRY_PUBLIC_URL", public_url)
        .start();
    assert_invalid_token(&use_token(&server, &other.token()));
}

#[test]
fn two_authorization_headers_are_401() {
    let server = shared();
    let token = server.token();
    assert_unauthorized(
        &server
            .get("/v1/tenants")
            .bearer(&token)
            .bearer(&token)
            .send(),
    );
    assert_unauthorized(
        &server
            .get("/v1/tenants")
            .bearer(&token)
            .basic("a", "b")
            .send(),
    );
}

#[test]
fn a_token_anywhere_but_in_the_header_is_not_read() {
    let server = shared();
    let token = server.token();
    let in_query = server
        .get(&format!("/v1/tenants?access_token={token}"))
        .send();
    assert_eq!(
        in_query.header("www-authenticate"),
        Some(MISSING),
        "{in_query}"
    );
    assert_unauthorized(&in_query);
    let in_form = server
        .post("/v1/tenants")
        .form(&[("access_token", &token)])
        .send();
    assert_unauthorized(&in_form);
    let cookie = format!("access_token={token}; token={token}");
    assert_unauthorized(&server.get("/v1/tenants").header("Cookie", &cookie).send());
}

#[test]
fn a_missing_scope_is_403_and_the_challenge_names_it() {
    let server = shared();
    let token = server.token_with_scopes(&["clients:read", "environments:read"]);
    for (method, path, scope) in [
        ("GET", "/v1/tenants", "tenants:read"),
        ("POST", "/v1/tenants", "tenants:write"),
    ] {
        let answer = server
            .request(method, path)
            .bearer(&token)
            .json(&json!({}))
            .send();
        let body = assert_error(&answer, 403, "Forbidden");
        assert_eq!(body["details"], json!([]));
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with(MISSING), "{answer}");
        assert!(
            challenge.contains(r#"error="insufficient_scope""#),
            "{answer}"
        );
        assert!(
            challenge.contains(&format!(r#"scope="{scope}""#)),
            "{answer}"
        );
    }
}

#[test]
fn a_credential_is_looked_at_before_a_body() {
    let server = shared();
    let answer = server.post("/v1/tenants").body("text/plain", "{").send();
    assert_unauthorized(&answer);
}

#[test]
fn a_token_in_a_header_with_bytes_beyond_ascii_is_401_or_400_and_never_a_fault() {
    let server = shared();
    let request = b"GET /v1/tenants HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer \xff\xfe\r\n\r\n";
    let answer = raw::parse(&raw::exchange(server.address(), request));
    assert!([400, 401].contains(&answer.status), "{answer}");
}

#[test]
fn the_token_of_a_client_that_is_disabled_or_deleted_is_invalid_token() {
    let server = Server::reference();
    for action in [
        "UPDATE clients SET status = 'disabled' WHERE client_id =",
        "DELETE FROM clients WHERE client_id =",
    ] {
        let (id, secret) = management_client(&server, &["tenants:read"], &[]);
        let token = server.token_for(&id, &secret);
        use_token(&server, &token).expect_status(200);
        sql(&server, &format!("{action} '{id}'"));
        assert_invalid_token(&use_token(&server, &token));
    }
}

/// `SubjectPublicKeyInfo` of a 2048 bit RSA key with the exponent 65537.
fn public_key_der(modulus: &str) -> Vec<u8> {
    use base64::Engine as _;
    let modulus = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(modulus)
        .unwrap();
    let mut der = vec![
        0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
        0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82,
        0x01, 0x01, 0x00,
    ];
    der.extend(modulus);
    der.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
    der
}

fn public_key_pem(modulus: &str) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(public_key_der(modulus));
    let lines: Vec<_> = encoded
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        lines.join("\n")
    )
}
