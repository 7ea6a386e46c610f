//! What a comparison has found, as a table in Markdown.

use std::time::Duration;

use super::client::Side;
use crate::output;

/// Tells of both sides, and the second by the first.
pub(super) fn compare(title: &str, sides: &[Side<'_>; 2]) {
    output::say(&format!(
        "\n{title}\n\n| | median | 95 % within | server CPU a request |\n|---|---|---|---|"
    ));
    let figures = sides.each_ref().map(|side| Figures::of(side));
    for (side, figures) in sides.iter().zip(&figures) {
        let [median, most, cpu] = figures.0.map(|time| format!("{:.0} µs", micros(time)));
        output::say(&format!("| {} | {median} | {most} | {cpu} |", side.name));
    }
    let ratio = |place: usize| {
        let [first, second] = figures.each_ref().map(|figures| micros(figures.0[place]));
        format!("**{:.2}**", second / first)
    };
    output::say(&format!(
        "| ratio | {} | {} | {} |",
        ratio(0),
        ratio(1),
        ratio(2)
    ));
}

/// The median, the 95th percentile, and the CPU time of one request.
struct Figures([Duration; 3]);

impl Figures {
    fn of(side: &Side<'_>) -> Self {
        let mut sorted = side.latencies.clone();
        sorted.sort();
        let at = |percent: usize| {
            let place = sorted.len() * percent / 100;
            sorted.get(place).copied().unwrap_or_default()
        };
        let count = u32::try_from(sorted.len().max(1)).unwrap_or(u32::MAX);
        Self([at(50), at(95), side.cpu / count])
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
