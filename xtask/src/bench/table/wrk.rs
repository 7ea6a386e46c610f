//! The load generator: Debian's `wrk`, in a process of its own.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Failure, root};

/// Threads of the generator. There are as many as cores on a small machine.
const THREADS: usize = 2;

/// One kind of request.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) method: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// `{unique}` in it is another text in each request.
    pub(crate) body: String,
    /// Each request goes to one of them.
    pub(crate) paths: Vec<String>,
    pub(crate) connections: usize,
}

/// What a run has found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) seconds: f64,
    pub(crate) requests: f64,
    pub(crate) errors: f64,
    /// Microseconds.
    pub(crate) p50: f64,
    /// Microseconds.
    pub(crate) p99: f64,
}

/// Sees whether it is installed.
pub(crate) fn check() -> Result<(), Failure> {
    let started = Command::new("wrk")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    started.map(drop).map_err(|_| {
        Failure::new("the load generator wrk is not installed: `apt-get install wrk` (Debian, Ubuntu), `brew install wrk`")
    })
}

impl Load {
    /// The file that the script reads.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Failure> {
        let mut text = format!("{}\n", self.method);
        for (name, value) in &self.headers {
            // Texts can always be written.
            let _ = writeln!(text, "{name}: {value}");
        }
        let _ = write!(text, "\n{}\n{}\n", self.body, self.paths.join("\n"));
        fs::write(file, text).map_err(|error| Failure::new(format!("{}: {error}", file.display())))
    }

    /// One of these requests, as bytes.
    pub(crate) fn request(&self, place: usize, unique: &str) -> Vec<u8> {
        let body = self.body.replace("{unique}", unique);
        let path = &self.paths[place % self.paths.len()];
        let mut text = format!("{} {path} HTTP/1.1\r\nHost: localhost\r\n", self.method);
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
        text.into_bytes()
    }
}

/// Sends such requests for some time, as fast as they are answered.
pub(crate) fn run(
    file: &Path,
    address: SocketAddr,
    connections: usize,
    seconds: u64,
    seed: u32,
) -> Result<Found, Failure> {
    let script: PathBuf = root().join("bench/workload.lua");
    let output = Command::new("wrk")
        .arg(format!("-t{}", THREADS.min(connections)))
        .arg(format!("-c{connections}"))
        .arg(format!("-d{seconds}s"))
        // The patience of the server itself; slow is not wrong.
        .args(["--timeout", "30s"])
        .arg("-s")
        .arg(script)
        .arg(format!("http://{address}"))
        .arg("--")
        .arg(file)
        .arg(seed.to_string())
        .output()
        .map_err(|error| Failure::new(format!("wrk can't be run: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse(&text).ok_or_else(|| {
        let error = String::from_utf8_lossy(&output.stderr);
        Failure::new(format!("wrk has failed: {}\n{text}{error}", output.status))
    })
}

/// The line that the script writes at the end.
fn parse(text: &str) -> Option<Found> {
    let line = text.lines().find_map(|line| line.strip_prefix("result "))?;
    let values: Vec<f64> = line
        .split(' ')
        .map(|value| value.parse().ok())
        .collect::<Option<_>>()?;
    let [micros, requests, errors, p50, p99] = values[..] else {
        return None;
    };
    Some(Found {
        seconds: micros / 1e6,
        requests,
        errors,
        p50,
        p99,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_read() {
        let text = "Running 2s test\n  2 threads\nresult 2000000 5000 3 420 1800\n";
        let found = parse(text).expect("it is there");
        let expected = Found {
            seconds: 2.0,
            requests: 5000.0,
            errors: 3.0,
            p50: 420.0,
            p99: 1800.0,
        };
        assert_eq!(found, expected);
        assert_eq!(parse("unable to connect to 127.0.0.1:1"), None);
        assert_eq!(parse("result 1 2 3"), None);
    }

    #[test]
    fn a_request_is_whole() {
        let load = Load {
            method: "POST",
            headers: vec![("Content-Type", "application/json".to_owned())],
            body: r#"{"subdomain":"b-{unique}"}"#.to_owned(),
            paths: vec!["/v1/tenants".to_owned()],
            connections: 16,
        };
        let text = String::from_utf8(load.request(5, "1")).expect("it is text");
        assert_eq!(
            text,
            "POST /v1/tenants HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: 19\r\n\r\n{\"subdomain\":\"b-1\"}"
        );
    }
}
