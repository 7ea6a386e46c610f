//! Texts that are nearly right.

use proptest::{prelude::*, sample::Index};

/// What parsers trip over.
const SPLINTERS: &[&[u8]] = &[
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\xef\xbb\xbf",
    b"\\u0000",
    b"\\ud800",
    b"\\",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b".",
    b"..",
    b"-",
    b"--",
    b"+",
    b"%",
    b"%00",
    b"%25",
    b"&",
    b"=",
    b" ",
    b"\t",
    b"\r\n",
    b"0",
    b"00",
    b"1e400",
    b"9223372036854775808",
    b"null",
    b"xn--",
    b"@",
    b"/",
    b"#",
    b"[::1]",
    b"127.0.0.1",
    b"T",
    b"Z",
    b"z",
    b"\xc2\xa0",
    b"\xef\xbc\x91",
    b"\xcc\x81",
];

/// One thing that is done to a text.
#[derive(Clone, Debug)]
enum Harm {
    Insert(Index, Index),
    Flip(Index, u8),
    Remove(Index, u8),
    Repeat(Index, u8),
    Swap(Index, Index),
}

/// A line of the corpus, with up to four things done to it.
pub(crate) fn mangled(corpus: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<_> = corpus.lines().collect();
    let harm = prop_oneof![
        (any::<Index>(), any::<Index>()).prop_map(|(at, what)| Harm::Insert(at, what)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Harm::Flip(at, byte)),
        (any::<Index>(), 1..9_u8).prop_map(|(at, length)| Harm::Remove(at, length)),
        (any::<Index>(), 1..9_u8).prop_map(|(at, length)| Harm::Repeat(at, length)),
        (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Harm::Swap(one, other)),
    ];
    let harms = prop::collection::vec(harm, 0..5);
    (prop::sample::select(lines), harms).prop_map(|(line, harms)| {
        let mut bytes = line.as_bytes().to_vec();
        for harm in harms {
            harm.apply(&mut bytes);
        }
        bytes
    })
}

impl Harm {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        let end = |at: usize, some: u8| length.min(at + usize::from(some));
        match *self {
            Self::Insert(at, what) => {
                let at = at.index(length + 1);
                bytes.splice(
                    at..at,
                    SPLINTERS[what.index(SPLINTERS.len())].iter().copied(),
                );
            }
            _ if length == 0 => {}
            Self::Flip(at, byte) => bytes[at.index(length)] = byte,
            Self::Remove(at, some) => {
                let at = at.index(length);
                bytes.drain(at..end(at, some));
            }
            Self::Repeat(at, some) => {
                let at = at.index(length);
                let part = bytes[at..end(at, some)].to_vec();
                bytes.splice(at..at, part);
            }
            Self::Swap(one, other) => bytes.swap(one.index(length), other.index(length)),
        }
    }
}
