//! The clock of a server that works is set back and forth by a day.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tenantry_trials::{
    http::{Answer, Credential, Request},
    node::Node,
};

use crate::trial::BINARY;

const DAY: i64 = 86_400;

/// How long anything may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_mins(1);

/// Is told of changes, and takes them or not.
struct Receiver {
    url: String,
    takes: Arc<AtomicBool>,
    /// The numbers of the changes that it has taken.
    taken: Arc<Mutex<Vec<i64>>>,
    refused: Arc<AtomicBool>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self {
            url: format!("http://{}/", listener.local_addr().unwrap()),
            takes: Arc::new(AtomicBool::new(true)),
            taken: Arc::default(),
            refused: Arc::default(),
        };
        let (is_open, taken) = (receiver.takes.clone(), receiver.taken.clone());
        let refused = receiver.refused.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(change) = read(&stream) else {
                    continue;
                };
                let answer = if is_open.load(Ordering::SeqCst) {
                    taken.lock().unwrap().push(change);
                    "204 No Content"
                } else {
                    refused.store(true, Ordering::SeqCst);
                    "503 Service Unavailable"
                };
                let head =
                    format!("HTTP/1.1 {answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
                let _ = (&stream).write_all(head.as_bytes());
            }
        });
        receiver
    }

    fn has_taken(&self, change: i64) -> bool {
        self.taken.lock().unwrap().contains(&change)
    }
}

/// Reads a delivery, and gives the number of its change.
fn read(stream: &TcpStream) -> Option<i64> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let event: Value = serde_json::from_slice(&body).ok()?;
    event["data"]["sequence"].as_i64()
}

