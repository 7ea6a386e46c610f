//! Collects what was given: flags over environment over file.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    error::{Origin, SettingError},
    table::{CONFIG_VARIABLE, Key, PREFIX, Setting, TABLE, nearest},
};

/// The values that were given, each with where it came from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    values: BTreeMap<Key, Given>,
    warnings: Vec<String>,
}

/// What was given on the command line.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The settings file.
    pub config: Option<PathBuf>,
    /// The settings.
    pub values: BTreeMap<Key, String>,
}

/// The value of a setting as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The value.
    pub value: RawValue,
    /// Where it came from.
    pub origin: Origin,
}

/// A value before it is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawValue {
    /// One text; a list has commas in it.
    Text(String),
    /// A list, from the file.
    List(Vec<String>),
}

/// The settings file that is read where none is named.
const DEFAULT_FILE: &str = "tenantry.toml";

impl Sources {
    /// Collects the settings. `directory` is where the default settings file is
    /// looked for.
    ///
    /// A variable that is set to nothing counts as not set, because that is how
    /// container platforms write a variable that they have no value for. An unknown
    /// variable is a warning, because they also inject some of their own; an unknown
    /// key in the file is an error, because somebody wrote it there.
    pub fn gather(
        flags: &Flags,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        directory: &Path,
    ) -> Result<Self, SettingError> {
        let mut sources = Self::default();
        let environment = read_variables(variables, &mut sources.warnings)?;
        let named = flags.config.clone().or(environment.config);
        sources.values = read_file(named, directory)?;
        sources.values.extend(environment.values);
        for (&key, value) in &flags.values {
            sources.put(key, value.clone(), Origin::Flag);
        }
        Ok(sources)
    }

    /// The value of a setting, if it was given.
    pub fn get(&self, key: Key) -> Option<&Given> {
        self.values.get(&key)
    }

    /// What is odd, but no reason to refuse.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn put(&mut self, key: Key, text: String, origin: Origin) {
        let value = RawValue::Text(text);
        self.values.insert(key, Given { value, origin });
    }
}

#[derive(Default)]
struct Environment {
    config: Option<PathBuf>,
    values: BTreeMap<Key, Given>,
}

fn read_variables(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    warnings: &mut Vec<String>,
) -> Result<Environment, SettingError> {
    let mut environment = Environment::default();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        if name == CONFIG_VARIABLE {
            environment.config = (!value.is_empty()).then(|| PathBuf::from(value));
            continue;
        }
        let Some(setting) = TABLE.iter().find(|setting| setting.variable() == name) else {
            warnings.push(unknown_variable(name));
            continue;
        };
        let Some(text) = value.to_str() else {
            let problem = "must be UTF-8";
            let error = SettingError::of(setting.key, &Origin::Environment, problem, None);
            return Err(error);
        };
        if !text.is_empty() {
            let given = Given {
                value: RawValue::Text(text.to_owned()),
                origin: Origin::Environment,
            };
            environment.values.insert(setting.key, given);
        }
    }
    Ok(environment)
}

fn unknown_variable(name: &str) -> String {
    let known: Vec<_> = TABLE.iter().map(Setting::variable).collect();
    let meant = nearest(name, known.iter().map(String::as_str));
    match meant {
        Some(meant) => {
            format!("{name} is not a setting and is ignored; did you mean {meant}?")
        }
        None => format!("{name} is not a setting and is ignored"),
    }
}

fn read_file(
    named: Option<PathBuf>,
    directory: &Path,
) -> Result<BTreeMap<Key, Given>, SettingError> {
    let is_named = named.is_some();
    let path = named.unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    match fs::read_to_string(directory.join(&path)) {
        Ok(text) => parse_file(&text, &path),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_named => Ok(BTreeMap::new()),
        Err(error) => Err(SettingError::of_file(
            &path,
            format_args!("can't be read: {error} (it is named by --config or {CONFIG_VARIABLE})"),
        )),
    }
}

fn parse_file(text: &str, path: &Path) -> Result<BTreeMap<Key, Given>, SettingError> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // The error's own text quotes the line, which may hold a secret.
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        SettingError::of_file(path, format_args!("line {line}: {}", error.message()))
    })?;
    let mut values = BTreeMap::new();
    for (name, value) in table {
        let setting = Setting::by_name(&name).ok_or_else(|| unknown_key(&name, path))?;
        let origin = Origin::File(path.to_owned());
        let value = raw_value(setting, value)
            .map_err(|problem| SettingError::of(setting.key, &origin, problem, None))?;
        values.insert(setting.key, Given { value, origin });
    }
    Ok(values)
}

fn unknown_key(name: &str, path: &Path) -> SettingError {
    let bare = name.to_ascii_lowercase();
    let bare = bare.strip_prefix("tenantry_").unwrap_or(&bare);
    let problem = match nearest(bare, TABLE.iter().map(|setting| setting.name)) {
        Some(meant) => format!("{name:?} is not a setting; did you mean `{meant}`?"),
        None => format!("{name:?} is not a setting"),
    };
    SettingError::of_file(path, problem)
}

