//! System calls that fail, and those that are the last of their process; all of them: `cargo xtask faults`.

use std::{env, io::Write as _};

use tenantry_trials::{
    crash::Database,
    faults::{self, Harm, Plan},
};

use crate::trial::BINARY;

/// Whether every call has its turn, however long that takes.
pub(crate) fn is_thorough() -> bool {
    env::var_os("TENANTRY_TEST_EVERY_CALL").is_some()
}

/// What chance begins with: `TENANTRY_TEST_SEED` of a run that has failed, or anything.
pub(crate) fn seed() -> u64 {
    let given = env::var("TENANTRY_TEST_SEED").ok();
    let given = given.and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| u64::from(std::process::id()))
}

/// Tells how a long run goes, past the test harness, which shows nothing of a test that succeeds.
pub(crate) fn tell(line: &str) {
    if is_thorough() {
        let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
    }
}

fn suffer(database: Database, harm: Harm) {
    let plan = Plan {
        binary: BINARY.into(),
        database,
        harm,
        thorough: is_thorough(),
        seed: seed(),
    };
    let mut course = Vec::new();
    let report = faults::run(&plan, &mut |line| {
        tell(&format!("{database:?}, {harm:?}: {line}"));
        course.push(line.to_owned());
    });
    let Some(report) = report else {
        return;
    };
    tell(&format!("{:?}", report.outcomes));
    let violations = &report.violations;
    assert!(
        violations.is_empty(),
        "TENANTRY_TEST_SEED={}: {course:#?}\n{violations:#?}",
        plan.seed
    );
    assert!(report.met > 20, "{report:?}");
}

#[test]
fn whichever_call_of_sqlite_fails_the_answer_is_honest() {
    suffer(Database::Sqlite, Harm::Errors);
}

#[test]
fn whichever_call_to_postgres_fails_the_answer_is_honest() {
    suffer(Database::Postgres, Harm::Errors);
}

#[test]
fn wherever_a_server_on_sqlite_is_killed_nothing_acknowledged_is_lost() {
    suffer(Database::Sqlite, Harm::Kills);
}

#[test]
fn wherever_a_server_on_postgres_is_killed_nothing_acknowledged_is_lost() {
    suffer(Database::Postgres, Harm::Kills);
}
