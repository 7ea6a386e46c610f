//! Answers from memory.

use std::{fs, path::Path};

use actix_web::{
    HttpResponse, Resource,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    web::{self, Bytes},
};

/// An answer that the server once gave.
#[derive(Clone)]
pub(crate) struct Answer {
    path: String,
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

/// All answers of a directory: each a file of an HTTP response, answered under its name.
pub(crate) fn load(directory: &Path) -> crate::Result<Vec<Answer>> {
    let mut answers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let answer = Answer::parse(&name, &fs::read(entry.path())?);
        answers.push(answer.ok_or_else(|| format!("{name} is not an HTTP response"))?);
    }
    Ok(answers)
}

impl Answer {
    fn parse(name: &str, bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let mut lines = std::str::from_utf8(&bytes[..end]).ok()?.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse::<u16>().ok()?;
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(':')?;
                let name = HeaderName::try_from(name.trim()).ok()?;
                Some((name, HeaderValue::from_str(value.trim()).ok()?))
            })
            .collect::<Option<Vec<_>>>()?;
        // actix-web adds these itself.
        let own = ["content-length", "date", "connection"];
        Some(Self {
            path: format!("/bytes/{name}"),
            status: StatusCode::from_u16(status).ok()?,
            headers: headers
                .into_iter()
                .filter(|(name, _)| !own.contains(&name.as_str()))
                .collect(),
            body: Bytes::copy_from_slice(&bytes[end + 4..]),
        })
    }

    pub(crate) fn resource(&self) -> Resource {
        let answer = self.clone();
        web::resource(self.path.clone()).to(move || {
            let mut response = HttpResponse::build(answer.status);
            for (name, value) in &answer.headers {
                response.append_header((name.clone(), value.clone()));
            }
            std::future::ready(response.body(answer.body.clone()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let bytes = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\nETag: \"x:1\"\r\n\r\n{}";
        let answer = Answer::parse("one", bytes).expect("it is an answer");
        assert_eq!(answer.path, "/bytes/one");
        assert_eq!(answer.status, StatusCode::CREATED);
        assert_eq!(answer.headers.len(), 1, "actix-web tells the length");
        assert_eq!(answer.headers[0].1, "\"x:1\"");
        assert_eq!(answer.body, "{}");
        assert!(Answer::parse("none", b"HTTP/1.1 200 OK\r\n").is_none());
    }
}
