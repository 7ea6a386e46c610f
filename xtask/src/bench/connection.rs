//! A connection that stays, for answers that tell their length.

use std::{
    io::{BufRead, BufReader, Error, Read, Result, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection; what it was answered last stays until the next answer.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    /// The status line and the headers of the last answer.
    pub(super) head: String,
    /// The body of the last answer.
    pub(super) body: Vec<u8>,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream: BufReader::new(stream),
            head: String::new(),
            body: Vec::new(),
        })
    }

    /// Sends a request and reads the whole answer; gives the status.
    pub(super) fn ask(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.get_mut().write_all(request)?;
        self.head.clear();
        loop {
            let begin = self.head.len();
            if self.stream.read_line(&mut self.head)? == 0 {
                return Err(Error::other("the connection was closed"));
            }
            if self.head[begin..].trim_end().is_empty() {
                break;
            }
        }
        let (status, length) =
            read(&self.head).ok_or_else(|| Error::other("an answer that is none"))?;
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body)?;
        Ok(status)
    }

    /// Sends a request whose answer must have that status.
    pub(super) fn expect(&mut self, status: u16, request: &[u8]) -> Result<()> {
        let answered = self.ask(request)?;
        if answered == status {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&self.body);
        Err(Error::other(format!(
            "{answered} in place of {status}: {text}"
        )))
    }
}

/// The status, and how long the body is.
fn read(head: &str) -> Option<(u16, usize)> {
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut length = 0;
    for line in lines {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    Some((status, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read() {
        let head = "HTTP/1.1 201 Created\r\nContent-Length: 12\r\nETag: \"1:2\"\r\n\r\n";
        assert_eq!(read(head), Some((201, 12)));
        assert_eq!(read("HTTP/1.1 204 No Content\r\n\r\n"), Some((204, 0)));
        assert_eq!(
            read("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n"),
            None
        );
        assert_eq!(read("SSH-2.0\r\n\r\n"), None);
    }
}
