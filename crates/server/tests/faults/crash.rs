//! The server killed (SIGKILL) at random moments; a longer run is `cargo xtask crash`.

use tenantry_trials::crash::{self, Database, Plan};

use crate::trial::BINARY;

const KILLS: u32 = 5;

fn crash(database: Database) {
    let plan = Plan {
        binary: BINARY.into(),
        database,
        kills: KILLS,
        seed: u64::from(std::process::id()),
    };
    let mut course = Vec::new();
    let Some(report) = crash::run(&plan, &mut |line| course.push(line.to_owned())) else {
        return;
    };
    let violations = &report.violations;
    assert!(
        violations.is_empty(),
        "seed {}: {course:#?}\n{violations:#?}",
        plan.seed
    );
    assert!(report.acknowledged > 0 && report.open > 0, "{report:?}");
}

#[test]
fn a_killed_server_keeps_its_word_on_sqlite() {
    crash(Database::Sqlite);
}

#[test]
fn a_killed_server_keeps_its_word_on_postgres() {
    crash(Database::Postgres);
}