/// A server whose clock can be set.
struct Server {
    node: Node,
    token: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Server {
    fn start() -> Self {
        let mut node = Node::new(BINARY.as_ref(), None);
        node.put_under_faults();
        node.set("TENANTRY_WEBHOOK_ALLOW_PRIVATE", "true");
        node.set("TENANTRY_WEBHOOK_RETRY_DELAYS", "1");
        node.start();
        let mut server = Self {
            node,
            token: String::new(),
        };
        server.token = server.new_token();
        server
    }

    /// Sets its clock that many seconds ahead of the machine's.
    fn set_clock(&self, ahead: i64) {
        self.node.faults().shift_clock(ahead);
    }

    fn try_send(&self, request: &Request) -> Answer {
        self.node.http().send(request).unwrap()
    }

    /// Sends it again and again until it is answered so.
    fn send(&self, request: &Request, status: u16) -> Answer {
        let begun = Instant::now();
        loop {
            let answer = self.try_send(request);
            if answer.status == status {
                return answer;
            }
            let is_patient = answer.status == 503 && begun.elapsed() < PATIENCE;
            assert!(is_patient, "{request:?}: {answer:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// A new token; while keys are read again after a jump it may take a moment.
    fn new_token(&self) -> String {
        let request = Request::new("POST", "/oauth/token")
            .by(&Node::client())
            .form(&[("grant_type", "client_credentials")]);
        text(&self.send(&request, 200).json()["access_token"])
    }

    fn with(token: &str, method: &'static str, path: &str) -> Request {
        Request::new(method, path).by(&Credential::Bearer(token.to_owned()))
    }

    fn ask(&self, method: &'static str, path: &str) -> Request {
        Self::with(&self.token, method, path)
    }

    fn is_good(&self, token: &str) -> bool {
        let answer = self.try_send(&Self::with(token, "GET", "/v1/environments"));
        assert!(matches!(answer.status, 200 | 401), "{answer:?}");
        answer.status == 200
    }

    fn revoke(&self, token: &str) {
        let request = Request::new("POST", "/oauth/revoke")
            .by(&Node::client())
            .form(&[("token", token)]);
        self.send(&request, 200);
    }

    fn creation(&self, label: &str) -> Request {
        let environments = self.send(&self.ask("GET", "/v1/environments"), 200).json();
        self.ask("POST", "/v1/tenants")
            .header("Idempotency-Key", label)
            .json(&json!({"subdomain": label, "environmentId": environments["data"][0]["id"]}))
    }

    fn create(&self, label: &str) -> String {
        text(&self.send(&self.creation(label), 201).json()["id"])
    }

    /// Changes a tenant; gives the instant that it shows.
    fn change(&self, id: &str, version: i64) -> String {
        let patch = self
            .ask("PATCH", &format!("/v1/tenants/{id}"))
            .json(&json!({"name": format!("Version {version}")}));
        let changed = self.send(&patch, 200).json();
        assert_eq!(changed["version"], version, "{changed}");
        text(&changed["updatedAt"])
    }

    fn changes(&self) -> Vec<Value> {
        let answer = self.send(&self.ask("GET", "/v1/changes?limit=1000"), 200);
        answer.json()["data"].as_array().unwrap().clone()
    }

    fn latest(&self) -> i64 {
        self.changes().last().unwrap()["sequence"].as_i64().unwrap()
    }

    fn tenants(&self, query: &str) -> Value {
        self.send(&self.ask("GET", &format!("/v1/tenants{query}")), 200)
            .json()
    }
}

fn poll(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What holds whatever the clock says: numbers without a gap, instants and versions that only rise.
fn assert_in_order(server: &Server) {
    let changes = server.changes();
    let numbers: Vec<_> = changes
        .iter()
        .map(|one| one["sequence"].as_i64().unwrap())
        .collect();
    let wanted: Vec<_> = (1..).take(numbers.len()).collect();
    assert_eq!(numbers, wanted);
    let times: Vec<_> = changes.iter().map(|one| text(&one["time"])).collect();
    assert!(times.is_sorted(), "{times:?}");
    let log = server.node.log();
    assert!(!log.contains("panic"), "{log}");
}

#[test]
fn a_clock_that_is_set_by_a_day_and_back_loses_repeats_and_revives_nothing() {
    let mut server = Server::start();
    let receiver = Receiver::start();
    let webhook = server
        .ask("POST", "/v1/webhooks")
        .json(&json!({"url": receiver.url}));
    server.send(&webhook, 201);
    let of_today = server.token.clone();
    let revoked = server.new_token();
    server.revoke(&revoked);
    let creation = server.creation("first");
    let first = server.send(&creation, 201);
    let id = text(&first.json()["id"]);
    let changed_today = server.change(&id, 2);
    let cursor = text(&server.tenants("")["nextCursor"]);
    poll("today's deliveries", || receiver.has_taken(server.latest()));

    // A day and some seconds later. What has expired is looked for by each of these.
    server.set_clock(DAY + 90);
    assert!(!server.is_good(&of_today), "it has expired");
    server.token = server.new_token();
    let of_tomorrow = server.token.clone();
    server.revoke(&server.new_token());
    receiver.takes.store(false, Ordering::SeqCst);
    server.create("second");
    let changed_tomorrow = server.change(&id, 3);
    assert!(changed_tomorrow > changed_today);
    poll("an attempt that fails", || {
        receiver.refused.load(Ordering::SeqCst)
    });
    assert_in_order(&server);

    // And right again.
    server.set_clock(0);
    assert!(!server.is_good(&of_tomorrow), "it is not good yet");
    assert!(server.is_good(&of_today), "its time is not over");
    assert!(
        !server.is_good(&revoked),
        "a token that was revoked lives again"
    );
    server.token = of_today;
    let again = server.send(&creation, 201);
    assert_eq!(
        again.header("idempotency-replayed"),
        Some("true"),
        "{again:?}"
    );
    assert_eq!(again.text, first.text);
    let changed_at_last = server.change(&id, 4);
    assert!(
        changed_at_last >= changed_tomorrow,
        "{changed_at_last} {changed_tomorrow}"
    );
    server.create("third");
    let since = server.tenants(&format!("?cursor={cursor}"));
    let since: Vec<_> = since["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["name"]))
        .collect();
    assert_eq!(since, ["second", "third"], "nobody who pages misses one");
    receiver.takes.store(true, Ordering::SeqCst);
    poll("what failed while the clock was ahead", || {
        receiver.has_taken(server.latest())
    });
    let taken = receiver.taken.lock().unwrap().clone();
    let in_order = taken.windows(2).all(|two| two[1] == two[0] + 1);
    assert!(in_order, "{taken:?}");
    assert_in_order(&server);
}

#[test]
fn a_clock_that_is_set_back_by_a_day_stops_nothing() {
    let mut server = Server::start();
    let today = server.token.clone();
    let id = server.create("first");
    let changed_today = server.change(&id, 2);

    server.set_clock(-DAY);
    assert!(!server.is_good(&today), "it is not good yet");
    server.token = server.new_token();
    let of_yesterday = server.token.clone();
    assert!(server.is_good(&of_yesterday));
    let changed_yesterday = server.change(&id, 3);
    assert!(
        changed_yesterday >= changed_today,
        "{changed_yesterday} {changed_today}"
    );
    server.create("second");
    assert_in_order(&server);

    server.set_clock(0);
    server.token = server.new_token();
    poll("the end of yesterday's token", || {
        !server.is_good(&of_yesterday)
    });
    assert!(server.is_good(&today));
    server.change(&id, 4);
    server.create("third");
    let all = server.tenants("");
    let all: Vec<_> = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["name"]))
        .collect();
    assert_eq!(all, ["Version 4", "second", "third"]);
    assert_in_order(&server);
}
