//! The URL under which clients reach the server.

use std::{fmt, net::SocketAddr};

use thiserror::Error;

/// An `http` or `https` origin, with a path where the server lies behind a proxy that
/// strips one; no trailing slash, no query, no fragment, in lower case up to the path.
///
/// It is compared as text by everybody who checks an issuer (RFC 8414 §3.3), so there
/// is one way to write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    host: String,
}

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum UrlFault {
    /// It begins otherwise.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// A slash at its end.
    #[error("must not end with a slash")]
    TrailingSlash,
    /// Something after a `?` or `#`.
    #[error("must have neither a query nor a fragment")]
    Query,
    /// A user name or password.
    #[error("must not hold a user name or password")]
    UserInfo,
    /// The host is no lower-case name or address.
    #[error("must name a host in lower case, such as https://tenants.example.com")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("must have a port from 1 to 65535, or none")]
    Port,
    /// The path is not a plain one.
    #[error("must have a plain path of segments such as /tenantry, or none")]
    Path,
    /// An origin was due, and there is a path.
    #[error("must be an origin such as https://app.example.com, without a path")]
    NotAnOrigin,
}

impl PublicUrl {
    /// Checks the form.
    pub fn parse(text: &str) -> Result<Self, UrlFault> {
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .ok_or(UrlFault::Scheme)?;
        if text.contains(['?', '#']) {
            return Err(UrlFault::Query);
        }
        if text.ends_with('/') && !rest.is_empty() {
            return Err(UrlFault::TrailingSlash);
        }
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        let host = check_authority(authority)?;
        if !path.split('/').skip(1).all(is_plain_segment) {
            return Err(UrlFault::Path);
        }
        Ok(Self {
            text: text.to_owned(),
            host: host.to_owned(),
        })
    }

    /// Checks the form of an origin (RFC 6454): a URL without a path.
    pub fn parse_origin(text: &str) -> Result<Self, UrlFault> {
        let url = Self::parse(text)?;
        match text.matches('/').count() {
            2 => Ok(url),
            _ => Err(UrlFault::NotAnOrigin),
        }
    }

    /// The URL of a server that is reached at the address it listens on.
    pub fn of_address(address: SocketAddr, is_encrypted: bool) -> Self {
        let scheme = if is_encrypted { "https" } else { "http" };
        let host = match address {
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        };
        Self {
            text: format!("{scheme}://{host}:{}", address.port()),
            host,
        }
    }

    /// The whole URL.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether clients come by TLS.
    pub fn is_encrypted(&self) -> bool {
        self.text.starts_with("https://")
    }

    /// Its host without the port.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The host of a well-formed authority.
fn check_authority(authority: &str) -> Result<&str, UrlFault> {
    if authority.contains('@') {
        return Err(UrlFault::UserInfo);
    }
    let host_end = match authority.strip_prefix('[') {
        Some(_) => authority.find(']').map_or(0, |bracket| bracket + 1),
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(host_end);
    if !is_host(host) {
        return Err(UrlFault::Host);
    }
    let is_port = |digits: &str| {
        digits.bytes().all(|byte| byte.is_ascii_digit())
            && digits.parse::<u16>().is_ok_and(|port| port > 0)
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(host),
        Some(digits) if is_port(digits) => Ok(host),
        _ => Err(UrlFault::Port),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return inner.parse::<std::net::Ipv6Addr>().is_ok() && inner == inner.to_lowercase();
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

fn is_plain_segment(segment: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    !matches!(segment, "" | "." | "..") && segment.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_origins_and_plain_paths() {
        for (good, host) in [
            ("http://127.0.0.1:8080", "127.0.0.1"),
            ("https://tenants.example.com", "tenants.example.com"),
            ("https://example.com:8443/iam/v2", "example.com"),
            ("http://[::1]:8080", "[::1]"),
            ("http://localhost", "localhost"),
        ] {
            let url = PublicUrl::parse(good).unwrap();
            assert_eq!((url.as_str(), url.host()), (good, host));
        }
    }

    #[test]
    fn refuses_what_could_be_written_in_two_ways() {
        for (bad, fault) in [
            ("tenants.example.com", UrlFault::Scheme),
            ("ftp://example.com", UrlFault::Scheme),
            ("https://example.com/", UrlFault::TrailingSlash),
            ("https://example.com/iam/", UrlFault::TrailingSlash),
            ("https://example.com?x=1", UrlFault::Query),
            ("https://example.com#x", UrlFault::Query),
            ("https://a:b@example.com", UrlFault::UserInfo),
            ("https://Example.com", UrlFault::Host),
            ("https://", UrlFault::Host),
            ("https://:80", UrlFault::Host),
            ("https://[::1", UrlFault::Host),
            ("https://exa mple.com", UrlFault::Host),
            ("https://example.com:0", UrlFault::Port),
            ("https://example.com:+80", UrlFault::Port),
            ("https://example.com:", UrlFault::Port),
            ("https://example.com/a//b", UrlFault::Path),
            ("https://example.com/../b", UrlFault::Path),
            ("https://example.com/a b", UrlFault::Path),
        ] {
            assert_eq!(PublicUrl::parse(bad), Err(fault), "{bad}");
        }
    }

    #[test]
    fn an_origin_has_no_path() {
        assert!(PublicUrl::parse_origin("https://app.example.com:8443").is_ok());
        let fault = PublicUrl::parse_origin("https://app.example.com/x");
        assert_eq!(fault, Err(UrlFault::NotAnOrigin));
        assert_eq!(PublicUrl::parse_origin("*"), Err(UrlFault::Scheme));
    }

    #[test]
    fn an_address_is_its_own_url() {
        for (is_encrypted, text) in [(false, "http://[::1]:8080"), (true, "https://[::1]:8080")] {
            let url = PublicUrl::of_address("[::1]:8080".parse().unwrap(), is_encrypted);
            assert_eq!((url.as_str(), url.is_encrypted()), (text, is_encrypted));
            assert_eq!(PublicUrl::parse(text), Ok(url));
        }
    }
}
