//! Asks a server on this machine how it is.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    time::Duration,
};

use rustls::{StreamOwned, pki_types::CertificateDer};

use crate::config::{Listen, Settings};

mod stranger;

/// How long whoever listens there may take, at each step.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whom to ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    /// Where it listens.
    pub(crate) listen: &'a Listen,
    /// Whether it speaks TLS.
    pub(crate) is_encrypted: bool,
}

impl<'a> Target<'a> {
    /// The server that listens where the settings say.
    pub(crate) fn of(settings: &'a Settings) -> Self {
        Self {
            listen: &settings.listen,
            is_encrypted: settings.tls.is_some(),
        }
    }
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status, such as 200.
    pub(crate) status: u16,
    /// The content.
    pub(crate) body: String,
    /// The certificate that was shown, by a server that speaks TLS.
    pub(crate) certificate: Option<CertificateDer<'static>>,
}

/// Gets `path` from whoever listens there.
pub(crate) fn ask(target: Target<'_>, path: &str) -> io::Result<Answer> {
    let address = match target.listen {
        Listen::Address(address) => reachable(*address),
        Listen::Socket(socket) => {
            let mut stream = UnixStream::connect(socket)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            return talk(&mut stream, path);
        }
    };
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    if !target.is_encrypted {
        return talk(&mut stream, path);
    }
    let mut stream = StreamOwned::new(stranger::connection()?, stream);
    let answer = talk(&mut stream, path)?;
    let shown = stream.conn.peer_certificates();
    Ok(Answer {
        certificate: shown.and_then(|chain| chain.first().cloned()),
        ..answer
    })
}

fn talk(stream: &mut (impl Read + Write), path: &str) -> io::Result<Answer> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    // Whatever else listens there may talk without end.
    stream.take(16 * 1024).read_to_end(&mut answer)?;
    let text = String::from_utf8_lossy(&answer);
    read(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it speaks no HTTP"))
}

/// The address under which this machine reaches whoever listens there.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let host = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(host, listen.port())
}

fn read(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    Some(Answer {
        status: status.parse().ok()?,
        body: body.to_owned(),
        certificate: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_status_and_a_body() {
        let answer = |status, body: &str| {
            Some(Answer {
                status,
                body: body.to_owned(),
                certificate: None,
            })
        };
        assert_eq!(
            read("HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\n{}"),
            answer(503, "{}")
        );
        for none in [
            "",
            "SSH-2.0-x\r\n",
            "HTTP/1.1 20\r\n\r\n",
            "HTTP/1.1 abc\r\n\r\n",
        ] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn who_listens_everywhere_is_reached_here() {
        let reached = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(reached("[::]:8080"), "[::1]:8080");
        assert_eq!(reached("10.1.2.3:80"), "10.1.2.3:80");
    }
}
