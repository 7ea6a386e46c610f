use proptest::prelude::*;

use super::*;
use crate::testing::{instant, tenant};

fn second(text: &str) -> Second {
    Second::parse(text).unwrap_or_else(|_| panic!("{text:?}"))
}

#[test]
fn instants_are_read_in_every_form_that_can_be_meant() {
    let expected = Second::of(instant("2018-07-31T14:57:10Z"));
    for text in [
        "2018-07-31T14:57:10Z",
        "2018-07-31T14:57:10.999999999Z",
        "2018-07-31T16:57:10+02:00",
        "2018-07-31T16:57:10 02:00",
        "2018-07-31T16:57:10.5 02:00",
        "2018-07-31T12:27:10-02:30",
        "2018-07-31t14:57:10z",
        "2018-07-31T14:57:10-00:00",
        "2018-07-31 14:57:10Z",
        "2018-07-31 16:57:10 02:00",
    ] {
        assert_eq!(second(text), expected, "{text:?}");
    }
    assert_eq!(second("2018-07-31"), second("2018-07-31T00:00:00Z"));
    assert_eq!(
        second("2016-12-31T23:59:60Z"),
        second("2016-12-31T23:59:59Z"),
        "a leap second"
    );
}

#[test]
fn an_instant_before_the_epoch_lies_in_the_second_that_is_shown() {
    let early = instant("1969-12-31T23:59:58.7Z");
    assert_eq!(Second::of(early), second("1969-12-31T23:59:58Z"));
    assert_eq!(second("1969-12-31T23:59:58.7Z"), Second::of(early));
}

#[test]
fn what_is_no_instant_is_refused() {
    for text in [
        "",
        " ",
        "yesterday",
        "2018",
        "2018-07",
        "2018-7-31",
        "2018-02-30",
        "+018-07-31",
        "-018-07-31",
        "2018-07-31Z",
        "2018-07-31T14:57:10",
        "2018-07-31 14:57:10",
        "2018-07-31T14:57Z",
        "2018-07-31T24:00:00Z",
        "2018-07-31T14:57:61Z",
        "2018-07-31T12:00:60Z",
        "2018-07-31T14:57:10+2:00",
        "2018-07-31T14:57:10+02:00 ",
        " 2018-07-31T14:57:10Z",
        "2018-07-31T14:57:10  02:00",
        "12018-07-31T14:57:10Z",
        "+12018-07-31T14:57:10Z",
        "1533049030",
        "@1533049030",
        "２018-07-31",
    ] {
        assert_eq!(Second::parse(text), Err(InvalidInstant), "{text:?}");
    }
}

#[test]
fn bounds_include_their_second_or_not() {
    let at = second("2018-07-31T14:57:10Z");
    let contains = |bound, text: &str| {
        SecondRange::default()
            .within(bound, at)
            .contains(instant(text))
    };
    for (text, expected) in [
        ("2018-07-31T14:57:09.999999Z", [true, true, false, false]),
        ("2018-07-31T14:57:10Z", [true, false, true, false]),
        ("2018-07-31T14:57:10.999999Z", [true, false, true, false]),
        ("2018-07-31T14:57:11Z", [false, false, true, true]),
    ] {
        assert_eq!(
            Bound::ALL.map(|bound| contains(bound, text)),
            expected,
            "{text}"
        );
    }
}

#[test]
fn bounds_narrow_and_may_leave_nothing() {
    let (early, late) = (second("2018-01-01"), second("2019-01-01"));
    let range = SecondRange::default()
        .within(Bound::After, early)
        .within(Bound::After, late)
        .within(Bound::Before, late);
    let (first, last) = range.bounds().unwrap();
    assert_eq!(first, instant("2019-01-01T00:00:00Z"));
    assert_eq!(last, instant("2019-01-01T00:00:00.999999Z"));
    assert!(range.within(Bound::StrictlyAfter, late).bounds().is_none());
    assert!(range.within(Bound::Before, early).bounds().is_none());
}

#[test]
fn the_ends_of_the_calendar_are_no_trap() {
    // Both are date-times of RFC 3339, though in UTC they lie outside of its years.
    let (first, last) = (
        second("0000-01-01T00:00:00+23:59"),
        second("9999-12-31T23:59:59-23:59"),
    );
    let all = SecondRange::default();
    for (bound, at) in [
        (Bound::After, first),
        (Bound::StrictlyAfter, first),
        (Bound::Before, last),
        (Bound::StrictlyBefore, last),
    ] {
        assert!(all.within(bound, at).is_all(), "{bound:?}");
    }
    for (bound, at) in [
        (Bound::Before, first),
        (Bound::After, last),
        (Bound::StrictlyBefore, second("0000-01-01")),
        (Bound::StrictlyAfter, second("9999-12-31T23:59:59Z")),
    ] {
        assert!(all.within(bound, at).bounds().is_none(), "{bound:?}");
    }
    let (first, last) = all.bounds().unwrap();
    assert_eq!(first, instant("0000-01-01T00:00:00Z"));
    assert_eq!(last, instant("9999-12-31T23:59:59.999999Z"));
}

