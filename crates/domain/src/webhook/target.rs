//! Where a webhook may lead: its URL, and which addresses are public.
//!
//! Whoever may make webhooks must not be able to make the server knock at doors that only
//! the server can reach. What a name means is found out elsewhere, when a webhook is made
//! and again at each connect; whether an address is one of those doors is decided here.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use thiserror::Error;
use url::{Host, Url};

/// Which targets are let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TargetPolicy {
    /// Whether private addresses and `http` are allowed, as the operator has chosen.
    pub allow_private: bool,
}

impl TargetPolicy {
    /// Whether a delivery may go to that address.
    pub fn permits(self, address: IpAddr) -> bool {
        self.allow_private || is_public(address)
    }
}

/// An absolute URL of a scheme that deliveries can be sent by, without credentials and
/// without a fragment: 2,048 characters at most.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl {
    text: String,
    url: Url,
}

/// Why a text is no [`WebhookUrl`], or none that deliveries may go to.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum WebhookUrlFault {
    /// It is no absolute URL of a scheme that deliveries can be sent by.
    #[error("must be an absolute URL, such as https://hooks.example.com/tenants")]
    Form,
    /// It is longer than 2,048 characters.
    #[error("must have at most 2048 characters")]
    Length,
    /// It is not encrypted, and the operator has not allowed that.
    #[error("must begin with https://")]
    Scheme,
    /// It holds a user name or a password.
    #[error("must not hold a user name or a password")]
    Credentials,
    /// It has a part behind `#`, which is never sent.
    #[error("must not have a fragment")]
    Fragment,
    /// It leads to an address that is not on the public Internet.
    #[error("must not lead to a private, loopback, link-local or other special address")]
    Address,
}

impl WebhookUrl {
    /// The longest URL, in bytes.
    pub const MAX_LENGTH: usize = 2048;

    /// Checks the form; whether deliveries may go there is [`check`](Self::check)'s to say.
    pub fn parse(text: &str) -> Result<Self, WebhookUrlFault> {
        if text.len() > Self::MAX_LENGTH {
            return Err(WebhookUrlFault::Length);
        }
        // Parsers of URLs drop some of these without a word, and what is shown would not be
        // what is called.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(WebhookUrlFault::Form);
        }
        // They also forgive a missing or another slash, and what seems to be the path of one
        // host may be another one to whoever reads the text.
        let behind = text.split_once("://").map(|(_, behind)| behind);
        let has_host = behind.is_some_and(|behind| !behind.is_empty() && !behind.starts_with('/'));
        if !has_host || text.contains('\\') {
            return Err(WebhookUrlFault::Form);
        }
        let url = Url::parse(text).map_err(|_| WebhookUrlFault::Form)?;
        let is_http = matches!(url.scheme(), "https" | "http");
        if !is_http || url.host().is_none() || url.port() == Some(0) {
            return Err(WebhookUrlFault::Form);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(WebhookUrlFault::Credentials);
        }
        if url.fragment().is_some() {
            return Err(WebhookUrlFault::Fragment);
        }
        Ok(Self {
            text: text.to_owned(),
            url,
        })
    }

    /// Whether deliveries may go there, as far as the URL itself tells: an address in any
    /// spelling that URLs know, or a name that always means this machine (RFC 6761 §6.3).
    pub fn check(&self, policy: TargetPolicy) -> Result<(), WebhookUrlFault> {
        if policy.allow_private {
            return Ok(());
        }
        if self.url.scheme() != "https" {
            return Err(WebhookUrlFault::Scheme);
        }
        let is_good = match self.host() {
            TargetHost::Address(address) => policy.permits(address),
            TargetHost::Name(name) => {
                let name = name.trim_end_matches('.');
                name != "localhost" && !name.ends_with(".localhost")
            }
        };
        is_good.then_some(()).ok_or(WebhookUrlFault::Address)
    }

    /// Whom it names.
    pub fn host(&self) -> TargetHost<'_> {
        match self.url.host() {
            Some(Host::Ipv4(address)) => TargetHost::Address(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => TargetHost::Address(IpAddr::V6(address)),
            Some(Host::Domain(name)) => TargetHost::Name(name),
            // No URL without a host gets this far.
            None => TargetHost::Name(""),
        }
    }

    /// Scheme, host and port alone (RFC 6454 §6.2): what may be told to those who must not know
    /// the whole URL, since receivers are often known by a secret in its path or query.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The port that it names, or that of its scheme.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(443)
    }

    /// The text, as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL, parsed.
    pub fn as_url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({})", self.text)
    }
}

/// Whom a URL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetHost<'a> {
    /// An address.
    Address(IpAddr),
    /// A name that has to be looked up, in lower case and ASCII.
    Name(&'a str),
}

