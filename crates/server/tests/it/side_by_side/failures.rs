//! One of two is killed: the other one goes on, and what either has said holds.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::harness::Server;
use crate::harness::reference::unique_label;
use crate::support::{create_body, created};

/// How many answers of the one that survives are waited for.
const ANSWERS: usize = 20;

/// Kill -9 in the middle of writes lets go of the lock that writers of both queue for.
#[test]
fn one_that_is_killed_while_it_writes_leaves_the_other_one_writing() {
    let server = Server::reference();
    let token = server.token();
    let made = Mutex::new(Vec::new());
    for (victim, survivor) in [(1, 0), (0, 1)] {
        let (mut victim, survivor) = (server.nth(victim), server.nth(survivor));
        let (stop, before, after) = (AtomicBool::new(false), count(), count());
        let killed = AtomicBool::new(false);
        let create = |node: &Server| {
            let body = create_body(&unique_label("beside"));
            node.post("/v1/tenants").bearer(&token).json(&body)
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    // It ends with the process.
                    while let Ok(answer) = create(&victim).try_send() {
                        made.lock().unwrap().push(created(&answer));
                        before.fetch_add(1, Ordering::Relaxed);
                    }
                });
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let was_killed = killed.load(Ordering::Relaxed);
                        let answer = create(&survivor).send();
                        made.lock().unwrap().push(created(&answer));
                        after.fetch_add(usize::from(was_killed), Ordering::Relaxed);
                    }
                });
            }
            wait_for(&before);
            victim.signal("KILL");
            killed.store(true, Ordering::Relaxed);
            wait_for(&after);
            stop.store(true, Ordering::Relaxed);
        });
        for answers in [&before, &after] {
            assert!(
                answers.load(Ordering::Relaxed) >= ANSWERS,
                "too few answers"
            );
        }
        victim.wait_for_end();
        victim.restart();
        for node in [&victim, &survivor] {
            for tenant in made.lock().unwrap().iter() {
                let read = node.get(&tenant.path()).bearer(&token).send();
                read.expect_status(200);
            }
        }
    }
    let changes = "SELECT sequence AS number FROM changes ORDER BY sequence";
    let changes = server.database().numbers(changes);
    assert_eq!(
        changes,
        (1..).take(changes.len()).collect::<Vec<_>>(),
        "a gap"
    );
}

fn count() -> AtomicUsize {
    AtomicUsize::new(0)
}

fn wait_for(answers: &AtomicUsize) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while answers.load(Ordering::Relaxed) < ANSWERS && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
}
