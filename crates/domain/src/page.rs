//! Pages: how many, after which, and in which order.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use thiserror::Error;
use uuid::Uuid;

use crate::{clock::Timestamp, id::parse_uuid};

/// How many objects a page of the management API holds at the most: 1 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limit(u16);

/// A limit that is no whole number from 1 to 1000.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be a whole number from 1 to 1000")]
pub struct InvalidLimit;

impl Limit {
    /// The smallest page.
    pub const ONE: Self = Self(1);
    /// The largest page.
    pub const MAX: Self = Self(1000);

    /// Parses ASCII digits; no sign, no space.
    pub fn parse(text: &str) -> Result<Self, InvalidLimit> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidLimit);
        }
        match text.parse() {
            Ok(number @ 1..=1000) => Ok(Self(number)),
            _ => Err(InvalidLimit),
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl Default for Limit {
    /// 100, the reference's default.
    fn default() -> Self {
        Self(100)
    }
}

/// The place of one object in a list that is ordered by (createdAt, id).
///
/// On the wire it is the unpadded base64url (RFC 4648 §5) of
/// `createdAt=<RFC 3339>&id=<uuid>`. The form is public, so that a client may keep
/// a cursor across versions of the server; it names an object, and stays good when
/// that object is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// When the object was made.
    pub created_at: Timestamp,
    /// Which of those made at that instant it is.
    pub id: Uuid,
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("is not a cursor that this API has given out")]
pub struct InvalidCursor;

impl Cursor {
    /// Far more than any cursor is long, in characters; longer ones are not decoded.
    const MAX_LENGTH: usize = 512;

    /// Reads the wire form; the members may be percent-encoded inside.
    pub fn decode(text: &str) -> Result<Self, InvalidCursor> {
        if text.len() > Self::MAX_LENGTH {
            return Err(InvalidCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let plain = std::str::from_utf8(&bytes).map_err(|_| InvalidCursor)?;
        let (created_at, id) = plain
            .split_once('&')
            .and_then(|(first, second)| {
                Some((
                    first.strip_prefix("createdAt=")?,
                    second.strip_prefix("id=")?,
                ))
            })
            .ok_or(InvalidCursor)?;
        let created_at = percent_decode_str(created_at)
            .decode_utf8()
            .map_err(|_| InvalidCursor)?;
        let id = percent_decode_str(id)
            .decode_utf8()
            .map_err(|_| InvalidCursor)?;
        Ok(Self {
            created_at: Timestamp::parse(&created_at).map_err(|_| InvalidCursor)?,
            id: parse_uuid(&id).map_err(|_| InvalidCursor)?,
        })
    }

    /// Writes the wire form.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!(
            "createdAt={}&id={}",
            self.created_at.to_rfc3339(),
            self.id.hyphenated()
        ))
    }
}

/// Which page of a list is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PageRequest {
    /// At most so many objects.
    pub limit: Limit,
    /// Only objects behind this one; the list's beginning without it.
    pub after: Option<Cursor>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The objects, at most as many as were asked for.
    pub items: Vec<T>,
    /// The last object's place; `None` on an empty page.
    ///
    /// Present on the last page too, so that a reader may come back for what was
    /// made since.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page of objects that are in order.
    pub fn new(items: Vec<T>, place: impl Fn(&T) -> Cursor) -> Self {
        let next = items.last().map(place);
        Self { items, next }
    }
}

/// How many objects, after skipping how many: the system API's numbered pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberedPage {
    page: u64,
    size: u16,
}

/// A page number that is no whole number from 1 on, or a page size that is none from 0 on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NumberedPageFault {
    /// The page number.
    #[error("must be a whole number, 1 or more")]
    Page,
    /// The page size.
    #[error("must be a whole number, 0 or more")]
    Size,
}

impl NumberedPage {
    /// The size of a page when none is asked for.
    pub const DEFAULT_SIZE: u16 = 10;
    /// The largest page; larger wishes count as this one.
    pub const MAX_SIZE: u16 = 1000;
    /// A page without room.
    pub const EMPTY: Self = Self { page: 1, size: 0 };

    /// Reads a page number (default 1) and size (default 10, above 1000 is 1000), and
    /// tells all that is wrong with them.
    pub fn parse(page: Option<&str>, size: Option<&str>) -> Result<Self, Vec<NumberedPageFault>> {
        let page = match page.map(whole_number) {
            None => Ok(1),
            Some(Some(number)) if number >= 1 => Ok(number),
            Some(_) => Err(NumberedPageFault::Page),
        };
        let size = match size.map(whole_number) {
            None => Ok(Self::DEFAULT_SIZE),
            Some(Some(number)) => {
                Ok(u16::try_from(number).map_or(Self::MAX_SIZE, |size| size.min(Self::MAX_SIZE)))
            }
            Some(None) => Err(NumberedPageFault::Size),
        };
        match (page, size) {
            (Ok(page), Ok(size)) => Ok(Self { page, size }),
            (page, size) => Err([page.err(), size.err()].into_iter().flatten().collect()),
        }
    }

    /// The page's number, from 1.
    pub const fn number(self) -> u64 {
        self.page
    }

    /// How many objects the page holds at the most.
    pub const fn size(self) -> u16 {
        self.size
    }

    /// How many objects lie before the page.
    pub fn offset(self) -> i64 {
        i64::try_from((self.page - 1).saturating_mul(u64::from(self.size))).unwrap_or(i64::MAX)
    }