/// Whether an address is one of the public Internet's: none of those that the special-purpose
/// registries of IANA (RFC 6890) set apart, no multicast, and nothing that is not given out.
///
/// An IPv6 address that carries an IPv4 address to which a connection would really go
/// (IPv4-mapped, and NAT64 under its well-known prefix) is what that one is. Other ways to
/// carry one (IPv4-compatible, 6to4, Teredo) are out of use, and are refused.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The IANA IPv4 Special-Purpose Address Registry, with multicast (RFC 5771): the first
/// address and the length of the prefix.
const SPECIAL_V4: [(Ipv4Addr, u32); 18] = [
    (Ipv4Addr::UNSPECIFIED, 8),           // this network, RFC 791
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private, RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared by carriers, RFC 6598
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback, RFC 1122
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, RFC 3927
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private, RFC 1918
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments, RFC 6890
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation, RFC 5737
    (Ipv4Addr::new(192, 31, 196, 0), 24), // AS112, RFC 7535
    (Ipv4Addr::new(192, 52, 193, 0), 24), // multicast tunnels, RFC 7450
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays, RFC 7526
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private, RFC 1918
    (Ipv4Addr::new(192, 175, 48, 0), 24), // AS112, RFC 7534
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks, RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation, RFC 5737
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation, RFC 5737
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast, RFC 5771
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved and broadcast, RFC 1112
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let address = address.to_bits();
    !SPECIAL_V4
        .iter()
        .any(|&(network, length)| (address ^ network.to_bits()).leading_zeros() >= length)
}

/// What IANA has given out for global unicast (RFC 4291 §2.4).
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What the IANA IPv6 Special-Purpose Address Registry sets apart within that. All that
/// lies outside of it is no public address anyhow: unspecified, loopback, IPv4-compatible,
/// `64:ff9b:1::/48`, discard, segment routing, unique local, link-local, site-local, multicast.
const SPECIAL_V6: [(Ipv6Addr, u32); 5] = [
    // Protocol assignments (RFC 2928), with Teredo, benchmarks and ORCHID in them.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, 0), 32), // documentation, RFC 3849
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),      // 6to4, RFC 3056
    (Ipv6Addr::new(0x2620, 0x004f, 0x8000, 0, 0, 0, 0, 0), 48), // AS112, RFC 7534
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),      // documentation, RFC 9637
];