fn raw_value(setting: &Setting, value: toml::Value) -> Result<RawValue, &'static str> {
    let text = |value| match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        toml::Value::Array(items) if setting.is_list => items
            .into_iter()
            .map(|item| text(item).ok_or("must be a list of strings"))
            .collect::<Result<_, _>>()
            .map(RawValue::List),
        other => text(other).map(RawValue::Text).ok_or(if setting.is_list {
            "must be a list of strings"
        } else {
            "must be a string or a whole number"
        }),
    }
}

/// Reads `name` and `value` of the process's environment that begin with the prefix.
pub(super) fn process_variables() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| has_prefix(name))
}

fn has_prefix(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(
        flags: &[(Key, &str)],
        variables: &[(&str, &str)],
        file: Option<&str>,
    ) -> Result<Sources, SettingError> {
        let directory = tempfile::tempdir().unwrap();
        if let Some(text) = file {
            fs::write(directory.path().join(DEFAULT_FILE), text).unwrap();
        }
        let flags = Flags {
            config: None,
            values: flags
                .iter()
                .map(|&(key, value)| (key, value.to_owned()))
                .collect(),
        };
        let variables = variables.iter().map(|&(n, v)| (n.into(), v.into()));
        Sources::gather(&flags, variables, directory.path())
    }

    fn text(sources: &Sources, key: Key) -> (&str, &Origin) {
        match sources.get(key) {
            Some(Given {
                value: RawValue::Text(text),
                origin,
            }) => (text, origin),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let file = "listen = \"1.1.1.1:1\"\ntoken_ttl = 60\nlog = 'warn'";
        let variables = [("TENANTRY_LISTEN", "2.2.2.2:2"), ("TENANTRY_LOG", "debug")];
        let sources = gather(&[(Key::Listen, "3.3.3.3:3")], &variables, Some(file)).unwrap();
        assert_eq!(text(&sources, Key::Listen), ("3.3.3.3:3", &Origin::Flag));
        assert_eq!(text(&sources, Key::Log), ("debug", &Origin::Environment));
        let from_file = Origin::File(DEFAULT_FILE.into());
        assert_eq!(text(&sources, Key::TokenTtl), ("60", &from_file));
        assert_eq!(sources.get(Key::DataDir), None);
        assert_eq!(sources.warnings(), [] as [&str; 0]);
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let file = "log = 'warn'";
        let variables = [("TENANTRY_LOG", ""), ("TENANTRY_CONFIG", "")];
        let sources = gather(&[], &variables, Some(file)).unwrap();
        assert_eq!(text(&sources, Key::Log).0, "warn");
    }

    #[test]
    fn an_unknown_variable_is_a_warning_with_a_suggestion() {
        let variables = [
            ("TENANTRY_LISTNE", "x"),
            ("TENANTRY_SERVICE_HOST", "10.0.0.1"),
            ("PATH", "/bin"),
        ];
        let sources = gather(&[], &variables, None).unwrap();
        assert_eq!(
            sources.warnings(),
            [
                "TENANTRY_LISTNE is not a setting and is ignored; did you mean TENANTRY_LISTEN?",
                "TENANTRY_SERVICE_HOST is not a setting and is ignored",
            ]
        );
    }

    #[test]
    fn an_unknown_key_in_the_file_is_an_error_with_a_suggestion() {
        let error = gather(&[], &[], Some("public_uri = 'x'")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "settings file tenantry.toml: \"public_uri\" is not a setting; \
             did you mean `public_url`?"
        );
        let error = gather(&[], &[], Some("TENANTRY_LISTEN = 'x'")).unwrap_err();
        assert!(
            error.to_string().contains("did you mean `listen`"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_no_toml_is_told_by_its_line_and_not_quoted() {
        let error = gather(&[], &[], Some("listen = 'x'\nmaster_key = hunter2")).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("settings file tenantry.toml: line 2: "),
            "{text}"
        );
        assert!(!text.contains("hunter2") && !text.contains('\n'), "{text}");
    }

    #[test]
    fn lists_and_only_lists_may_be_arrays() {
        let sources = gather(&[], &[], Some("cors_origins = ['http://a', 'http://b']")).unwrap();
        let expected = RawValue::List(vec!["http://a".into(), "http://b".into()]);
        assert_eq!(sources.get(Key::CorsOrigins).unwrap().value, expected);
        for bad in ["listen = ['x']", "listen = true", "cors_origins = [[]]"] {
            let error = gather(&[], &[], Some(bad)).unwrap_err();
            assert!(error.to_string().contains("must be a"), "{error}");
        }
    }

    #[test]
    fn a_named_file_must_be_there() {
        let variables = [("TENANTRY_CONFIG", "elsewhere.toml")];
        let error = gather(&[], &variables, None).unwrap_err();
        assert!(
            error.to_string().contains("elsewhere.toml: can't be read"),
            "{error}"
        );
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        use std::os::unix::ffi::OsStringExt;
        let variable = ("TENANTRY_LOG".into(), OsString::from_vec(vec![0xff]));
        let error =
            Sources::gather(&Flags::default(), [variable], Path::new("/nonexistent")).unwrap_err();
        assert!(error.to_string().contains("must be UTF-8"), "{error}");
    }
}
