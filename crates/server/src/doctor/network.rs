//! Where the server listens, and the URL that it is known by.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs},
    path::Path,
};

use rustix::fs::{Access, access};
use tenantry_domain::clock::Clock as _;

use super::Finding;
use crate::{
    clock::SystemClock,
    config::{Listen, PublicUrl, Settings},
    probe::{self, Answer, Target},
    socket,
    tls::{Fault, Pair},
};

/// How many seconds before its end somebody should see to a new certificate: who renews by
/// themselves do so earlier.
const SOON: i64 = 14 * 86_400;

const URL_CHECK: &str = "public url";

pub(super) fn examine(settings: &Settings) -> Vec<Finding> {
    let pair = settings
        .tls
        .as_ref()
        .map(|files| Pair::read(files, SystemClock.now()));
    let mut findings = Vec::new();
    if let Some(pair) = &pair {
        findings.push(certificate(pair.as_ref(), settings.public_url.as_ref()));
    }
    let shown = pair.as_ref().and_then(|pair| pair.as_ref().ok());
    findings.push(listening(Target::of(settings), shown));
    let resolve = |host: &str| (host, 443).to_socket_addrs().map(|_| ());
    findings.extend(match (&settings.public_url, settings.listen.address()) {
        (Some(url), _) => Some(public_url(url, resolve)),
        (None, Some(address)) => Some(own_url(&settings.url_of(address), address)),
        // A wrong setting, and told as one.
        (None, None) => None,
    });
    findings
}

fn certificate(pair: Result<&Pair, &Fault>, url: Option<&PublicUrl>) -> Finding {
    const CHECK: &str = "certificate";
    let pair = match pair {
        Ok(pair) => pair,
        Err(fault) => {
            let variable = fault.key.variable();
            let found = format!("the file that {variable} names {fault}");
            let advice =
                "put a certificate and its key there that belong together and are good today";
            return Finding::problem(CHECK, found, advice);
        }
    };
    let until = pair.not_after;
    if let Some(url) = url.filter(|url| !pair.is_for(bare(url.host()))) {
        return Finding::problem(
            CHECK,
            format!(
                "it is not for {}, so clients of {url} refuse it",
                url.host()
            ),
            "get one for that name, or correct TENANTRY_PUBLIC_URL",
        );
    }
    if until < SystemClock.now().plus_seconds(SOON) {
        return Finding::warning(
            CHECK,
            format!("it expires on {until}"),
            "renew it: a running server takes the new one by itself",
        );
    }
    Finding::ok(CHECK, format!("it is good until {until}"))
}

/// A host without the brackets that a URL has around some.
fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

fn listening(target: Target<'_>, shown: Option<&Pair>) -> Finding {
    const CHECK: &str = "listen";
    let listen = target.listen;
    let bound = match listen {
        Listen::Address(address) => TcpListener::bind(address).map(drop),
        Listen::Socket(path) => socket::state_of(path)
            .map(drop)
            .and_then(|()| may_make(path)),
    };
    match bound {
        Ok(()) if listen.address().is_some_and(|address| address.port() == 0) => {
            Finding::ok(CHECK, "a free port is taken at the start")
        }
        Ok(()) => Finding::ok(CHECK, format!("{listen} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let Some(answer) = of_a_server(target) else {
                return Finding::problem(
                    CHECK,
                    format!("{listen} is taken by something that is no Tenantry"),
                    "end it, or set TENANTRY_LISTEN to another port or path",
                );
            };
            let leaf = shown.and_then(Pair::leaf);
            if leaf.is_some() && answer.certificate.as_ref() != leaf {
                return Finding::warning(
                    CHECK,
                    format!("the server at {listen} shows another certificate than the file's"),
                    "see its log for why; after a change of the file it takes some seconds",
                );
            }
            Finding::ok(CHECK, format!("a server answers at {listen}"))
        }
        Err(error) => Finding::problem(
            CHECK,
            format!("{listen} can't be listened on: {error}"),
            "set TENANTRY_LISTEN to an address of this machine and a port, or a path, that its user may take",
        ),
    }
}

/// Whether a socket can be made there.
fn may_make(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Ok(access(directory, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// What a server like this one answers there to `/livez`.
fn of_a_server(target: Target<'_>) -> Option<Answer> {
    let answer = probe::ask(target, "/livez").ok()?;
    let is_alive = answer.status == 200 && answer.body == r#"{"status":"ok"}"#;
    is_alive.then_some(answer)
}

/// A server that was given no URL has the one of its address.
fn own_url(own: &PublicUrl, address: SocketAddr) -> Finding {
    if address.ip().is_loopback() {
        return Finding::ok(
            URL_CHECK,
            format!("{own}, for programs on this machine only"),
        );
    }
    Finding::warning(
        URL_CHECK,
        format!("it is not set, so tokens and links will say {own}"),
        "set TENANTRY_PUBLIC_URL to the URL that clients use",
    )
}

fn public_url(url: &PublicUrl, resolve: impl Fn(&str) -> io::Result<()>) -> Finding {
    const CHECK: &str = URL_CHECK;
    let host = bare(url.host());
    let address: Option<IpAddr> = host.parse().ok();
    let is_local = host == "localhost"
        || host.ends_with(".localhost")
        || address.is_some_and(|address| address.is_loopback());
    if address.is_some_and(|address| address.is_unspecified()) {
        let advice = "set TENANTRY_PUBLIC_URL to a name or an address that clients reach";
        return Finding::problem(CHECK, format!("nobody can connect to {url}"), advice);
    }
    if !url.is_encrypted() && !is_local {
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
    use std::{io::Write, os::unix::net::UnixListener, thread};

    use super::{super::State, *};

    fn judged(url: &str, listen: &str) -> State {
        let known = |host: &str| match host {
            "tenants.example.com" => Ok(()),
            _ => Err(io::Error::other("no such name")),
        };
        match url {
            "" => {
                let address = listen.parse().unwrap();
                own_url(&PublicUrl::of_address(address, false), address).state
            }
            url => public_url(&PublicUrl::parse(url).unwrap(), known).state,
        }
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
        let plain = |listen: &str| {
            let target = Target {
                listen: &Listen::parse(listen).unwrap(),
                is_encrypted: false,
            };
            listening(target, None)
        };
        let taken = plain(&address.to_string());
        assert_eq!(taken.state, State::Problem, "{taken:?}");
        stranger.join().unwrap();
        assert_eq!(plain("127.0.0.1:0").state, State::Ok);
        // An address for documentation (RFC 5737) is no machine's.
        assert_eq!(plain("192.0.2.1:80").state, State::Problem);
    }

    #[test]
    fn a_socket_is_free_left_behind_or_no_socket_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let state = |path: &Path| {
            let target = Target {
                listen: &Listen::Socket(path.to_owned()),
                is_encrypted: false,
            };
            listening(target, None).state
        };
        assert_eq!(state(&path), State::Ok);
        drop(UnixListener::bind(&path).unwrap());
        assert_eq!(state(&path), State::Ok, "left behind");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        assert_eq!(state(&path), State::Problem);
        assert_eq!(state(&directory.path().join("missing/s")), State::Problem);
    }
}
