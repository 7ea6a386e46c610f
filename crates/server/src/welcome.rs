//! What a server says on standard output when it is ready.

use std::{fmt, net::SocketAddr};

use crate::{
    bootstrap::{FirstStart, GeneratedCredentials, member},
    config::{Listen, PublicUrl},
};

/// Tells where the server is and, on the first start, what to type next.
pub(crate) struct Welcome {
    /// Where it listens.
    pub(crate) listen: Listen,
    /// Whether clients have to speak TLS.
    pub(crate) is_encrypted: bool,
    /// The URL under which clients reach it.
    pub(crate) public_url: PublicUrl,
    /// What this start has made, if it is the first one.
    pub(crate) first_start: Option<FirstStart>,
}

impl fmt::Display for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Exactly so: scripts wait for this line.
        match (&self.listen, self.is_encrypted) {
            (Listen::Address(address), true) => write!(f, "listening on https://{address}")?,
            (Listen::Address(address), false) => write!(f, "listening on http://{address}")?,
            (socket @ Listen::Socket(_), _) => write!(f, "listening on {socket}")?,
        }
        let Some(first_start) = &self.first_start else {
            return Ok(());
        };
        let (curl, base) = self.curl();
        let words = Words(first_start.credentials.as_ref());
        writeln!(f, "\n\nTo use it, type:\n")?;
        words.write_definition(f)?;
        writeln!(
            f,
            r#"  TOKEN=$({curl} -u "{}:{}" -d grant_type=client_credentials {base}/oauth/token | sed 's/.*"access_token": *"\([^"]*\)".*/\1/')"#,
            words.word(member::CLIENT_ID, "$CLIENT_ID"),
            words.word(member::CLIENT_SECRET, "$CLIENT_SECRET"),
        )?;
        writeln!(
            f,
            r#"  {curl} -H "Authorization: Bearer $TOKEN" {base}/v1/environments"#
        )?;
        writeln!(
            f,
            "\nThe system API takes the account in place of a token:\n"
        )?;
        write!(
            f,
            r#"  {curl} -u "{}:{}" {base}/system/tenants"#,
            words.word(member::SYSTEM_USERNAME, "$SYSTEM_USERNAME"),
            words.word(member::SYSTEM_PASSWORD, "$SYSTEM_PASSWORD"),
        )
    }
}

/// How the commands name the credentials: read from the file where they were
/// generated, as variables where the operator has given them.
struct Words<'a>(Option<&'a GeneratedCredentials>);

impl Words<'_> {
    fn word(&self, member: &str, given: &str) -> String {
        match self.0 {
            Some(generated) if generated.members.contains(&member) => {
                format!("$(credential {member})")
            }
            _ => given.to_owned(),
        }
    }

    fn write_definition(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(generated) = self.0 else {
            return Ok(());
        };
        let file = quote(&generated.file.display().to_string());
        // With `sed`, because it is everywhere and `jq` is not.
        writeln!(
            f,
            r#"  credential() {{ sed -n "s/.*\"$1\": \"\(.*\)\".*/\1/p" {file}; }}"#
        )
    }
}

impl Welcome {
    /// How curl reaches the server on this machine, and by what URL. A certificate is good for
    /// the name that clients use, and for no address.
    fn curl(&self) -> (String, String) {
        let plain = "curl -s".to_owned();
        match &self.listen {
            Listen::Socket(path) => {
                let path = quote(&path.display().to_string());
                (
                    format!("{plain} --unix-socket {path}"),
                    "http://localhost".to_owned(),
                )
            }
            Listen::Address(_) if self.is_encrypted && self.public_url.is_encrypted() => {
                (plain, self.public_url.to_string())
            }
            Listen::Address(address) => {
                let url = PublicUrl::of_address(reachable(*address), self.is_encrypted);
                (plain, url.to_string())
            }
        }
    }
}

/// An address as somebody on this machine reaches it.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Quotes a text for a shell where it needs that.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn welcome(first_start: Option<FirstStart>) -> String {
        let address = "0.0.0.0:8080".parse().unwrap();
        let welcome = Welcome {
            listen: Listen::Address(address),
            is_encrypted: false,
            public_url: PublicUrl::of_address(address, false),
            first_start,
        };
        welcome.to_string()
    }

    #[test]
    fn a_later_start_says_where_it_listens_and_no_more() {
        assert_eq!(welcome(None), "listening on http://0.0.0.0:8080");
    }

    #[test]
    fn a_first_start_says_what_to_type() {
        let text = welcome(Some(FirstStart {
            credentials: Some(GeneratedCredentials {
                file: "my data/credentials.json".into(),
                members: vec![member::CLIENT_SECRET, member::SYSTEM_PASSWORD],
            }),
        }));
        assert!(
            text.starts_with("listening on http://0.0.0.0:8080\n"),
            "{text}"
        );
        assert!(text.contains("'my data/credentials.json'"), "{text}");
        assert!(text.contains("http://127.0.0.1:8080/oauth/token"), "{text}");

        assert!(
            text.contains(r#"-u "$CLIENT_ID:$(credential clientSecret)""#),
            "{text}"
        );

        let text = welcome(Some(FirstStart { credentials: None }));
        assert!(text.contains(r#"-u "$CLIENT_ID:$CLIENT_SECRET""#), "{text}");
        assert!(!text.contains("credential()"), "{text}");
    }

    #[test]
    fn a_socket_and_a_certificate_are_reached_as_they_have_to_be() {
        let text = |listen: &str, is_encrypted| {
            let welcome = Welcome {
                listen: Listen::parse(listen).unwrap(),
                is_encrypted,
                public_url: PublicUrl::parse("https://example.com").unwrap(),
                first_start: Some(FirstStart { credentials: None }),
            };
            welcome.to_string()
        };
        let socket = text("unix:/run/my socket", false);
        assert!(
            socket.starts_with("listening on unix:/run/my socket\n"),
            "{socket}"
        );
        let curl = "curl -s --unix-socket '/run/my socket' -u";
        assert!(
            socket.contains(curl) && socket.contains(" http://localhost/oauth"),
            "{socket}"
        );
        let secure = text("127.0.0.1:8443", true);
        assert!(
            secure.starts_with("listening on https://127.0.0.1:8443\n"),
            "{secure}"
        );
        assert!(
            secure.contains(" https://example.com/oauth/token"),
            "{secure}"
        );
    }

    #[test]
    fn quotes_for_a_shell() {
        assert_eq!(quote("./tenantry-data/x.json"), "./tenantry-data/x.json");
        assert_eq!(quote("it's"), r"'it'\''s'");
    }
}
