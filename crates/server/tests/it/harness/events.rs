//! A reader of Server-Sent Events that shows everything, the comments too.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::http::Response;
use super::raw;

/// How long a stream may be silent before a test fails.
const SILENCE: Duration = Duration::from_secs(30);

/// A stream that was answered with 200.
pub(crate) struct EventStream {
    /// The status and the headers.
    pub(crate) head: Response,
    socket: BufReader<TcpStream>,
    text: String,
}

/// One block of a stream, up to its empty line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) id: Option<i64>,
    pub(crate) event: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) retry: Option<u32>,
    /// Whether there is a comment in it.
    pub(crate) is_comment: bool,
}

impl EventStream {
    /// Opens a stream on a process of a server, with these headers.
    pub(crate) fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = Self::ask(address, path, headers);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = raw::parse(&head);
        assert_eq!(head.status, 200, "{head}");
        assert_eq!(head.header("transfer-encoding"), Some("chunked"), "{head}");
        Self {
            head,
            socket: stream,
            text: String::new(),
        }
    }

    /// Asks for a stream and reads nothing of it.
    pub(crate) fn ask(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> BufReader<TcpStream> {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(SILENCE)).unwrap();
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        socket.write_all((request + "\r\n").as_bytes()).unwrap();
        BufReader::with_capacity(1024, socket)
    }

    /// The next block; `None` where the server has ended the stream properly.
    pub(crate) fn block(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = Block::parse(block);
                self.text = rest.to_owned();
                return Some(block);
            }
            let chunk = self.chunk()?;
            self.text += &chunk;
        }
    }

    /// The next event with data, its number and its JSON.
    pub(crate) fn event(&mut self) -> Option<(i64, serde_json::Value)> {
        loop {
            let block = self.block()?;
            if let Some(data) = block.data {
                let change: serde_json::Value = serde_json::from_str(&data).unwrap();
                assert_eq!(block.event.unwrap(), change["type"], "{change}");
                assert_eq!(block.id, change["sequence"].as_i64(), "{change}");
                return Some((block.id.unwrap(), change));
            }
        }
    }

    fn chunk(&mut self) -> Option<String> {
        let mut size = String::new();
        self.socket
            .read_line(&mut size)
            .expect("the stream goes on");
        let size = usize::from_str_radix(size.trim_end(), 16)
            .unwrap_or_else(|_| panic!("the stream was cut off: {size:?}"));
        let mut chunk = vec![0; size + 2];
        self.socket.read_exact(&mut chunk).unwrap();
        chunk.truncate(size);
        (size > 0).then(|| String::from_utf8(chunk).unwrap())
    }
}

impl Block {
    fn parse(text: &str) -> Self {
        let mut block = Self::default();
        for line in text.lines() {
            match line.split_once(':').unwrap_or((line, "")) {
                ("", _) => block.is_comment = true,
                ("id", value) => block.id = Some(value.trim().parse().unwrap()),
                ("event", value) => block.event = Some(value.trim().to_owned()),
                ("data", value) => {
                    assert!(block.data.is_none(), "two lines of data in {text}");
                    block.data = Some(value.trim().to_owned());
                }
                ("retry", value) => block.retry = Some(value.trim().parse().unwrap()),
                (other, _) => panic!("{other} in {text}"),
            }
        }
        block
    }
}
