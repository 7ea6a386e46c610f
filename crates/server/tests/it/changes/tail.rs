//! `tenantry feed tail`.

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, ExitStatus};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{all_after, latest, new_tenant, set_status};
use crate::harness::{Server, cli, cli_begin};

fn shown(server: &Server, args: &[&str]) -> Vec<String> {
    let output = cli(server, &[&["feed", "tail", "--no-follow"], args].concat());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, "", "{output:?}");
    output.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn it_shows_what_the_feed_has_behind_a_number() {
    let server = Server::reference();
    let tenant = new_tenant(&server);
    set_status(&server, &tenant.id, "suspended");
    for _ in 0..6 {
        new_tenant(&server);
    }
    let all = all_after(&server, 0);
    let json = |args: &[&str]| -> Vec<Value> {
        let lines = shown(&server, &[args, &["--output", "json"]].concat());
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    assert_eq!(json(&["--after", "0"]), all);
    assert_eq!(json(&["--after", "3"]), all[3..]);
    assert_eq!(json(&[]), all[all.len() - 10..], "the last ten");
    assert_eq!(json(&["--last", "1"]), all[all.len() - 1..]);
    assert_eq!(json(&["--after", "99999"]), Vec::<Value>::new());
    let suspended = json(&[
        "--after",
        "0",
        "--types",
        "tenant.suspended",
        "tenant.deleted",
    ]);
    assert_eq!(suspended, [all[4].clone()]);
    let clients = json(&["--after", "0", "--types", "client"]);
    assert_eq!(clients.len(), 8);
    let lines = shown(&server, &["--after", "4", "--types", "tenant.suspended"]);
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    for part in [
        "       5  ",
        "tenant.suspended",
        &tenant.host(),
        &tenant.id,
        " v2 ",
        "by client ",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn what_it_can_not_read_is_told() {
    let server = Server::reference();
    for args in [
        &["--types", "tenant.moved"][..],
        &["--after", "-1"],
        &["--after", "1", "--last", "2"],
    ] {
        let output = cli(&server, &[&["feed", "tail", "--no-follow"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}

struct Tail {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tail {
    fn begin(server: &Server) -> Self {
        let after = latest(server).to_string();
        let args = ["feed", "tail", "--after", &after, "--output", "json"];
        let mut child = cli_begin(server, &args);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }
}

fn wait(mut child: Child) -> ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn it_follows_until_it_is_asked_to_end() {
    let server = Server::reference();
    for signal in ["INT", "TERM"] {
        let mut tail = Tail::begin(&server);
        for _ in 0..2 {
            let tenant = new_tenant(&server);
            assert_eq!(tail.next()["tenantId"], tenant.id.as_str());
            assert_eq!(tail.next()["type"], "client.created");
        }
        let kill = format!("kill -{signal} {}", tail.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
        assert!(
            tail.lines.next().is_none(),
            "nothing more, and nothing half"
        );
        assert_eq!(wait(tail.child).code(), Some(0));
    }
}

#[test]
fn it_ends_when_nobody_reads_it_though_there_is_nothing_to_write() {
    let server = Server::reference();
    let mut tail = Tail::begin(&server);
    new_tenant(&server);
    tail.next();
    tail.next();
    let Tail { child, lines } = tail;
    drop(lines);
    assert_eq!(wait(child).code(), Some(0));
}

#[test]
fn it_ends_when_nobody_reads_it() {
    let server = Server::reference();
    let mut tail = Tail::begin(&server);
    new_tenant(&server);
    tail.next();
    let Tail { child, lines } = tail;
    drop(lines);
    new_tenant(&server);
    assert_eq!(wait(child).code(), Some(0));
}
