use std::{
    hash::{BuildHasherDefault, DefaultHasher},
    net::Ipv6Addr,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use proptest::prelude::*;

use super::*;
use crate::testing::now;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Without a key, so that which callers share a counter is the same in each run.
type Fixed = FailureLimiter<BuildHasherDefault<DefaultHasher>>;

fn limiter_with(limits: FailureLimits) -> Fixed {
    FailureLimiter::with_hasher(limits, BuildHasherDefault::default())
}

fn limiter() -> Fixed {
    limiter_with(FailureLimits::default())
}

/// How many of that many failures are answered as such.
fn passes(limiter: &Fixed, count: u32, client: &str, from: &str, at: Timestamp) -> u32 {
    let passed = (0..count)
        .filter(|_| limiter.record_failure(client, address(from), at).is_ok())
        .count();
    u32::try_from(passed).unwrap()
}

#[test]
fn the_defaults_are_the_contracts() {
    let limits = FailureLimits::default();
    assert_eq!(limits.per_client_and_address, 10);
    assert_eq!(limits.per_address, 100);
    assert_eq!(limits.window, Duration::from_mins(1));
}

#[test]
fn ten_failures_of_one_client_from_one_address_pass() {
    let limiter = limiter();
    for _ in 0..10 {
        assert_eq!(
            limiter.record_failure("client", address("192.0.2.1"), now()),
            Ok(())
        );
    }
    assert_eq!(
        limiter.record_failure("client", address("192.0.2.1"), now().plus_seconds(20)),
        Err(Limited {
            retry_after_seconds: 40
        })
    );
    // Another client there, and the same client elsewhere, are counted by themselves.
    assert_eq!(passes(&limiter, 20, "other", "192.0.2.1", now()), 10);
    assert_eq!(passes(&limiter, 20, "client", "192.0.2.2", now()), 10);
}

#[test]
fn a_hundred_failures_from_one_address_pass() {
    let limiter = limiter();
    let passed: u32 = (0..50)
        .map(|number| passes(&limiter, 5, &format!("client-{number}"), "192.0.2.1", now()))
        .sum();
    assert_eq!(passed, 100);
    assert_eq!(passes(&limiter, 1, "client-0", "192.0.2.2", now()), 1);
}

#[test]
fn after_the_window_all_is_as_before() {
    let limiter = limiter();
    assert_eq!(passes(&limiter, 20, "client", "192.0.2.1", now()), 10);
    let just_before = now().plus_seconds(59);
    assert_eq!(
        limiter.record_failure("client", address("192.0.2.1"), just_before),
        Err(Limited {
            retry_after_seconds: 1
        })
    );
    // Who failed while it had to wait does not wait longer for that.
    let after = now().plus_seconds(60);
    assert_eq!(passes(&limiter, 20, "client", "192.0.2.1", after), 10);
}

#[test]
fn the_wait_is_rounded_up() {
    assert_eq!(whole_seconds(0), 1);
    assert_eq!(whole_seconds(1), 1);
    assert_eq!(whole_seconds(1_000_000), 1);
    assert_eq!(whole_seconds(1_000_001), 2);
    assert_eq!(whole_seconds(i64::MAX), u32::MAX);
}

#[test]
fn the_longer_of_two_waits_is_told() {
    let limiter = limiter();
    assert_eq!(passes(&limiter, 1, "first", "192.0.2.1", now()), 1);
    let later = now().plus_seconds(30);
    assert_eq!(passes(&limiter, 11, "client", "192.0.2.1", later), 10);
    // The address opened its window 30 s before the pair did.
    for number in 0..100 {
        passes(&limiter, 1, &number.to_string(), "192.0.2.1", later);
    }
    let of = |client| limiter.record_failure(client, address("192.0.2.1"), later);
    assert_eq!(of("client").unwrap_err().retry_after_seconds, 60);
    assert_eq!(of("unseen").unwrap_err().retry_after_seconds, 30);
}

#[test]
fn an_ipv6_network_counts_as_one_address() {
    let limiter = limiter();
    for number in 1..=10 {
        let address = Ipv6Addr::new(0x2001, 0xdb8, 1, 2, number, number, number, number);
        assert_eq!(
            limiter.record_failure("client", address.into(), now()),
            Ok(())
        );
    }
    assert_eq!(
        passes(&limiter, 1, "client", "2001:db8:1:2:ffff::1", now()),
        0
    );
    assert_eq!(passes(&limiter, 1, "client", "2001:db8:1:3::1", now()), 1);
}

#[test]
fn an_ipv4_address_in_ipv6_clothes_is_itself() {
    let limiter = limiter();
    assert_eq!(
        passes(&limiter, 20, "client", "::ffff:192.0.2.1", now()),
        10
    );
    assert_eq!(passes(&limiter, 1, "client", "192.0.2.1", now()), 0);
    assert_eq!(passes(&limiter, 1, "client", "::ffff:192.0.2.2", now()), 1);
}

#[test]
fn a_clock_that_goes_back_locks_nobody_out_for_long() {
    let limiter = limiter();
    assert_eq!(passes(&limiter, 20, "client", "192.0.2.1", now()), 10);
    let back = now().plus_seconds(-86_400);
    let told = limiter.record_failure("client", address("192.0.2.1"), back);
    assert_eq!(
        told,
        Err(Limited {
            retry_after_seconds: 60
        })
    );
    let later = back.plus_seconds(60);
    assert_eq!(
        limiter.record_failure("client", address("192.0.2.1"), later),
        Ok(())
    );
}

#[test]
fn a_flood_makes_no_counter_forget_and_takes_no_memory() {
    let limiter = limiter();
    assert_eq!(passes(&limiter, 20, "client", "192.0.2.1", now()), 10);
    for number in 0..200_000_u32 {
        let address = IpAddr::from(number.to_be_bytes());
        let _ = limiter.record_failure(&number.to_string(), address, now());
    }
    assert_eq!(passes(&limiter, 5, "client", "192.0.2.1", now()), 0);
    let tables = limiter.tables.lock().unwrap();
    assert_eq!(tables.pairs.len(), COUNTERS);
    assert_eq!(tables.addresses.len(), COUNTERS);
}

#[test]
fn nobody_can_know_who_shares_a_counter() {
    // The same keys lie elsewhere in every limiter.
    let keyed = || FailureLimiter::new(FailureLimits::default());
    let (first, second) = (keyed(), keyed());
    let elsewhere = (0..100).any(|number| first.place(&number) != second.place(&number));
    assert!(elsewhere);
}

#[test]
fn limits_can_be_set() {
    let limiter = limiter_with(FailureLimits {
        per_client_and_address: 2,
        per_address: 3,
        window: Duration::from_millis(1500),
    });
    assert_eq!(passes(&limiter, 5, "client", "192.0.2.1", now()), 2);
    assert_eq!(
        passes(&limiter, 5, "other", "192.0.2.1", now().plus_seconds(2)),
        2
    );

    let none = limiter_with(FailureLimits {
        per_client_and_address: 0,
        window: Duration::MAX,
        ..FailureLimits::default()
    });
    let told = none.record_failure("client", address("192.0.2.1"), now());
    assert_eq!(told.unwrap_err().retry_after_seconds, u32::MAX);
}

#[test]
fn concurrent_failures_are_all_counted() {
    let limiter = limiter();
    let passed = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let own = passes(&limiter, 50, "client", "192.0.2.1", now());
                passed.fetch_add(own, Ordering::SeqCst);
            });
        }
    });
    assert_eq!(passed.load(Ordering::SeqCst), 10);
}

