//! Somebody who is told of changes: an HTTP server of one's own that keeps what it gets.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver as Wait, Sender as GoOn, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What a receiver answers.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// With that status, and nothing else.
    Status(u16),
    /// With that text, head and body, as it is.
    Raw(String),
    /// Not at all, until the receiver is let go on.
    Hang,
    /// Status 200 and a body that is as long as one likes.
    Endless,
}

/// One request, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Delivered {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Delivered {
    /// The only value of a header.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let values: Vec<_> = self.headers.iter().filter(|(key, _)| key == name).collect();
        assert_eq!(values.len(), 1, "{name} in {self:?}");
        &values[0].1
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The change's number.
    pub(crate) fn sequence(&self) -> i64 {
        self.json()["data"]["sequence"].as_i64().unwrap()
    }

    /// The change's type.
    pub(crate) fn kind(&self) -> String {
        self.json()["data"]["type"].as_str().unwrap().to_owned()
    }

    /// The head as it was on the wire, a header a line.
    pub(crate) fn head(&self) -> String {
        let lines = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"));
        lines.collect()
    }
}

/// A receiver of deliveries on a port of its own; gone when dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    secure: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    came: Condvar,
    is_over: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    delivered: Vec<Delivered>,
    /// What is answered next; 204 when there is nothing left.
    replies: VecDeque<Reply>,
    /// What is answered when there is no other reply.
    usual: Option<Reply>,
    hanging: Vec<GoOn<()>>,
    connections: usize,
}

impl Receiver {
    /// One that answers 204.
    pub(crate) fn start() -> Self {
        Self::with_tls(None)
    }

    /// One that answers 204 over TLS.
    pub(crate) fn secure(config: rustls::ServerConfig) -> Self {
        Self::with_tls(Some(Arc::new(config)))
    }

    fn with_tls(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let secure = tls.is_some();
        std::thread::spawn({
            let shared = shared.clone();
            move || {
                for stream in listener.incoming() {
                    if shared.is_over.load(Ordering::SeqCst) {
                        return;
                    }
                    let (shared, tls) = (shared.clone(), tls.clone());
                    shared.lock().connections += 1;
                    std::thread::spawn(move || {
                        let Ok(stream) = stream else { return };
                        // Whoever goes away in the middle has had enough.
                        let _ = match tls {
                            None => serve(&shared, stream),
                            Some(config) => {
                                let connection = rustls::ServerConnection::new(config).unwrap();
                                serve(&shared, rustls::StreamOwned::new(connection, stream))
                            }
                        };
                    });
                }
            }
        });
        Self {
            address,
            shared,
            secure,
        }
    }

    /// Its URL, with a path.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}/hook", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it answers next, before it goes back to the usual.
    pub(crate) fn replies(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.lock().replies.extend(replies);
    }

    /// What it answers from now on.
    pub(crate) fn usually(&self, reply: Reply) {
        self.shared.lock().usual = Some(reply);
    }

    /// Lets all hanging requests go on; they are answered with 204.
    pub(crate) fn go_on(&self) {
        self.shared.lock().hanging.clear();
    }

    /// All it was told up to now.
    pub(crate) fn delivered(&self) -> Vec<Delivered> {
        self.shared.lock().delivered.clone()
    }

    /// How often somebody has connected.
    pub(crate) fn connections(&self) -> usize {
        self.shared.lock().connections
    }

    /// Waits until it was told as much as is asked for, for at most 30 s.
    #[track_caller]
    pub(crate) fn wait_until(&self, done: impl Fn(&[Delivered]) -> bool) -> Vec<Delivered> {
        let deadline = Instant::now() + Duration::from_secs(30);
        let mut state = self.shared.lock();
        loop {
            if done(&state.delivered) {
                return state.delivered.clone();
            }
            let rest = deadline.saturating_duration_since(Instant::now());
            let seen: Vec<_> = state.delivered.iter().map(Delivered::head).collect();
            assert!(
                !rest.is_zero(),
                "only {} were delivered: {seen:#?}",
                seen.len()
            );
            state = self
                .shared
                .came
                .wait_timeout(state, rest)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits for so many deliveries.
    #[track_caller]
    pub(crate) fn wait_for(&self, number: usize) -> Vec<Delivered> {
        self.wait_until(|delivered| delivered.len() >= number)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.go_on();
        // So that the thread that accepts comes to look.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a request; what to answer, or what to wait for.
    fn take(&self, delivered: Delivered) -> (Reply, Option<Wait<()>>) {
        let mut state = self.lock();
        state.delivered.push(delivered);
        let reply = state.replies.pop_front();
        let reply = reply.or_else(|| state.usual.clone());
        let reply = reply.unwrap_or(Reply::Status(204));
        let wait = matches!(reply, Reply::Hang).then(|| {
            let (go_on, wait) = channel();
            state.hanging.push(go_on);
            wait
        });
        drop(state);
        self.came.notify_all();
        (reply, wait)
    }
}

/// Answers one request after the other on a connection.
fn serve(shared: &Shared, stream: impl Read + Write) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(delivered) = read_request(&mut stream)? {
        let (reply, wait) = shared.take(delivered);
        if let Some(wait) = wait {
            // It ends when the other end is dropped.
            let _ = wait.recv();
        }
        let out = stream.get_mut();
        match reply {
            Reply::Status(status) => {
                write!(out, "HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n")?;
            }
            Reply::Raw(text) => out.write_all(text.as_bytes())?,
            Reply::Hang => write!(out, "HTTP/1.1 204 So\r\n\r\n")?,
            Reply::Endless => {
                write!(out, "HTTP/1.1 200 So\r\ntransfer-encoding: chunked\r\n\r\n")?;
                let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
                loop {
                    out.write_all(chunk.as_bytes())?;
                }
            }
        }
        out.flush()?;
    }
    Ok(())
}

fn read_request(stream: &mut impl std::io::BufRead) -> std::io::Result<Option<Delivered>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let (method, path) = (method.to_owned(), path.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(Delivered {
        method,
        path,
        headers,
        body,
    }))
}