#[test]
fn an_order_ends_at_the_number() {
    use Direction::{Ascending, Descending};
    use RecordKey::{CreatedAt, Number, UpdatedAt};
    for (asked, expected) in [
        (vec![], vec![(Number, Ascending)]),
        (vec![(Number, Descending)], vec![(Number, Descending)]),
        (
            vec![(UpdatedAt, Descending)],
            vec![(UpdatedAt, Descending), (Number, Ascending)],
        ),
        (
            vec![
                (CreatedAt, Ascending),
                (Number, Descending),
                (UpdatedAt, Ascending),
            ],
            vec![(CreatedAt, Ascending), (Number, Descending)],
        ),
        (
            vec![(CreatedAt, Ascending), (CreatedAt, Descending)],
            vec![(CreatedAt, Ascending), (Number, Ascending)],
        ),
    ] {
        assert_eq!(RecordOrder::by(asked).keys(), expected);
    }
    assert!(RecordOrder::by([(Number, Ascending)]).is_default());
    assert!(!RecordOrder::by([(CreatedAt, Ascending)]).is_default());
    for (key, direction) in [(Number, Descending), (CreatedAt, Ascending)] {
        let order = RecordOrder::by([(key, direction), (UpdatedAt, Ascending)]);
        assert_eq!(order.of_creation(), Some(direction));
    }
    assert_eq!(
        RecordOrder::by([(UpdatedAt, Ascending)]).of_creation(),
        None
    );
}

#[test]
fn directions_are_words_in_any_letter_case() {
    for text in ["asc", "ASC", "Asc"] {
        assert_eq!(text.parse(), Ok(Direction::Ascending));
    }
    assert_eq!("dEsC".parse(), Ok(Direction::Descending));
    for text in ["", "up", "ascending", " asc", "1", "-1", "ａsc"] {
        assert_eq!(text.parse::<Direction>(), Err(UnknownDirection), "{text:?}");
    }
}

#[test]
fn a_filter_holds_where_all_of_its_conditions_do() {
    let head = tenant().head().clone();
    let of = |filter: RecordFilter| (filter.is_all(), filter.is_none(), filter.matches(&head));
    assert_eq!(of(RecordFilter::default()), (true, false, true));
    let mine = RecordFilter {
        numbers: Some([head.number, TenantNumber::new(99)].into()),
        ids: Some([head.id].into()),
        created: SecondRange::default().within(Bound::Before, Second::of(head.created_at)),
        updated: SecondRange::default().within(Bound::After, Second::of(head.updated_at)),
    };
    assert_eq!(of(mine.clone()), (false, false, true));
    let later = SecondRange::default().within(Bound::StrictlyAfter, Second::of(head.updated_at));
    let others = [
        RecordFilter {
            numbers: Some([TenantNumber::new(99)].into()),
            ..mine.clone()
        },
        RecordFilter {
            created: later,
            ..mine.clone()
        },
        RecordFilter {
            updated: later,
            ..mine.clone()
        },
    ];
    for other in others {
        assert_eq!(of(other), (false, false, false));
    }
    for nothing in [
        RecordFilter {
            numbers: Some(BTreeSet::new()),
            ..mine.clone()
        },
        RecordFilter {
            ids: Some(BTreeSet::new()),
            ..mine.clone()
        },
        RecordFilter {
            created: later.within(Bound::Before, Second::of(head.updated_at)),
            ..mine
        },
    ] {
        assert_eq!(of(nothing), (false, true, false));
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Second::parse(&text);
    }

    #[test]
    fn a_range_holds_what_lies_between_its_bounds(
        micros in -62_167_219_200_000_000_i64..=253_402_300_799_999_999,
        bounds in proptest::collection::vec((0..4_usize, -62_167_300_000_i64..=253_402_400_000), 0..4),
    ) {
        let instant = Timestamp::from_unix_micros(micros).unwrap();
        let range = bounds.iter().fold(SecondRange::default(), |range, &(bound, second)| {
            range.within(Bound::ALL[bound], Second(second))
        });
        let shown = micros.div_euclid(1_000_000);
        let expected = bounds.iter().all(|&(bound, second)| match Bound::ALL[bound] {
            Bound::Before => shown <= second,
            Bound::StrictlyBefore => shown < second,
            Bound::After => shown >= second,
            Bound::StrictlyAfter => shown > second,
        });
        prop_assert_eq!(range.contains(instant), expected);
        let within = range.bounds().is_some_and(|(first, last)| first <= instant && instant <= last);
        prop_assert_eq!(within, expected);
    }
}