proptest! {
    #[test]
    fn a_counter_passes_no_more_than_its_limit_in_one_window(
        steps in proptest::collection::vec(0_i64..20, 1..200),
        limit in 1_u32..20,
    ) {
        let mut counter = Counter::default();
        let (mut at, mut passed) = (1_000_i64, Vec::new());
        for step in steps {
            at += step;
            match counter.count(limit, 100, at) {
                None => passed.push(at),
                Some(wait) => prop_assert!((1..=100).contains(&wait)),
            }
        }
        // Two windows at most touch any stretch of one window's length.
        for (place, &start) in passed.iter().enumerate() {
            let within = passed[place..].iter().take_while(|&&at| at < start + 100).count();
            prop_assert!(within <= 2 * limit as usize);
        }
    }

    #[test]
    fn no_clock_makes_anybody_wait_longer_than_a_window(
        instants in proptest::collection::vec(any::<i64>(), 1..100),
    ) {
        let mut counter = Counter::default();
        for at in instants {
            if let Some(wait) = counter.count(1, 100, at) {
                prop_assert!((0..=100).contains(&wait), "{}", wait);
            }
        }
    }
}

#[test]
fn a_failure_that_was_none_does_not_count() {
    let limiter = limiter();
    for _ in 0..500 {
        limiter
            .record_failure("client", address("192.0.2.1"), now())
            .unwrap();
        limiter.forgive("client", address("192.0.2.1"));
    }
    assert_eq!(passes(&limiter, 20, "client", "192.0.2.1", now()), 10);
    limiter.forgive("other", address("192.0.2.2"));
    assert_eq!(passes(&limiter, 20, "other", "192.0.2.2", now()), 10);
}
