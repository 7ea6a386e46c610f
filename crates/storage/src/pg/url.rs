//! The URL of a PostgreSQL server, as libpq reads it.

use std::fmt;

use percent_encoding::percent_decode_str;

/// Parameters that hold secrets.
const SECRET: [&str; 2] = ["password", "sslpassword"];

/// A libpq URL. Displayed, it holds no secret.
///
/// libpq names in its messages what it does not understand, and a mistake in a URL often
/// makes it take a part of the password for something else. So everything that it could
/// misread is refused here, without being repeated.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PostgresUrl {
    user_info: Option<String>,
    hosts: String,
    /// With its slash, or empty.
    path: String,
    parameters: Vec<(String, String)>,
}

impl PostgresUrl {
    /// Reads what follows `postgres://`; where that is wrong, says what it must be like.
    pub(crate) fn parse(rest: &str) -> Result<Self, &'static str> {
        if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("no white space: write %20 for a space");
        }
        if rest.contains('#') {
            return Err("no `#`: write %23 for one");
        }
        if !is_percent_encoded(rest) {
            return Err("two hexadecimal digits behind every `%`: write %25 for a `%`");
        }
        let (before, query) = match rest.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = match before.find('/') {
            Some(slash) => before.split_at(slash),
            None => (before, ""),
        };
        if path.contains(['/', '@', ':']) && path[1..].contains(['/', '@', ':']) {
            return Err(
                "one path, the name of the database: write %40, %3A and %2F for an `@`, a `:` and a `/` in a password or a name",
            );
        }
        let (user_info, hosts) = match authority.split_once('@') {
            Some((user_info, hosts)) => (Some(user_info.to_owned()), hosts),
            None => (None, authority),
        };
        if hosts.contains('@') {
            return Err("at most one `@` before the host: write %40 for one in a password");
        }
        if !hosts.split(',').all(has_sane_port) {
            return Err(
                "hosts with or without a port from 1 to 65535, separated by commas: write %40 and %2F for an `@` and a `/` in a password",
            );
        }
        let parameters = query.map_or(Ok(Vec::new()), parse_parameters)?;
        Ok(Self {
            user_info,
            hosts: hosts.to_owned(),
            path: path.to_owned(),
            parameters,
        })
    }

    /// The text that libpq gets: with these parameters, where the URL does not have them.
    pub(super) fn with_defaults(&self, defaults: &[(&str, String)]) -> String {
        let mut parameters = self.parameters.clone();
        for (name, value) in defaults {
            if !self.parameters.iter().any(|(known, _)| known == name) {
                parameters.push(((*name).to_owned(), value.clone()));
            }
        }
        let user_info = self.user_info.as_deref();
        self.write(user_info, &parameters)
    }

    /// The same with each of its hosts alone, if to try one after the other is what libpq
    /// would do with them.
    pub(super) fn each_host(&self) -> Vec<Self> {
        let parameter = |wanted: &str| {
            let mut all = self.parameters.iter();
            all.find(|(name, _)| name == wanted)
                .map(|(_, value)| value.as_str())
        };
        let elsewhere = ["host", "hostaddr", "port", "load_balance_hosts"];
        let in_order = elsewhere.iter().all(|&name| parameter(name).is_none());
        let any_will_do = matches!(
            parameter("target_session_attrs"),
            None | Some("any" | "read-write" | "primary")
        );
        if !(in_order && any_will_do) {
            return vec![self.clone()];
        }
        let with_host = |host: &str| Self {
            hosts: host.to_owned(),
            ..self.clone()
        };
        self.hosts.split(',').map(with_host).collect()
    }

    /// The same server, with another database.
    #[cfg(feature = "testing")]
    pub(crate) fn with_database(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.path = format!("/{name}");
        other.parameters.retain(|(name, _)| name != "dbname");
        other
    }

    /// All of it, with its secrets.
    #[cfg(feature = "testing")]
    pub(crate) fn exposed(&self) -> String {
        self.write(self.user_info.as_deref(), &self.parameters)
    }

    fn write(&self, user_info: Option<&str>, parameters: &[(String, String)]) -> String {
        let mut text = "postgres://".to_owned();
        if let Some(user_info) = user_info {
            text.push_str(user_info);
            text.push('@');
        }
        text.push_str(&self.hosts);
        text.push_str(&self.path);
        for (place, (name, value)) in parameters.iter().enumerate() {
            text.push(if place == 0 { '?' } else { '&' });
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        }
        text
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user_info.as_deref().map(|info| {
            let (user, _password) = info.split_once(':').unwrap_or((info, ""));
            user
        });
        let shown: Vec<_> = self
            .parameters
            .iter()
            .filter(|(name, _)| !is_secret(name))
            .cloned()
            .collect();
        f.write_str(&self.write(user, &shown))
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

fn is_percent_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|behind| {
        behind.len() >= 2 && behind.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
    }) && percent_decode_str(text)
        .decode_utf8()
        .is_ok_and(|text| !text.contains('\0'))
}

