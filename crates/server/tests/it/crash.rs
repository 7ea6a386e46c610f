//! An acknowledged write is a promise: kill -9 in the middle of creates.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Request, Server, reference};
use crate::system::{JSON, TENANTS};

const ROUNDS: usize = 3;
const WRITERS: usize = 4;
/// How many answers a round waits for before it kills the server.
const ANSWERS: usize = 40;

/// What the server has said yes to.
#[derive(Default)]
struct Acknowledged {
    /// Answers of `POST /v1/tenants`.
    tenants: Vec<Value>,
    /// Answers of `POST /system/tenants`.
    records: Vec<Value>,
}

impl Acknowledged {
    fn len(&self) -> usize {
        self.tenants.len() + self.records.len()
    }
}

/// Creates through both families until the server is gone.
fn write_until_gone(server: &Server, acknowledged: &Mutex<Acknowledged>, stop: &AtomicBool) {
    let token = server.token();
    let account = server.credentials();
    for round in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let through_system = round % 4 == 3;
        let request: Request = if through_system {
            server
                .post(TENANTS)
                .basic(&account.system_username, &account.system_password)
                .header("Accept", JSON)
                .json(&json!({"data": {"round": round}, "version": 1}))
        } else {
            server.post("/v1/tenants").bearer(&token).json(&json!({
                "subdomain": reference::unique_label("crash"),
                "environmentId": reference::ENVIRONMENT_ID,
            }))
        };
        let Ok(answer) = request.try_send() else {
            return;
        };
        let mut acknowledged = acknowledged.lock().unwrap();
        match answer.status {
            201 => acknowledged.tenants.push(answer.json()),
            200 if through_system => acknowledged.records.push(answer.json()),
            _ => panic!("{answer}"),
        }
    }
}

fn kill_in_the_middle(server: &mut Server, acknowledged: &Mutex<Acknowledged>) {
    let goal = acknowledged.lock().unwrap().len() + ANSWERS;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| write_until_gone(server, acknowledged, &stop));
        }
        let deadline = Instant::now() + Duration::from_mins(1);
        while acknowledged.lock().unwrap().len() < goal && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        server.signal("KILL");
        stop.store(true, Ordering::Relaxed);
    });
    assert!(
        acknowledged.lock().unwrap().len() >= goal,
        "too few answers"
    );
    server.wait_for_end();
}

fn all_tenants(server: &Server) -> HashMap<String, Value> {
    let mut all = HashMap::new();
    let mut path = "/v1/tenants?limit=100".to_owned();
    loop {
        let page = server
            .get(&path)
            .bearer(&server.token())
            .send()
            .expect_status(200)
            .json();
        for tenant in page["data"].as_array().unwrap() {
            let id = tenant["id"].as_str().unwrap().to_owned();
            assert!(all.insert(id, tenant.clone()).is_none(), "listed twice");
        }
        let Some(cursor) = page["nextCursor"].as_str() else {
            return all;
        };
        path = format!("/v1/tenants?limit=100&cursor={cursor}");
    }
}

fn assert_promises_kept(server: &Server, acknowledged: &Acknowledged) {
    let all = all_tenants(server);
    for made in &acknowledged.tenants {
        let id = made["id"].as_str().unwrap();
        let kept = all.get(id).unwrap_or_else(|| panic!("lost: {made}"));
        assert_eq!(kept["subdomain"], made["subdomain"]);
        let client = &made["client"];
        server.token_for(
            client["clientId"].as_str().unwrap(),
            client["clientSecret"].as_str().unwrap(),
        );
    }
    for made in &acknowledged.records {
        let uuid = made["uuid"].as_str().unwrap();
        assert!(all.contains_key(uuid), "lost: {made}");
    }
    for (id, tenant) in &all {
        // What the system API makes has no client; its label tells it.
        let host = tenant["subdomain"].as_str().unwrap();
        let is_record = host.starts_with(&format!("t-{}.", id.replace('-', "")));
        let clients = server
            .get(&format!("/v1/tenants/{id}/clients"))
            .bearer(&server.token())
            .send()
            .expect_status(200)
            .json();
        let count = clients["data"].as_array().unwrap().len();
        assert_eq!(count, usize::from(!is_record), "clients of {tenant}");
    }
}

fn assert_database_sound(server: &Server, tenants: usize) {
    server.database().assert_intact();
    let sequences = "SELECT sequence AS number FROM changes ORDER BY sequence";
    let sequences = server.database().numbers(sequences);
    let expected: Vec<i64> = (1..).take(sequences.len()).collect();
    assert_eq!(sequences, expected, "a gap");
    assert!(sequences.len() >= tenants, "every tenant has a change");
}

#[test]
fn kill_minus_9_during_creates_loses_nothing_that_was_acknowledged() {
    let mut server = Server::reference();
    let acknowledged = Mutex::new(Acknowledged::default());
    for _ in 0..ROUNDS {
        kill_in_the_middle(&mut server, &acknowledged);
        server.restart();
        server.get("/readyz").send().expect_status(200);
        let acknowledged = acknowledged.lock().unwrap();
        assert_promises_kept(&server, &acknowledged);
        assert_database_sound(&server, acknowledged.len());
    }
    // The numbers of the system API are still unique and rising.
    let mut numbers = HashSet::new();
    for record in &acknowledged.lock().unwrap().records {
        assert!(numbers.insert(record["id"].as_u64().unwrap()), "{record}");
    }
}

/// Killed in its first second, over and over: the next start finds its way.
#[test]
fn a_first_start_that_was_killed_is_taken_up_by_the_next() {
    for delay in [0, 5, 20, 50, 100, 200, 400] {
        let mut server = Server::builder().on_an_empty_database().prepare();
        // The point of the delay is to hit different moments, not to wait for one.
        server.start_and_kill(Duration::from_millis(delay));
        server.restart();
        println!("after {delay} ms");
        server.token();
    }
}
