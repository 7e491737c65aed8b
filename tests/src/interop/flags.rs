//! The command line of the programs, in the forms that the other languages' take.

use std::collections::BTreeMap;

/// Flags by their names: `--flag=value`, `--flag value`, and `--flag` for `true`.
#[derive(Debug, Default)]
pub struct Flags(BTreeMap<String, String>);

impl Flags {
    /// Reads a command line. `known` are the names of all flags.
    ///
    /// # Errors
    /// Something is no flag, or none of these.
    pub fn parse(
        arguments: impl IntoIterator<Item = String>,
        known: &[&str],
    ) -> Result<Flags, String> {
        let mut flags = BTreeMap::new();
        let mut arguments = arguments.into_iter().peekable();
        while let Some(argument) = arguments.next() {
            let Some(flag) = argument.strip_prefix("--") else {
                return Err(format!("{argument:?} is no flag"));
            };
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => {
                    let value = arguments.next_if(|next| !next.starts_with("--"));
                    (flag, value.unwrap_or_else(|| "true".to_owned()))
                }
            };
            if !known.contains(&name) {
                return Err(format!(
                    "there is no flag --{name}; the flags are --{}",
                    known.join(", --")
                ));
            }
            flags.insert(name.to_owned(), value);
        }
        Ok(Flags(flags))
    }

    /// The value of a flag.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether a flag is `true`; it is `false` by default.
    ///
    /// # Errors
    /// It is neither.
    pub fn is_set(&self, name: &str) -> Result<bool, String> {
        match self.get(name) {
            Some("true") => Ok(true),
            None | Some("false") => Ok(false),
            Some(other) => Err(format!("--{name} is true or false, not {other:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = ["port", "use_tls", "host"];

    fn parse(line: &str) -> Result<Flags, String> {
        Flags::parse(line.split_whitespace().map(str::to_owned), &KNOWN)
    }

    #[test]
    fn every_form_is_read() {
        for line in [
            "--port=1 --use_tls=true --host=a",
            "--port 1 --use_tls --host a",
            "--host a --port 1 --use_tls",
        ] {
            let flags = parse(line).unwrap();
            assert_eq!(
                (flags.get("port"), flags.get("host")),
                (Some("1"), Some("a"))
            );
            assert_eq!(flags.is_set("use_tls"), Ok(true));
        }
        let flags = parse("--use_tls false").unwrap();
        assert_eq!(
            (flags.is_set("use_tls"), flags.get("port")),
            (Ok(false), None)
        );
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        for (line, word) in [("port=1", "port=1"), ("--prot=1", "--prot"), ("-p 1", "-p")] {
            assert!(parse(line).unwrap_err().contains(word));
        }
        let flags = parse("--use_tls=yes").unwrap();
        assert!(flags.is_set("use_tls").unwrap_err().contains("yes"));
    }
}