fn has_sane_port(host: &str) -> bool {
    // An IPv6 address stands in brackets, and what is behind them is the port.
    let behind = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((_, behind)) => behind,
            None => return false,
        },
        None => &host[host.find(':').unwrap_or(host.len())..],
    };
    match behind.strip_prefix(':') {
        Some(port) => {
            port.bytes().all(|byte| byte.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        }
        None => behind.is_empty(),
    }
}

fn parse_parameters(query: &str) -> Result<Vec<(String, String)>, &'static str> {
    query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if is_word(name) && !value.contains(['=', '?']) => {
                Ok((name.to_owned(), value.to_owned()))
            }
            _ => Err("name=value behind the `?`, separated by `&`: write %3D, %26 and %3F for a `=`, a `&` and a `?` in a value or a password"),
        })
        .collect()
}

fn is_word(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_secret(name: &str) -> bool {
    SECRET.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libpq_takes_is_taken_and_shown_without_secrets() {
        for (rest, shown) in [
            ("", ""),
            ("/", "/"),
            ("db.example", "db.example"),
            ("u:secret@db.example:5433/t", "u@db.example:5433/t"),
            (":secret@a/t", "@a/t"),
            ("u:secret@a:1,b:2,[::1]:3/t", "u@a:1,b:2,[::1]:3/t"),
            (
                "u@a,b/t?target_session_attrs=any&password=secret&sslpassword=secret",
                "u@a,b/t?target_session_attrs=any",
            ),
            ("%2Frun%2Fpostgresql/t", "%2Frun%2Fpostgresql/t"),
            (
                "/t?host=/run/postgresql&port=5432",
                "/t?host=/run/postgresql&port=5432",
            ),
            ("u:%40%2F%3Asecret@a/t", "u@a/t"),
            ("u:se:cret@a/t", "u@a/t"),
        ] {
            let url = PostgresUrl::parse(rest).unwrap();
            assert_eq!(url.to_string(), format!("postgres://{shown}"), "{rest}");
            assert_eq!(url.with_defaults(&[]), format!("postgres://{rest}"));
        }
    }

    #[test]
    fn what_libpq_would_misread_is_refused_and_not_repeated() {
        for rest in [
            "u:sec@ret@db/t",
            "u:sec/ret@db/t",
            "u:12/secret@db/t",
            "u:sec?ret@db/t",
            "u:sec#ret@db/t",
            "u:sec%ret@db/t",
            "u:sec%0ret@db/t",
            "u:%00secret@db/t",
            "u:%ffsecret@db/t",
            "u:sec ret@db/t",
            "u:secret@db:/t",
            "u:secret@db:0/t",
            "u:secret@db:65536/t",
            "u:secret@db:+1/t",
            "u:secret@[::1/t",
            "u:secret@db/t?password",
            "u:secret@db/t?a=b=secret",
            "u:secret@db/t?",
            "u:secret@db/t/u",
        ] {
            match PostgresUrl::parse(rest) {
                Ok(url) => panic!("{url} from {rest}"),
                Err(text) => assert!(!text.contains("secret"), "{text}"),
            }
        }
    }

    #[test]
    fn hosts_are_tried_one_by_one_unless_libpq_would_choose_among_them() {
        let hosts = |url: &str| -> Vec<String> {
            let url = PostgresUrl::parse(url).unwrap();
            url.each_host().iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            hosts("u@a:1,b/t?target_session_attrs=primary"),
            [
                "postgres://u@a:1/t?target_session_attrs=primary",
                "postgres://u@b/t?target_session_attrs=primary"
            ]
        );
        assert_eq!(hosts("a/t"), ["postgres://a/t"]);
        for whole in [
            "a,b/t?target_session_attrs=prefer-standby",
            "a,b/t?port=1,2",
            "/t?host=a,b",
        ] {
            assert_eq!(hosts(whole), [format!("postgres://{whole}")]);
        }
    }

    #[test]
    fn a_default_gives_way_to_what_is_given() {
        let defaults = [
            ("connect_timeout", "3".to_owned()),
            ("keepalives", "1".to_owned()),
        ];
        let url = PostgresUrl::parse("a/t?connect_timeout=9").unwrap();
        assert_eq!(
            url.with_defaults(&defaults),
            "postgres://a/t?connect_timeout=9&keepalives=1"
        );
        let url = PostgresUrl::parse("a").unwrap();
        assert_eq!(
            url.with_defaults(&defaults),
            "postgres://a?connect_timeout=3&keepalives=1"
        );
    }
}
