//! Where the server listens, and the URL that it is known by.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs},
};

use super::Finding;
use crate::{
    config::{PublicUrl, Settings},
    probe,
};

pub(super) fn examine(settings: &Settings) -> Vec<Finding> {
    let listen = settings.listen;
    vec![
        listening(listen),
        public_url(settings.public_url.as_ref(), listen, |host| {
            (host, 443).to_socket_addrs().map(|_| ())
        }),
    ]
}

fn listening(address: SocketAddr) -> Finding {
    const CHECK: &str = "listen";
    match TcpListener::bind(address) {
        Ok(_) if address.port() == 0 => Finding::ok(CHECK, "a free port is taken at the start"),
        Ok(_) => Finding::ok(CHECK, format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            if is_alive(address) {
                return Finding::ok(CHECK, format!("a server answers at {address}"));
            }
            Finding::problem(
                CHECK,
                format!("{address} is taken by something that is no Tenantry"),
                "end it, or set TENANTRY_LISTEN to another port",
            )
        }
        Err(error) => Finding::problem(
            CHECK,
            format!("{address} can't be listened on: {error}"),
            "set TENANTRY_LISTEN to an address of this machine, and a port that its user may take",
        ),
    }
}

/// Whether a server like this one listens there: it answers as `/livez` does.
fn is_alive(address: SocketAddr) -> bool {
    probe::ask(address, "/livez")
        .is_ok_and(|answer| answer.status == 200 && answer.body == r#"{"status":"ok"}"#)
}

fn public_url(
    url: Option<&PublicUrl>,
    listen: SocketAddr,
    resolve: impl Fn(&str) -> io::Result<()>,
) -> Finding {
    const CHECK: &str = "public url";
    let Some(url) = url else {
        let own = PublicUrl::of_address(listen);
        return if listen.ip().is_loopback() {
            Finding::ok(CHECK, format!("{own}, for programs on this machine only"))
        } else {
            Finding::warning(
                CHECK,
                format!("it is not set, so tokens and links will say {own}"),
                "set TENANTRY_PUBLIC_URL to the URL that clients use",
            )
        };
    };
    let host = url.host().trim_matches(['[', ']']);
    let address: Option<IpAddr> = host.parse().ok();
    let is_local = host == "localhost"
        || host.ends_with(".localhost")
        || address.is_some_and(|address| address.is_loopback());
    if address.is_some_and(|address| address.is_unspecified()) {
        let advice = "set TENANTRY_PUBLIC_URL to a name or an address that clients reach";
        return Finding::problem(CHECK, format!("nobody can connect to {url}"), advice);
    }
    if url.as_str().starts_with("http://") && !is_local {
        return Finding::warning(
            CHECK,
            format!("{url} is not encrypted: secrets and tokens can be read on their way"),
            "let clients come by https://",
        );
    }
    if address.is_none()
        && !is_local
        && let Err(error) = resolve(host)
    {
        return Finding::warning(
            CHECK,
            format!("the name in {url} is not known here: {error}"),
            "make it known, or correct TENANTRY_PUBLIC_URL; every token names it as its issuer",
        );
    }
    Finding::ok(CHECK, url.as_str())
}

#[cfg(test)]
mod tests {
    use std::{io::Write, thread};

    use super::{super::State, *};

    fn judged(url: &str, listen: &str) -> State {
        let url = (!url.is_empty()).then(|| PublicUrl::parse(url).unwrap());
        let known = |host: &str| match host {
            "tenants.example.com" => Ok(()),
            _ => Err(io::Error::other("no such name")),
        };
        public_url(url.as_ref(), listen.parse().unwrap(), known).state
    }

    #[test]
    fn a_url_must_lead_clients_here_and_keep_their_secrets() {
        for (url, listen, state) in [
            ("", "127.0.0.1:8080", State::Ok),
            ("", "0.0.0.0:8080", State::Warning),
            ("https://tenants.example.com", "0.0.0.0:80", State::Ok),
            ("https://10.1.2.3:8443", "0.0.0.0:80", State::Ok),
            ("https://unknown.example.com", "0.0.0.0:80", State::Warning),
            ("http://tenants.example.com", "0.0.0.0:80", State::Warning),
            ("http://localhost:8080", "127.0.0.1:8080", State::Ok),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", State::Ok),
            ("http://[::1]:8080", "127.0.0.1:8080", State::Ok),
            ("http://0.0.0.0:8080", "0.0.0.0:8080", State::Problem),
        ] {
            assert_eq!(judged(url, listen), state, "{url} {listen}");
        }
    }

    #[test]
    fn an_address_is_free_or_taken_by_somebody_else() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stranger = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"SSH-2.0-x\r\n").unwrap();
        });
        let taken = listening(address);
        assert_eq!(taken.state, State::Problem, "{taken:?}");
        stranger.join().unwrap();
        assert_eq!(listening("127.0.0.1:0".parse().unwrap()).state, State::Ok);
        // An address for documentation (RFC 5737) is no machine's.
        let not_ours = listening("192.0.2.1:80".parse().unwrap());
        assert_eq!(not_ours.state, State::Problem);
    }
}
