use super::*;

const FIRST: Register = Register {
    version: 1,
    value: 0,
};

fn at(began: u64, ended: u64, kind: Kind) -> Operation {
    Operation { began, ended, kind }
}

fn read(version: i64, value: u64) -> Kind {
    Kind::Read { version, value }
}

fn from(version: i64, value: u64, done: Done) -> Kind {
    Kind::WriteFrom {
        version,
        value,
        done,
    }
}

fn write(value: u64, made: Option<i64>) -> Kind {
    Kind::Write { value, made }
}

#[test]
fn what_overlaps_may_take_effect_in_either_order() {
    let history = [
        at(0, 10, from(1, 7, Done::Yes)),
        at(0, 10, from(1, 8, Done::No)),
        at(5, 9, read(1, 0)),
        at(1, 8, read(2, 7)),
        at(11, 12, write(9, Some(3))),
        at(13, 14, read(3, 9)),
    ];
    assert_eq!(check(FIRST, &history), Ok(()));
}

#[test]
fn two_that_change_one_version_are_found() {
    let history = [
        at(0, 10, from(1, 7, Done::Yes)),
        at(0, 10, from(1, 8, Done::Yes)),
    ];
    assert_eq!(check(FIRST, &history).unwrap_err().len(), 1);
}

#[test]
fn a_read_of_what_was_before_an_acknowledged_write_is_found() {
    let history = [at(0, 5, from(1, 7, Done::Yes)), at(6, 7, read(1, 0))];
    assert!(check(FIRST, &history).is_err());
    let history = [at(0, 5, from(1, 7, Done::Yes)), at(4, 7, read(1, 0))];
    assert_eq!(check(FIRST, &history), Ok(()));
}

#[test]
fn reads_that_go_back_in_time_are_found() {
    let history = [
        at(0, 20, write(7, Some(2))),
        at(1, 5, read(2, 7)),
        at(6, 9, read(1, 0)),
    ];
    assert!(check(FIRST, &history).is_err());
}

#[test]
fn a_write_that_was_lost_or_made_twice_is_found() {
    let lost = [
        at(0, 1, write(7, Some(2))),
        at(2, 3, write(8, Some(3))),
        at(4, 5, read(3, 7)),
    ];
    assert!(check(FIRST, &lost).is_err());
    let twice = [at(0, 1, write(7, Some(2))), at(2, 3, read(3, 7))];
    assert!(check(FIRST, &twice).is_err());
}

#[test]
fn a_refusal_of_the_version_that_is_there_is_found() {
    assert!(check(FIRST, &[at(0, 1, from(1, 7, Done::No))]).is_err());
}

#[test]
fn what_has_no_answer_may_be_done_late_or_never() {
    let unanswered = at(0, 1, from(1, 7, Done::Unknown));
    for seen in [read(1, 0), read(2, 7)] {
        let history = [unanswered.clone(), at(5, 6, seen)];
        assert_eq!(check(FIRST, &history), Ok(()));
    }
    let late = [unanswered, at(5, 6, read(1, 0)), at(7, 8, read(2, 7))];
    assert_eq!(check(FIRST, &late), Ok(()));
    let never = [at(0, 1, write(7, None)), at(5, 6, read(1, 0))];
    assert_eq!(check(FIRST, &never), Ok(()));
}
