//! A child process that never outlives the test run.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a server may take to listen, or to end after SIGTERM (which may take 30 s by contract).
const PATIENCE: Duration = Duration::from_mins(1);

/// What one of the child's streams has said so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Transcript(Arc<Mutex<String>>);

impl Transcript {
    pub(super) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

/// A running server process.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    guard: Child,
    lines: Mutex<Receiver<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    pub(super) fn spawn(
        command: &mut Command,
        stdout: &Transcript,
        stderr: &Transcript,
        scratch: &std::path::Path,
    ) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let guard = guard(child.id(), scratch);
        let (sender, lines) = channel();
        let readers = vec![
            drain(child.stdout.take().unwrap(), stdout.clone(), move |line| {
                // Nobody listens any more once the server is up.
                let _ = sender.send(line.to_owned());
            }),
            drain(child.stderr.take().unwrap(), stderr.clone(), |_| {}),
        ];
        Self {
            child,
            guard,
            lines: Mutex::new(lines),
            readers,
        }
    }

    /// The first line of stdout that `find` accepts; `None` if the process ended without one.
    pub(super) fn wait_for_line<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let lines = self.lines.lock().unwrap();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(found) = find(&line) {
                        return Some(found);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Any signal by its name.
    pub(super) fn signal(&self, name: &str) {
        let signal = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &signal]).status().unwrap();
        assert!(sent.success(), "{signal}");
    }

    /// Waits for an end that comes by itself; overdue is a failure.
    pub(super) fn wait(mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "the process did not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Statics are never dropped, and a test run may itself be killed. This one's standard
/// input closes when the run ends, however it ends; then it ends the server.
fn guard(pid: u32, scratch: &std::path::Path) -> Child {
    Command::new("sh")
        .args(["-c", r#"cat >/dev/null; kill -KILL "$0"; rm -rf "$1""#])
        .arg(pid.to_string())
        .arg(scratch)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh is there")
}

fn drain(
    stream: impl Read + Send + 'static,
    transcript: Transcript,
    mut each: impl FnMut(&str) + Send + 'static,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            let text = String::from_utf8_lossy(&line);
            transcript.0.lock().unwrap().push_str(&text);
            each(text.trim_end());
            line.clear();
        }
    })
}