/// Behind which an IPv4 address stands that a connection goes to.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x0064, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let within =
        |(network, length): (Ipv6Addr, u32)| (bits ^ network.to_bits()).leading_zeros() >= length;
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    if within(NAT64) {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    within(GLOBAL_UNICAST) && !SPECIAL_V6.into_iter().any(within)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PUBLIC: TargetPolicy = TargetPolicy {
        allow_private: false,
    };
    const ANY: TargetPolicy = TargetPolicy {
        allow_private: true,
    };

    fn check(text: &str, policy: TargetPolicy) -> Result<(), WebhookUrlFault> {
        WebhookUrl::parse(text)?.check(policy)
    }

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    /// First and last address of every special range.
    const SPECIAL: &[&str] = &[
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.0",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.9",
        "192.0.0.170",
        "192.0.0.255",
        "192.0.2.0",
        "192.0.2.255",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "192.175.48.1",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.0",
        "198.51.100.255",
        "203.0.113.0",
        "203.0.113.255",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.0",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::808:808",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::808:808",
        "100::1",
        "100:0:0:1::1",
        "2001::1",
        "2001:0:808:808::1",
        "2001:1::1",
        "2001:2::1",
        "2001:3::1",
        "2001:10::1",
        "2001:20::1",
        "2001:30::1",
        "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::",
        "2001:db8:ffff::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "2620:4f:8000::1",
        "3fff::1",
        "3fff:fff::1",
        "4000::1",
        "5f00::1",
        "8000::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff00::1",
        "ff02::1",
    ];

    /// Their neighbours, where those are public, and others that are.
    const OTHERS: &[&str] = &[
        "1.0.0.0",
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2000::1",
        "2001:200::1",
        "2001:db7::1",
        "2001:db9::1",
        "2001:4860:4860::8888",
        "2003::1",
        "2606:4700::1111",
        "3ffe::1",
        "3fff:1000::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ];

    #[test]
    fn no_address_of_a_special_range_is_public() {
        for special in SPECIAL {
            assert!(!public(special), "{special}");
        }
        for public_one in OTHERS {
            assert!(public(public_one), "{public_one}");
        }
    }

    #[test]
    fn every_spelling_of_an_address_is_seen_through() {
        for inner in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.1/",
            "https://017700000001/",
            "https://0177.0.0.01/",
            "https://127.0.0.1./",
            "https://%31%32%37.0.0.1/",
            "https://①②⑦.0.0.1/",
            "https://0/",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]/",
            "https://[0:0:0:0:0:0:0:1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[::127.0.0.1]/",
            "https://[64:ff9b::10.0.0.1]/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://api.localhost:8443/",
        ] {
            let checked = check(inner, PUBLIC);
            assert_eq!(checked, Err(WebhookUrlFault::Address), "{inner}");
            assert_eq!(check(inner, ANY), Ok(()), "{inner}");
        }
        for outer in [
            "https://hooks.example.com/tenants?a=b",
            "https://8.8.8.8/",
            "https://134744072/",
            "https://[2606:4700::1111]:8443/x",
            "https://localhost.example.com/",
            "HTTPS://Example.com",
        ] {
            assert_eq!(check(outer, PUBLIC), Ok(()), "{outer}");
        }
    }

    #[test]
    fn only_whole_urls_of_web_schemes_are_taken() {
        use WebhookUrlFault::{Credentials, Form, Fragment, Length, Scheme};
        for (text, fault) in [
            ("", Form),
            ("hooks.example.com", Form),
            ("/path", Form),
            ("//hooks.example.com/", Form),
            ("https://", Form),
            ("https://example.com:0/", Form),
            ("https://example.com:99999/", Form),
            ("https://exa mple.com/", Form),
            ("https://example.com/a b", Form),
            ("https://example.com/\n", Form),
            ("ht\ttps://example.com/", Form),
            (" https://example.com/", Form),
            ("https://[::1/", Form),
            ("https://256.0.0.1/", Form),
            ("ftp://example.com/", Form),
            ("file:///etc/passwd", Form),
            ("javascript:alert(1)", Form),
            ("gopher://example.com/", Form),
            ("https:example.com", Form),
            ("https:/example.com", Form),
            ("https:///example.com", Form),
            ("https://", Form),
            ("https://example.com\\@127.0.0.1/", Form),
            ("https:\\\\example.com", Form),
            ("https://user@example.com/", Credentials),
            ("https://user:password@example.com/", Credentials),
            ("https://:password@example.com/", Credentials),
            ("https://example.com/#part", Fragment),
            ("http://example.com/", Scheme),
            (&format!("https://example.com/{}", "x".repeat(2048)), Length),
        ] {
            assert_eq!(check(text, PUBLIC), Err(fault), "{text:?}");
        }
        assert_eq!(check("http://10.0.0.1:8080/hook", ANY), Ok(()));
        assert_eq!(check("http://user@10.0.0.1/", ANY), Err(Credentials));
    }

    #[test]
    fn a_url_is_kept_as_it_was_given() {
        let url = WebhookUrl::parse("https://Example.com:8443/A?b").unwrap();
        assert_eq!(url.as_str(), "https://Example.com:8443/A?b");
        assert_eq!(url.host(), TargetHost::Name("example.com"));
        assert_eq!(url.port(), 8443);
        assert_eq!(WebhookUrl::parse("https://x.example").unwrap().port(), 443);
    }

    proptest! {
        #[test]
        fn an_ipv4_address_is_the_same_in_every_spelling(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let spellings = [
                format!("https://{address}/"),
                format!("https://{bits}/"),
                format!("https://0x{bits:x}/"),
                format!("https://0{bits:o}/"),
                format!("https://[::ffff:{address}]/"),
                format!("https://[64:ff9b::{address}]/"),
            ];
            for spelling in spellings {
                let is_good = check(&spelling, PUBLIC).is_ok();
                prop_assert_eq!(is_good, is_public(IpAddr::V4(address)), "{}", spelling);
            }
        }

        /// The standard library knows a few ranges by itself.
        #[test]
        fn nothing_that_is_surely_inner_is_public(bits: u128, low: u32) {
            let v6 = Ipv6Addr::from_bits(bits);
            if v6.is_multicast() || v6.is_unicast_link_local() || v6.is_unique_local() {
                prop_assert!(!is_public(IpAddr::V6(v6)));
            }
            let v4 = Ipv4Addr::from_bits(low);
            if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() {
                prop_assert!(!is_public(IpAddr::V4(v4)));
                prop_assert!(!is_public(IpAddr::V6(v4.to_ipv6_mapped())));
            }
            prop_assert!(!is_public(IpAddr::V6(Ipv6Addr::from_bits(u128::from(low)))));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = WebhookUrl::parse(&text);
            let _ = WebhookUrl::parse(&format!("https://{text}"));
        }
    }
}
