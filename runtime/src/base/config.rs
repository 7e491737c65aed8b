//! Configs in JSON, whose fields are read one by one. A field that nobody reads is an error in a strict config. Otherwise it is
//! ignored and noted.

pub(crate) mod json;

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use self::json::Json;
use crate::Code;

/// The state of reading a config.
pub(crate) struct Reading {
    /// Treats unknown fields as errors.
    is_strict: bool,
    /// The fields that were ignored, with their places.
    ignored: RefCell<Vec<String>>,
}

impl Reading {
    pub(crate) fn strict() -> Reading {
        Reading {
            is_strict: true,
            ..Reading::lenient()
        }
    }

    pub(crate) fn lenient() -> Reading {
        Reading {
            is_strict: false,
            ignored: RefCell::default(),
        }
    }

    /// Notes an ignored part of the config. In a strict reading, returns the error instead.
    pub(crate) fn ignore(&self, what: ConfigError) -> Read<()> {
        if self.is_strict {
            return Err(what);
        }
        self.ignored.borrow_mut().push(what.0);
        Ok(())
    }

    /// Returns the fields that were ignored.
    pub(crate) fn into_ignored(self) -> Vec<String> {
        self.ignored.into_inner()
    }
}

/// A JSON object in a config. Its fields are taken out one by one. [`finish`](ConfigObject::finish) handles the fields that are
/// left.
pub struct ConfigObject<'a> {
    pub(crate) path: String,
    pub(crate) reading: &'a Reading,
    left: Vec<(&'a str, &'a Json)>,
}

/// A JSON value in a config, with its place for error messages.
pub struct ConfigValue<'a> {
    pub(crate) path: String,
    pub(crate) reading: &'a Reading,
    value: &'a Json,
}

/// The value that was read, or an error.
pub(crate) type Read<T> = Result<T, ConfigError>;

/// An error in a config, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(why: String) -> ConfigError {
        ConfigError(why)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Debug for ConfigObject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConfigObject").field(&self.path).finish()
    }
}

impl fmt::Debug for ConfigValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConfigValue").field(&self.path).finish()
    }
}

impl<'a> ConfigObject<'a> {
    /// Takes out the field with this name. Returns `None` if there is no such field, or if its value is null.
    pub fn take(&mut self, name: &str) -> Option<ConfigValue<'a>> {
        let place = self.left.iter().position(|(other, _)| *other == name)?;
        let (_, value) = self.left.swap_remove(place);
        (*value != Json::Null).then_some(self.field(name, value))
    }

    /// Returns whether a field with this name is left.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.left
            .iter()
            .any(|(other, value)| *other == name && **value != Json::Null)
    }

    /// Takes out the field with this name.
    ///
    /// # Errors
    /// Returns an error if there is no such field, or if its value is null.
    pub fn need(&mut self, name: &str) -> Read<ConfigValue<'a>> {
        let path = self.path_of(name);
        self.take(name)
            .ok_or_else(|| ConfigError(format!("{path}: it is missing")))
    }

    /// Returns the name and value of the only field.
    pub(crate) fn only(mut self) -> Read<(&'a str, ConfigValue<'a>)> {
        match (self.left.pop(), self.left.is_empty()) {
            (Some((name, value)), true) => Ok((name, self.field(name, value))),
            _ => Err(ConfigError(format!(
                "{}: it has to have exactly one field",
                self.path
            ))),
        }
    }

    /// Takes out all fields that are left, with their names.
    pub fn take_all(&mut self) -> Vec<(&'a str, ConfigValue<'a>)> {
        let left = std::mem::take(&mut self.left).into_iter();
        left.map(|(name, value)| (name, self.field(name, value)))
            .collect()
    }

    /// Ends the reading of the object. Fields that are left are ignored, unless the config is strict.
    ///
    /// # Errors
    /// Returns an error if a field is left and the config is strict.
    pub fn finish(self) -> Read<()> {
        self.left.iter().try_for_each(|(name, _)| {
            let path = self.path_of(name);
            self.reading
                .ignore(ConfigError(format!("{path}: there is no such field")))
        })
    }

    fn field(&self, name: &str, value: &'a Json) -> ConfigValue<'a> {
        ConfigValue {
            path: self.path_of(name),
            reading: self.reading,
            value,
        }
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            return name.to_owned();
        }
        format!("{}.{name}", self.path)
    }
}

