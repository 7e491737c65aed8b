//! Command-line flags, in the forms that the other languages' programs accept.

use std::collections::BTreeMap;

/// Flags by name: `--flag=value`, `--flag value`, and `--flag` for `true`.
#[derive(Debug, Default)]
pub struct Flags(BTreeMap<String, String>);

impl Flags {
    /// Parses a command line. `known` are the names of all flags.
    ///
    /// # Errors
    /// Returns an error if an argument is not a flag or is unknown.
    pub fn parse(
        arguments: impl IntoIterator<Item = String>,
        known: &[&str],
    ) -> Result<Flags, String> {
        let mut flags = BTreeMap::new();
        let mut arguments = arguments.into_iter().peekable();
        while let Some(argument) = arguments.next() {
            let Some(flag) = argument.strip_prefix("--") else {
                return Err(format!("{argument:?} is not a flag"));
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

    /// Returns the value of a flag.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns whether a flag is `true`. It is `false` by default.
    ///
    /// # Errors
    /// Returns an error if its value is neither.
    pub fn is_set(&self, name: &str) -> Result<bool, String> {
        match self.get(name) {
            Some("true") => Ok(true),
            None | Some("false") => Ok(false),
            Some(other) => Err(format!("--{name} must be true or false, not {other:?}")),
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
    fn every_form_is_parsed() {
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
    fn invalid_flags_are_named() {
        for (line, word) in [("port=1", "port=1"), ("--prot=1", "--prot"), ("-p 1", "-p")] {
            assert!(parse(line).unwrap_err().contains(word));
        }
        let flags = parse("--use_tls=yes").unwrap();
        assert!(flags.is_set("use_tls").unwrap_err().contains("yes"));
    }
}
