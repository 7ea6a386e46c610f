//! Libraries that others use, against a running server, before, during and after its keys
//! are rotated.

use crate::harness::{Clients, Server};
use crate::key_rotation::command;
use crate::support::{poll, text, token_body};

#[test]
fn openid_client_jose_and_pyjwt_work_while_keys_are_rotated() {
    // They follow the issuer's links, so it is one whose public URL is where it listens.
    let server = Server::builder().nodes(1).start();
    let bootstrap = server.credentials();
    let url = server.url();
    let variables = [
        ("ISSUER", url.as_str()),
        ("CLIENT_ID", &bootstrap.client_id),
        ("CLIENT_SECRET", &bootstrap.client_secret),
    ];
    let mut scripts = Vec::new();
    if let Some(clients) = Clients::node("oauth") {
        scripts.push(clients.start("openid.mjs", &variables));
        scripts.push(clients.start("jose.mjs", &variables));
    }
    if let Some(clients) = Clients::python("oauth-python") {
        scripts.push(clients.start("service.py", &variables));
    }
    let ask = server
        .post("/oauth/token")
        .json(&token_body(&bootstrap.client_id, &bootstrap.client_secret));
    for algorithm in ["ES256", "EdDSA"] {
        // Listed within ten seconds, cached by the scripts for three.
        let rotate = ["key", "rotate", "--algorithm", algorithm, "--after", "14"];
        let kid = text(&command(&server, &rotate)["kid"]);
        poll(&ask, |answer| {
            let token = text(&answer.json()["access_token"]);
            crate::jwt::part(&token, 0)["kid"] == kid.as_str()
        });
    }
    for script in scripts {
        let seen = script.stop();
        assert_eq!(seen["failures"], serde_json::json!([]), "{seen}");
        assert_eq!(seen["kids"].as_object().unwrap().len(), 3, "{seen}");
        assert!(seen["tokens"].as_u64().unwrap() > 3, "{seen}");
    }
}
