//! Requests at a pace, whatever the answers: wrk can't.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use super::{super::connection::Connection, contest::Side, stats::percentile};
use crate::Failure;

/// How long half of the requests took at the most, and how long ninety-nine of a hundred;
/// microseconds. And how many there were a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latencies {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) rate: f64,
}

/// Asks at that rate for some time, over as many connections as the side has.
pub(crate) fn run(side: &Side<'_>, rate: f64, seconds: u64) -> Result<Latencies, Failure> {
    let count = side.load.connections;
    // They don't all ask at the same moment.
    let apart = Duration::from_secs_f64(1.0 / rate.max(1.0));
    let pause = apart * u32::try_from(count).unwrap_or(1);
    let begin = Instant::now() + Duration::from_millis(50);
    let end = begin + Duration::from_secs(seconds);
    let name = fastrand::u32(..);
    let results: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = (0..count)
            .map(|place| {
                let first = begin + apart * u32::try_from(place).unwrap_or(0);
                scope.spawn(move || {
                    let requests = |number: usize| {
                        let unique = format!("{name:08x}{place:02x}{number:06x}");
                        side.load.request(number * count + place, &unique)
                    };
                    one(
                        side.server.address,
                        side.status,
                        first,
                        pause,
                        end,
                        requests,
                    )
                })
            })
            .collect();
        running
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect()
    });
    let mut all = Vec::new();
    for result in results {
        let latencies = result.map_err(|_| Failure::new("the client has failed"))?;
        all.extend(latencies.map_err(|error| Failure::new(format!("no answer: {error}")))?);
    }
    all.sort_by(f64::total_cmp);
    let number = u32::try_from(all.len()).unwrap_or(u32::MAX);
    Ok(Latencies {
        p50: percentile(&all, 50),
        p99: percentile(&all, 99),
        rate: f64::from(number) / begin.elapsed().as_secs_f64(),
    })
}

/// One connection. A request that was due while the one before was still running counts from when
/// it was due; that this thread wakes up late is not the server's.
fn one(
    address: SocketAddr,
    status: u16,
    first: Instant,
    pause: Duration,
    end: Instant,
    requests: impl Fn(usize) -> Vec<u8>,
) -> std::io::Result<Vec<f64>> {
    let mut connection = Connection::open(address)?;
    let mut latencies = Vec::new();
    let mut due = first;
    for number in 0.. {
        let request = requests(number);
        let is_free_at = Instant::now();
        thread::sleep(due.saturating_duration_since(is_free_at));
        let begun = if is_free_at > due {
            due
        } else {
            Instant::now()
        };
        connection.expect(status, &request)?;
        latencies.push(begun.elapsed().as_secs_f64() * 1e6);
        due += pause;
        if due >= end {
            break;
        }
    }
    Ok(latencies)
}
