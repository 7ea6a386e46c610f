//! How far a long piece of work is, for whoever looks on at a terminal.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// How often it is shown anew, at the most.
const PAUSE: Duration = Duration::from_millis(100);

/// Shows on standard error, if that is a terminal, how much is done.
pub(super) struct Progress {
    unit: &'static str,
    done: u64,
    /// How much there is to do, where that is known.
    wanted: Option<u64>,
    begun: Instant,
    shown: Option<Instant>,
    is_shown: bool,
}

impl Progress {
    /// Whether anybody would see it.
    pub(super) fn is_seen() -> bool {
        io::stderr().is_terminal()
    }

    pub(super) fn new(unit: &'static str, wanted: Option<u64>) -> Self {
        Self {
            unit,
            done: 0,
            wanted,
            begun: Instant::now(),
            shown: None,
            is_shown: Self::is_seen(),
        }
    }

    pub(super) fn done(&self) -> u64 {
        self.done
    }

    /// Notes that so much more is done.
    pub(super) fn advance(&mut self, count: u64) {
        self.done += count;
        let is_due = self.shown.is_none_or(|shown| shown.elapsed() >= PAUSE);
        if self.is_shown && is_due {
            self.shown = Some(Instant::now());
            self.show("");
        }
    }

    fn show(&self, end: &str) {
        let line = format!("\r{}{end}", self.line(self.begun.elapsed().as_secs()));
        // Who can't be shown it can do without.
        let _ = io::stderr().write_all(line.as_bytes());
    }

    fn line(&self, seconds: u64) -> String {
        const WIDTH: u64 = 30;
        let (done, unit) = (self.done, self.unit);
        // More may come than was foreseen.
        let Some(wanted) = self.wanted.map(|wanted| wanted.max(done).max(1)) else {
            return format!("{done} {unit}, {seconds} s");
        };
        let full = usize::try_from(WIDTH * done / wanted).unwrap_or_default();
        let percent = 100 * done / wanted;
        let bar = "#".repeat(full);
        format!("[{bar:<30}] {percent:>3} %  {done} of {wanted} {unit}, {seconds} s")
    }
}

impl Drop for Progress {
    /// What is written next begins a line of its own.
    fn drop(&mut self) {
        if self.shown.is_some() {
            self.show("\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(done: u64, wanted: Option<u64>) -> String {
        let progress = Progress {
            unit: "tenants",
            done,
            wanted,
            begun: Instant::now(),
            shown: None,
            is_shown: false,
        };
        progress.line(7)
    }

    #[test]
    fn shows_how_far_it_is() {
        assert_eq!(
            progress(250, Some(1000)),
            "[#######                       ]  25 %  250 of 1000 tenants, 7 s"
        );
        assert_eq!(progress(250, None), "250 tenants, 7 s");
    }

    #[test]
    fn is_never_beyond_its_end() {
        let full = "[##############################] 100 %  12 of 12 tenants, 7 s";
        assert_eq!(progress(12, Some(10)), full);
        let nothing = "[                              ]   0 %  0 of 1 tenants, 7 s";
        assert_eq!(progress(0, Some(0)), nothing);
    }
}
