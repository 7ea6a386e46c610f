//! HTTP Basic credentials (RFC 7617), and their form encoding in OAuth (RFC 6749 §2.3.1).

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use zeroize::Zeroizing;

/// A user name and a password, as they were sent.
#[derive(Clone, Debug)]
pub struct BasicCredentials {
    /// Everything before the first colon.
    pub username: String,
    /// Everything behind it.
    pub password: SecretString,
}

/// A header value that holds no Basic credentials.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the Authorization header holds no well-formed Basic credentials")]
pub struct InvalidBasic;

/// The longest header value that is looked at, in bytes: room for the longest user
/// name and password with every byte percent-encoded.
pub const MAX_HEADER_LENGTH: usize = 8 * 1024;

/// Reads the value of an `Authorization` header (RFC 7617 §2).
///
/// The scheme's letter case does not matter. Behind it stand one space or several and
/// padded base64 of UTF-8 text (the one charset that RFC 7617 §2.1 lets a server ask
/// for); the first colon ends the user name. Control characters are in neither.
pub fn parse(header_value: &[u8]) -> Result<BasicCredentials, InvalidBasic> {
    if header_value.len() > MAX_HEADER_LENGTH {
        return Err(InvalidBasic);
    }
    let (scheme, rest) = header_value.split_at_checked(5).ok_or(InvalidBasic)?;
    if !scheme.eq_ignore_ascii_case(b"Basic") || rest.first() != Some(&b' ') {
        return Err(InvalidBasic);
    }
    let start = rest.iter().position(|&byte| byte != b' ');
    let encoded = start.map_or(&[][..], |start| &rest[start..]);
    let decoded = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| InvalidBasic)?);
    let text = std::str::from_utf8(&decoded).map_err(|_| InvalidBasic)?;
    let (username, password) = text.split_once(':').ok_or(InvalidBasic)?;
    credentials(username, password)
}

/// Decodes user name and password from `application/x-www-form-urlencoded`, as an
/// OAuth client encodes its id and its secret (RFC 6749 §2.3.1, appendix B).
///
/// Many clients leave the encoding out. Ids and secrets that Tenantry makes consist of
/// characters that mean themselves either way; for any others the standard holds, and
/// a per cent sign that begins no escape is an error rather than a guess.
pub fn form_decode(credentials: &BasicCredentials) -> Result<BasicCredentials, InvalidBasic> {
    let username = decode(&credentials.username)?;
    let password = decode(credentials.password.expose_secret())?;
    self::credentials(&username, &password)
}

fn credentials(username: &str, password: &str) -> Result<BasicCredentials, InvalidBasic> {
    if username.contains(char::is_control) || password.contains(char::is_control) {
        return Err(InvalidBasic);
    }
    Ok(BasicCredentials {
        username: username.to_owned(),
        password: SecretString::from(password),
    })
}

