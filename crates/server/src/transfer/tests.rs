use super::*;

const SCHEMA: &str = "0009_x";

/// A whole export of a few records.
fn written() -> String {
    let records = [
        r#"{"numbers":{"tenants":7,"changes":0}}"#,
        r#"{"region":{"id":"70bb433a-f0ec-4297-ad76-3b09c71311f3","name":"AU01","displayName":"Sydney"}}"#,
        r#"{"tenant":{"number":7,"id":"86cb97a9-5e80-4ed7-af13-a170752bb1ea","environmentId":"fa605282-0223-4ae0-831d-af368bc39a55","label":"a","name":"Ä","status":"active","version":3,"createdAt":"2026-01-01T00:00:00.000001Z","updatedAt":"2026-01-01T00:00:00.000000Z","data":{"z":12345678901234567890123,"a":1.50}}}"#,
    ];
    let mut writer = Writer::begin(Vec::new(), SCHEMA).unwrap();
    for record in records {
        writer
            .write(&serde_json::from_str(record).unwrap())
            .unwrap();
    }
    let (bytes, counts) = writer.finish().unwrap();
    assert_eq!(counts.values().sum::<u64>(), 3);
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[1..4], records, "digit for digit, in their order");
    text
}

/// Reads all of it: how many records, or what is wrong.
fn read(text: &[u8]) -> Result<usize, String> {
    let told = |fault: reader::Fault| fault.to_string();
    let mut reader = Reader::begin(text, SCHEMA).map_err(told)?;
    let mut count = 0;
    while reader.next().map_err(told)?.is_some() {
        count += 1;
    }
    assert_eq!(reader.bytes(), text.len() as u64);
    Ok(count)
}

#[test]
fn what_was_written_is_read() {
    assert_eq!(read(written().as_bytes()), Ok(3));
    let without_last_end = written();
    assert_eq!(read(without_last_end.trim_end().as_bytes()), Ok(3));
}

#[test]
fn a_file_that_was_cut_anywhere_is_refused() {
    let whole = written();
    for length in 0..whole.len() - 1 {
        let result = read(&whole.as_bytes()[..length]);
        let fault = result.expect_err(&format!("cut behind {length} bytes"));
        assert!(fault.starts_with("line "), "{fault}");
    }
    let first_lines = whole.find("{\"tenant\"").unwrap();
    let fault = read(&whole.as_bytes()[..first_lines]).unwrap_err();
    assert_eq!(
        fault,
        "line 4: the file ends here without a trailer: it was cut short"
    );
}

#[test]
fn a_file_with_any_other_byte_is_refused() {
    let whole = written().into_bytes();
    for place in 0..whole.len() - 1 {
        let mut damaged = whole.clone();
        // Another digit, letter or sign, so that most of it stays JSON.
        damaged[place] ^= 1;
        let fault = read(&damaged).expect_err(&format!("changed at byte {place}"));
        assert!(fault.starts_with("line "), "{fault}");
    }
}

#[test]
fn the_line_is_named_and_no_value_of_it() {
    let whole = written();
    for (from, to, fault) in [
        ("\"active\"", "\"secret\"", "line 4: status of tenant 7 "),
        (
            "\"label\":\"a\"",
            "\"label\":\"A!\"",
            "line 4: label of tenant 7 ",
        ),
        (
            "\"version\":3",
            "\"version\":0",
            "line 4: version of tenant 7 ",
        ),
        ("{\"z\":", "[{\"z\":", "line 4: "),
        (
            "\"region\":{",
            "\"rogue\":{",
            "line 3: no record that is known: ",
        ),
        (
            "\"displayName\"",
            "\"display\"",
            "line 3: no record that is known: ",
        ),
        (
            "\"tenants\":7",
            "\"tenants\":8",
            "line 5: the checksum is wrong",
        ),
        (
            "0009_x",
            "0008_x",
            "line 1: the export is of schema 0008_x, and this program has 0009_x",
        ),
        (
            "tenantry-export",
            "other-export",
            "line 1: the form is other-export 1",
        ),
        (
            "\"region\":1",
            "\"region\":2",
            "line 5: there are more or fewer records",
        ),
        (
            ":\"86cb97a9-",
            ":\"86cb97a9",
            "line 4: no record that is known: an id is no UUID",
        ),
    ] {
        assert!(whole.contains(from), "{from}");
        let found = read(whole.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert!(found.starts_with(fault), "{from}: {found}");
        assert!(!found.contains("secret"), "{found}");
    }
    let more = format!("{whole}{{}}\n");
    let fault = read(more.as_bytes()).unwrap_err();
    assert_eq!(fault, "line 6: something stands behind the trailer");
    let endless = format!("{}{}", whole.lines().next().unwrap(), " ".repeat(5 << 20));
    let fault = read(endless.as_bytes()).unwrap_err();
    assert_eq!(fault, "line 1: it is longer than any line of an export");
}
