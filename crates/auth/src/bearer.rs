//! The `Authorization: Bearer` header (RFC 6750 §2.1).

use thiserror::Error;

/// A header value that names the Bearer scheme and holds no token.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the Authorization header holds no well-formed Bearer token")]
pub struct InvalidBearer;

/// Finds the token in the value of an `Authorization` header; `None` where the value
/// is of another scheme.
///
/// The scheme's letter case does not matter (RFC 9110 §11.1). The token is a
/// `b64token`: one or more of letters, digits and `-._~+/`, then any number of `=`.
pub fn parse(header_value: &[u8]) -> Result<Option<&str>, InvalidBearer> {
    let end = header_value.iter().position(|&byte| byte == b' ');
    let (scheme, rest) = header_value.split_at(end.unwrap_or(header_value.len()));
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Ok(None);
    }
    let start = rest.iter().position(|&byte| byte != b' ');
    let token = start.map_or(&[][..], |start| &rest[start..]);

    let padding = token.iter().rev().take_while(|&&byte| byte == b'=').count();
    let (body, _) = token.split_at(token.len() - padding);
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    if body.is_empty() || !body.iter().all(allowed) {
        return Err(InvalidBearer);
    }
    std::str::from_utf8(token)
        .map(Some)
        .map_err(|_| InvalidBearer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_example_of_rfc_6750() {
        assert_eq!(
            parse(b"Bearer mF_9.B5f-4.1JqM"),
            Ok(Some("mF_9.B5f-4.1JqM"))
        );
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_spacing() {
        for value in ["bearer abc", "BEARER abc", "bEaReR   abc"] {
            assert_eq!(parse(value.as_bytes()), Ok(Some("abc")), "{value}");
        }
    }

    #[test]
    fn another_scheme_is_not_an_error() {
        let others: [&[u8]; 7] = [
            b"",
            b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            b"Bearertoken",
            b"Bearer\tabc",
            b"DPoP abc",
            b" Bearer abc",
            b"\xff\xfe",
        ];
        for value in others {
            assert_eq!(parse(value), Ok(None), "{value:?}");
        }
    }

    #[test]
    fn what_is_no_b64token_is_refused() {
        let malformed: [&[u8]; 10] = [
            b"Bearer",
            b"Bearer ",
            b"Bearer =",
            b"Bearer a=b",
            b"Bearer a b",
            b"Bearer abc ",
            b"Bearer abc,",
            b"Bearer \"abc\"",
            b"Bearer a\0b",
            b"Bearer \xc3\xa9",
        ];
        for value in malformed {
            assert_eq!(parse(value), Err(InvalidBearer), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn every_b64token_is_taken_as_it_is(token in "[A-Za-z0-9._~+/-]{1,80}={0,3}") {
            let value = format!("Bearer {token}");
            prop_assert_eq!(parse(value.as_bytes()), Ok(Some(token.as_str())));
        }

        #[test]
        fn no_value_makes_it_panic(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&value);
            let _ = parse(&[b"Bearer ".as_slice(), &value].concat());
        }
    }
}