impl<'a> ConfigValue<'a> {
    /// Returns the outermost value.
    pub(crate) fn root(value: &'a Json, reading: &'a Reading) -> ConfigValue<'a> {
        ConfigValue {
            path: String::new(),
            reading,
            value,
        }
    }

    /// Reads an object.
    ///
    /// # Errors
    /// Returns an error if the value is not an object.
    pub fn into_object(self) -> Read<ConfigObject<'a>> {
        match self.value {
            Json::Object(fields) => Ok(ConfigObject {
                path: self.path,
                reading: self.reading,
                left: fields
                    .iter()
                    .map(|(name, value)| (name.as_str(), value))
                    .collect(),
            }),
            _ => Err(self.wrong("an object")),
        }
    }

    /// Reads an array.
    ///
    /// # Errors
    /// Returns an error if the value is not an array.
    pub fn items(self) -> Read<Vec<ConfigValue<'a>>> {
        match self.value {
            Json::Array(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(place, value)| ConfigValue {
                    path: format!("{}[{place}]", self.path),
                    reading: self.reading,
                    value,
                })
                .collect()),
            _ => Err(self.wrong("an array")),
        }
    }

    /// Reads a string.
    ///
    /// # Errors
    /// Returns an error if the value is not a string.
    pub fn text(&self) -> Read<&'a str> {
        match self.value {
            Json::Text(text) => Ok(text),
            _ => Err(self.wrong("a string")),
        }
    }

    /// Reads a boolean.
    ///
    /// # Errors
    /// Returns an error if the value is not a boolean.
    pub fn boolean(&self) -> Read<bool> {
        match self.value {
            Json::Bool(value) => Ok(*value),
            _ => Err(self.wrong("a boolean")),
        }
    }

    /// Reads a finite number above zero.
    ///
    /// # Errors
    /// Returns an error if the value is not a finite number above zero.
    pub fn positive(&self) -> Read<f64> {
        let number = match self.value {
            Json::Number(number) => number.parse().ok(),
            _ => None,
        };
        number
            .filter(|number: &f64| number.is_finite() && *number > 0.0)
            .ok_or_else(|| self.wrong("a number above 0"))
    }

    /// Reads a whole number that is not negative. It may be a string, because protobuf's JSON writes large numbers as strings.
    ///
    /// # Errors
    /// Returns an error if the value is negative, is not a whole number, or does not fit into `u64`.
    pub fn whole(&self) -> Read<u64> {
        let number = match self.value {
            Json::Number(number) | Json::Text(number) => number.parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.wrong("a whole number from 0"))
    }

    /// Reads a duration in protobuf's JSON form: seconds with up to nine decimal places, and an `s`, for example `"1.5s"`.
    ///
    /// # Errors
    /// Returns an error if the value is not a duration.
    pub fn duration(&self) -> Read<Duration> {
        let read = match self.value {
            Json::Text(text) => duration(text),
            _ => None,
        };
        read.ok_or_else(|| self.wrong("a duration, as \"1.5s\""))
    }

    /// Reads a status code, by its name or its number.
    pub(crate) fn code(&self) -> Read<Code> {
        let code = match self.value {
            Json::Text(name) => (0..=16)
                .filter_map(Code::from_number)
                .find(|code| code.name().eq_ignore_ascii_case(name)),
            Json::Number(number) => number.parse().ok().and_then(Code::from_number),
            _ => None,
        };
        code.ok_or_else(|| self.wrong("a status code, as \"UNAVAILABLE\""))
    }

    /// Creates an error that names the place of this value.
    pub fn error(&self, why: impl fmt::Display) -> ConfigError {
        ConfigError(format!("{}: {why}", self.path))
    }

    /// Returns an object without fields in place of this value.
    pub(crate) fn empty_object(&self) -> ConfigObject<'a> {
        ConfigObject {
            path: self.path.clone(),
            reading: self.reading,
            left: Vec::new(),
        }
    }

    fn wrong(&self, expected: &str) -> ConfigError {
        let found = match self.value {
            Json::Number(text) => text.clone(),
            Json::Text(text) => format!("{text:?}"),
            other => other.kind().to_owned(),
        };
        let path = if self.path.is_empty() {
            "the config"
        } else {
            &self.path
        };
        ConfigError(format!("{path}: {found} is not {expected}"))
    }
}

fn duration(text: &str) -> Option<Duration> {
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    let number = text.strip_suffix('s')?;
    let (seconds, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > 9 || !digits(fraction) || !digits(seconds) {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    Some(Duration::new(seconds.parse().ok()?, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_with_an_s() {
        for (text, expected) in [
            ("1s", Duration::from_secs(1)),
            ("0.5s", Duration::from_millis(500)),
            ("0.000000001s", Duration::from_nanos(1)),
            ("315576000000s", Duration::from_secs(315_576_000_000)),
        ] {
            assert_eq!(duration(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "1",
            "s",
            "-1s",
            "1.s",
            ".5s",
            "1.0000000001s",
            "1ms",
            "1 s",
            "+1s",
            "1e3s",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