    /// The number of the last page of a list of `total` objects; at least 1.
    pub fn last(self, total: u64) -> u64 {
        if self.size == 0 {
            1
        } else {
            total.div_ceil(u64::from(self.size)).max(1)
        }
    }
}

impl Default for NumberedPage {
    fn default() -> Self {
        Self {
            page: 1,
            size: Self::DEFAULT_SIZE,
        }
    }
}

/// Digits only; a number beyond 64 bits is as good as the largest one.
fn whole_number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{cursors, instant};

    #[test]
    fn reads_the_references_own_cursor() {
        let cursor = Cursor::decode(
            "Y3JlYXRlZEF0PTIwMjAtMDgtMjVUMDY6NDY6MDkuNTEwWiZpZD1hNjZmZmVhNS04NDhlLTQzOWQtODBhNC1kZGE1NWY1M2UzNmM",
        )
        .unwrap();
        assert_eq!(cursor.created_at, instant("2020-08-25T06:46:09.510Z"));
        assert_eq!(
            cursor.id.to_string(),
            "a66ffea5-848e-439d-80a4-dda55f53e36c"
        );
    }

    #[test]
    fn reads_percent_encoding_inside() {
        // The other example of the reference percent-encodes the colons; its end is cut off
        // there, so the whole of one is made here.
        let text = "createdAt=2020-10-08T23%3A13%3A17.895Z&id=a66ffea5-848e-439d-80a4-dda55f53e36c";
        let cursor = Cursor::decode(&URL_SAFE_NO_PAD.encode(text)).unwrap();
        assert_eq!(cursor.created_at, instant("2020-10-08T23:13:17.895Z"));
        let cut_off = "Y3JlYXRlZEF0PTIwMjAtMTAtMDhUMjMlM0ExMyUzQTE3Ljg5NtZGUxZWEyNzQ4MWI4";
        assert_eq!(Cursor::decode(cut_off), Err(InvalidCursor));
    }

    #[test]
    fn refuses_what_is_no_cursor() {
        let wrap = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let good = "createdAt=2020-08-25T06:46:09.510Z&id=a66ffea5-848e-439d-80a4-dda55f53e36c";
        assert!(Cursor::decode(&wrap(good)).is_ok());
        for bad in [
            String::new(),
            "!".to_owned(),
            format!("{}=", wrap(good)),
            wrap(""),
            wrap("createdAt=2020-08-25T06:46:09.510Z"),
            wrap("id=a66ffea5-848e-439d-80a4-dda55f53e36c&createdAt=2020-08-25T06:46:09.510Z"),
            wrap("createdAt=yesterday&id=a66ffea5-848e-439d-80a4-dda55f53e36c"),
            wrap("createdAt=2020-08-25T06:46:09.510Z&id=1"),
            wrap(&format!("{good}&more=1")),
            wrap("createdAt=%ff&id=a66ffea5-848e-439d-80a4-dda55f53e36c"),
            "A".repeat(100_000),
        ] {
            assert_eq!(Cursor::decode(&bad), Err(InvalidCursor), "{bad:?}");
        }
    }

    #[test]
    fn limits() {
        assert_eq!(Limit::default().get(), 100);
        assert_eq!(Limit::parse("1").unwrap().get(), 1);
        assert_eq!(Limit::parse("1000"), Ok(Limit::MAX));
        for bad in [
            "",
            "0",
            "1001",
            "-1",
            "+1",
            " 1",
            "1.0",
            "x",
            "99999999999999999999",
            "१",
        ] {
            assert_eq!(Limit::parse(bad), Err(InvalidLimit), "{bad:?}");
        }
    }

    #[test]
    fn numbered_pages() {
        let page = |number, size| NumberedPage::parse(number, size);
        assert_eq!(page(None, None), Ok(NumberedPage::default()));
        assert_eq!(page(Some("3"), Some("25")).unwrap().offset(), 50);
        assert_eq!(page(None, Some("5000")).unwrap().size(), 1000);
        assert_eq!(
            page(None, Some("99999999999999999999")).unwrap().size(),
            1000
        );
        assert_eq!(page(None, Some("0")).unwrap().size(), 0);
        assert_eq!(page(Some("0"), None), Err(vec![NumberedPageFault::Page]));
        assert_eq!(page(Some("-1"), None), Err(vec![NumberedPageFault::Page]));
        assert_eq!(page(Some(""), None), Err(vec![NumberedPageFault::Page]));
        assert_eq!(page(None, Some("-1")), Err(vec![NumberedPageFault::Size]));
        assert_eq!(page(None, Some("ten")), Err(vec![NumberedPageFault::Size]));
        assert_eq!(
            page(Some("x"), Some("x")),
            Err(vec![NumberedPageFault::Page, NumberedPageFault::Size])
        );
        let far = page(Some("18446744073709551615"), Some("1000")).unwrap();
        assert_eq!(
            far.offset(),
            i64::MAX,
            "a page beyond all rows is empty, not an overflow"
        );
        assert_eq!(page(None, None).unwrap().last(41), 5);
        assert_eq!(page(None, None).unwrap().last(0), 1);
        assert_eq!(page(None, Some("0")).unwrap().last(41), 1);
    }

    proptest! {
        #[test]
        fn cursors_round_trip(cursor in cursors()) {
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
        }

        #[test]
        fn no_text_makes_the_decoder_panic(text in any::<String>(), inner in any::<String>()) {
            let _ = Cursor::decode(&text);
            let _ = Cursor::decode(&URL_SAFE_NO_PAD.encode(inner));
        }
    }
}