fn decode(text: &str) -> Result<Zeroizing<String>, InvalidBasic> {
    // Nothing gets longer by decoding, so no unwiped copy is left behind by growth.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next())? << 4 | hex(rest.next())?,
            other => other,
        });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| InvalidBasic)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn hex(digit: Option<u8>) -> Result<u8, InvalidBasic> {
    match digit {
        Some(digit @ b'0'..=b'9') => Ok(digit - b'0'),
        Some(digit @ b'a'..=b'f') => Ok(digit - b'a' + 10),
        Some(digit @ b'A'..=b'F') => Ok(digit - b'A' + 10),
        _ => Err(InvalidBasic),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(text: &[u8]) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(text)).into_bytes()
    }

    fn parts(parsed: Result<BasicCredentials, InvalidBasic>) -> Option<(String, String)> {
        let parsed = parsed.ok()?;
        let password = parsed.password.expose_secret().to_owned();
        Some((parsed.username, password))
    }

    fn pair(username: &str, password: &str) -> (String, String) {
        (username.to_owned(), password.to_owned())
    }

    fn form(username: &str, password: &str) -> Option<(String, String)> {
        parts(form_decode(&BasicCredentials {
            username: username.to_owned(),
            password: SecretString::from(password),
        }))
    }

    #[test]
    fn reads_the_examples_of_rfc_7617() {
        assert_eq!(
            parts(parse(b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
            Some(pair("Aladdin", "open sesame"))
        );
        assert_eq!(
            parts(parse(b"Basic dGVzdDoxMjPCow==")),
            Some(pair("test", "123£"))
        );
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_spacing() {
        for text in ["basic dTpw", "BASIC dTpw", "bAsIc    dTpw"] {
            assert_eq!(
                parts(parse(text.as_bytes())),
                Some(pair("u", "p")),
                "{text}"
            );
        }
    }

    #[test]
    fn the_first_colon_ends_the_user_name() {
        assert_eq!(parts(parse(&header(b"u:p:q:"))), Some(pair("u", "p:q:")));
        assert_eq!(parts(parse(&header(b":p"))), Some(pair("", "p")));
        assert_eq!(parts(parse(&header(b"u:"))), Some(pair("u", "")));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let malformed: [&[u8]; 14] = [
            b"",
            b"Basic",
            b"Basic ",
            b"Basic\tdTpw",
            b"BasicdTpw",
            b"Bearer dTpw",
            b"Basic dTpw dTpw",
            b"Basic dTpw\n",
            b"Basic dT pw",
            b"Basic dTp3cA",
            b"Basic dTp3cB==",
            b"Basic -_-_",
            b"Basic \xff\xff\xff\xff",
            b"Basic dXA=",
        ];
        for value in malformed {
            assert_eq!(parts(parse(value)), None, "{value:?}");
        }
        let undecodable: [&[u8]; 6] = [
            b"u:\xff", b"\xc3:p", b"u\0:p", b"u:p\n", b"u:\x7f", b"u\r\n:p",
        ];
        for text in undecodable {
            assert_eq!(parts(parse(&header(text))), None, "{text:?}");
        }
    }

    #[test]
    fn the_length_is_bounded() {
        // 6 bytes of scheme, and 4 of base64 for each 3 of text.
        let fits = (MAX_HEADER_LENGTH - 6) / 4 * 3 - 2;
        let text = |length| format!("u:{}", "p".repeat(length));
        assert!(parse(&header(text(fits).as_bytes())).is_ok());
        assert!(parse(&header(text(fits + 3).as_bytes())).is_err());
    }

    #[test]
    fn form_encoding_is_undone() {
        // The example of RFC 6749 appendix B.
        assert_eq!(
            form("+%25%26%2B%C2%A3%E2%82%AC", "a+b%20c"),
            Some(pair(" %&+£€", "a b c"))
        );
        assert_eq!(form("%3a", "%3A"), Some(pair(":", ":")));
        assert_eq!(form("a-b_c.d~e", "A1-_"), Some(pair("a-b_c.d~e", "A1-_")));
        // Decoded once, and not again.
        assert_eq!(form("%2541", "%252B"), Some(pair("%41", "%2B")));
    }

    #[test]
    fn what_does_not_decode_is_refused() {
        for bad in [
            "%", "%4", "a%", "%zz", "%4g", "%ff", "%C3", "%00", "%0A", "%7F", "%+1",
        ] {
            assert_eq!(form(bad, "p"), None, "{bad}");
            assert_eq!(form("u", bad), None, "{bad}");
        }
    }

    #[test]
    fn the_password_is_not_printed() {
        let shown = format!("{:?}", parse(&header(b"user:hunter2")).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    proptest! {
        #[test]
        fn credentials_round_trip(username in "[^:\\p{Cc}]{0,40}", password in "\\P{Cc}{0,40}") {
            let value = header(format!("{username}:{password}").as_bytes());
            prop_assert_eq!(parts(parse(&value)), Some(pair(&username, &password)));
        }

        #[test]
        fn every_byte_can_be_escaped(username in "\\P{Cc}{0,20}", password in "\\P{Cc}{0,20}") {
            let escape = |text: &str| -> String {
                let escapes: Vec<_> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
                escapes.concat()
            };
            prop_assert_eq!(form(&escape(&username), &escape(&password)), Some(pair(&username, &password)));
        }

        #[test]
        fn no_value_makes_it_panic(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&value);
            let _ = parse(&[b"Basic ".as_slice(), &value].concat());
        }
    }
}
