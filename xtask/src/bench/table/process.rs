//! What the system tells of a process.

use std::{fs, process::Command, sync::OnceLock, time::Duration};

/// The time that a process has worked so far, with its threads that have ended.
pub(crate) fn cpu(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let ticks = ticks_of(&stat).unwrap_or_default();
    Duration::from_micros(ticks * 1_000_000 / ticks_a_second())
}

/// The time in user and in kernel mode, which stand behind the name; that may hold anything.
fn ticks_of(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    Some(user + kernel)
}

fn ticks_a_second() -> u64 {
    static TICKS: OnceLock<u64> = OnceLock::new();
    *TICKS.get_or_init(|| {
        let told = Command::new("getconf").arg("CLK_TCK").output();
        let told = told
            .ok()
            .and_then(|told| String::from_utf8(told.stdout).ok());
        told.and_then(|text| text.trim().parse().ok())
            .unwrap_or(100)
    })
}

/// Memory of a process that no file backs, in KiB.
pub(crate) fn anonymous_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    field(&status, "RssAnon").unwrap_or_default()
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim_start_matches(':')
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_found_behind_any_name() {
        let stat = "42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 300 45 1 1 20 0";
        assert_eq!(ticks_of(stat), Some(345));
        assert_eq!(ticks_of("42"), None);
    }

    #[test]
    fn memory_is_read() {
        let status = "Name:\ttenantry\nRssAnon:\t    4321 kB\nRssFile:\t 17 kB\n";
        assert_eq!(field(status, "RssAnon"), Some(4321));
        assert_eq!(field("", "RssAnon"), None);
    }
}
