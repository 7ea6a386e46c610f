//! §3.5 and §1: where secrets may be found, which is nowhere.

use serde_json::json;

use crate::harness::Server;
use crate::harness::reference::{environments_file, unique_label};
use crate::support::{ask_token, create_tenant, kept, management_client};

const CHOSEN_PASSWORD: &str = "a-password-that-a-person-chose";

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

/// The parameters `m`, `t`, `p` of every Argon2id PHC string in `bytes`.
fn phc_parameters(bytes: &[u8]) -> Vec<[u32; 3]> {
    let text = String::from_utf8_lossy(bytes);
    text.split("$argon2id$v=19$")
        .skip(1)
        .map(|rest| {
            let parameters = rest.split('$').next().unwrap();
            let mut values = [0; 3];
            for (value, (name, parameter)) in values
                .iter_mut()
                .zip(["m=", "t=", "p="].iter().zip(parameters.split(',')))
            {
                let number = parameter.strip_prefix(name).expect(parameters);
                *value = number.parse().expect(parameters);
            }
            values
        })
        .collect()
}

#[test]
fn no_secret_is_in_the_database_the_logs_or_the_output() {
    let mut server = Server::builder()
        .env("TENANTRY_LOG", "trace")
        .env("TENANTRY_SYSTEM_PASSWORD", CHOSEN_PASSWORD)
        .environments_file(&environments_file())
        .start();
    // A password that was given is never written down, so there is nothing to read it from.
    let written =
        std::fs::read_to_string(server.data_directory().join("bootstrap-credentials.json"));
    let written: serde_json::Value = serde_json::from_str(&written.unwrap()).unwrap();
    let client_id = written["clientId"].as_str().unwrap();
    let client_secret = written["clientSecret"].as_str().unwrap();
    assert!(!written.to_string().contains(CHOSEN_PASSWORD));

    let token = server.token_for(client_id, client_secret);
    let (_, other_secret) = management_client(&server, &["tenants:read"], &[]);
    let body = json!({
        "subdomain": unique_label("secrets"),
        "environmentId": crate::harness::reference::ENVIRONMENT_ID,
    });
    let tenant = server.post("/v1/tenants").bearer(&token).json(&body).send();
    let tenant = crate::support::created(&tenant);
    let tenant_token = server.token_for(&tenant.client_id, &tenant.client_secret);

    // Failures are what logs are written for.
    let attempt = "an-attempt-that-may-be-a-typo-of-the-real-one";
    ask_token(&server, client_id, attempt).expect_status(401);
    let form = [
        ("grant_type", "wrong"),
        ("client_id", client_id),
        ("client_secret", client_secret),
    ];
    server
        .post("/oauth/token")
        .form(&form)
        .send()
        .expect_status(400);
    let broken = format!(r#"{{"client_secret":"{client_secret}","client_id":5"#);
    server
        .post("/oauth/token")
        .body("application/json", broken)
        .send()
        .expect_status(400);
    server
        .get("/v1/tenants")
        .bearer(&tenant_token)
        .send()
        .expect_status(401);
    server
        .get("/system/tenants")
        .basic("system", CHOSEN_PASSWORD)
        .send()
        .expect_status(200);
    server
        .get("/system/tenants")
        .basic("system", attempt)
        .send()
        .expect_status(401);
    server
        .get(&tenant.path())
        .bearer(&token)
        .send()
        .expect_status(200);
    let status = server.stop();
    assert!(status.success(), "{status}");

    let basic = base64::engine::general_purpose::STANDARD_NO_PAD;
    let basic = base64::Engine::encode(&basic, format!("system:{CHOSEN_PASSWORD}"));
    let secrets = [
        &basic,
        client_secret,
        &other_secret,
        &tenant.client_secret,
        CHOSEN_PASSWORD,
        attempt,
        &token,
        &tenant_token,
    ];
    let mut places = kept(&server);
    places.push(("standard output".into(), server.stdout().into_bytes()));
    places.push(("standard error".into(), server.stderr().into_bytes()));
    for (place, bytes) in &places {
        for secret in secrets {
            assert!(!contains(bytes, secret), "{secret} is in {place}");
            let encoded =
                base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, secret);
            assert!(
                !contains(bytes, &encoded),
                "{secret}, base64, is in {place}"
            );
        }
        assert!(
            !contains(bytes, "PRIVATE KEY"),
            "a private key is in {place}"
        );
    }
}

#[test]
fn secrets_and_passwords_are_kept_as_argon2id_phc_strings() {
    let mut server = Server::builder()
        .env("TENANTRY_SYSTEM_PASSWORD", CHOSEN_PASSWORD)
        .environments_file(&environments_file())
        .start();
    management_client(&server, &["tenants:read"], &[]);
    server.stop();
    let contents = server.database().contents();
    let hashes: Vec<_> = contents
        .iter()
        .flat_map(|(_, bytes)| phc_parameters(bytes))
        .collect();
    let distinct = hashes.len();
    assert!(
        distinct >= 3,
        "the bootstrap client, the other one and the account: {hashes:?}"
    );
    // OWASP: 19 MiB, two passes, one lane, or better; only the password needs them.
    assert!(
        hashes
            .iter()
            .any(|[m, t, p]| *m >= 19 * 1024 && *t >= 2 && *p >= 1),
        "{hashes:?}"
    );
    assert!(
        hashes.iter().any(|[m, _, _]| *m < 19 * 1024),
        "secrets are light: {hashes:?}"
    );
}

#[test]
fn a_secret_is_shown_once_and_never_again() {
    let server = crate::harness::reference::shared();
    let tenant = create_tenant(server, &unique_label("once"));
    let token = server.token();
    let clients = format!("{}/clients", tenant.path());
    for path in [
        tenant.path().as_str(),
        &clients,
        "/v1/tenants?limit=1000",
        "/v1/environments",
    ] {
        let answer = server.get(path).bearer(&token).send().expect_status(200);
        assert!(!answer.text().contains(&tenant.client_secret), "{path}");
        assert!(!answer.text().contains("clientSecret"), "{path}");
        assert!(!answer.text().contains("argon2"), "{path}");
    }
}

#[test]
fn generated_secrets_hold_256_bits_of_characters_that_need_no_encoding() {
    let server = crate::harness::reference::shared();
    let bootstrap = server.credentials();
    let (_, by_command_line) = management_client(server, &["tenants:read"], &[]);
    let tenant = create_tenant(server, &unique_label("charset"));
    for secret in [
        &bootstrap.client_secret,
        &by_command_line,
        &tenant.client_secret,
    ] {
        assert!(secret.len() >= 43, "{} characters of 6 bits", secret.len());
        let plain = secret
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        assert!(plain, "{secret}");
    }
}
