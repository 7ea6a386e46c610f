//! What the program says. Nothing else in this crate writes to standard output.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::failure::Failure;

/// How the result of a command is shown.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OutputArgs {
    /// How the result is shown; json is one JSON value
    #[arg(long, value_enum, default_value_t = Form::Table, value_name = "FORM")]
    output: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    #[value(alias = "text")]
    Table,
    /// For machines
    Json,
}

impl OutputArgs {
    /// Shows the result of a command: as one JSON value, or as the text that `text`
    /// makes of it.
    pub(crate) fn show<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        let shown = match self.output {
            Form::Table => Ok(text(value)),
            Form::Json => serde_json::to_string(value).map_err(io::Error::from),
        };
        shown
            .and_then(|shown| write_line(&mut io::stdout().lock(), &shown))
            .map_err(|error| {
                let problem = format!("it is done, but the result could not be shown: {error}");
                Failure::command(&problem)
            })
    }
}

/// Tells the user of a server something on standard output. Where that is closed the
/// server goes on.
pub(crate) fn tell(text: &str) {
    let _ = write_line(&mut io::stdout().lock(), text);
}

/// Tells something on standard error, apart from a command's result.
pub(crate) fn note(text: &str) {
    let _ = write_line(&mut io::stderr().lock(), text);
}

/// A table with aligned columns, for people.
pub(crate) fn columns(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|&title| title.to_owned()).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&head]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let padded: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let lines: Vec<_> = [&head].into_iter().chain(rows).map(line).collect();
    lines.join("\n")
}

/// Writes one of many results, whole or not at all.
pub(crate) fn write_out(text: &str) -> io::Result<()> {
    write_line(&mut io::stdout().lock(), text)
}

fn write_line(to: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(to, "{text}")?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [
            vec!["a".to_owned(), "Sydney, Australia".to_owned()],
            vec!["long".to_owned(), "é".to_owned()],
        ];
        assert_eq!(
            columns(&["ID", "NAME"], &rows),
            "ID    NAME\na     Sydney, Australia\nlong  é"
        );
        assert_eq!(columns(&["ID"], &[]), "ID");
    }
}
