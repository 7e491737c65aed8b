//! Fields of JSON objects, read one by one. What is left over is an error that names it, or is ignored and noted.

use std::cell::RefCell;
use std::time::Duration;

use super::json::Json;
use crate::Code;

/// How a config is read.
pub(super) struct Reading {
    /// What is not known here is an error.
    is_strict: bool,
    /// What was ignored, with its place.
    ignored: RefCell<Vec<String>>,
}

impl Reading {
    pub(super) fn strict() -> Reading {
        Reading {
            is_strict: true,
            ..Reading::lenient()
        }
    }

    pub(super) fn lenient() -> Reading {
        Reading {
            is_strict: false,
            ignored: RefCell::default(),
        }
    }

    /// Ignores something, unless the reading is strict.
    pub(super) fn ignore(&self, what: String) -> Read<()> {
        if self.is_strict {
            return Err(what);
        }
        self.ignored.borrow_mut().push(what);
        Ok(())
    }

    /// What was ignored.
    pub(super) fn into_ignored(self) -> Vec<String> {
        self.ignored.into_inner()
    }
}

/// An object whose fields are being read.
pub(super) struct Fields<'a> {
    pub(super) path: String,
    pub(super) reading: &'a Reading,
    left: Vec<(&'a str, &'a Json)>,
}

/// A value, and where it is.
pub(super) struct Field<'a> {
    pub(super) path: String,
    pub(super) reading: &'a Reading,
    value: &'a Json,
}

/// What was read, or what is wrong and where.
pub(super) type Read<T> = Result<T, String>;

impl<'a> Fields<'a> {
    /// The field of this name. One that is null is not there.
    pub(super) fn take(&mut self, name: &str) -> Option<Field<'a>> {
        let place = self.left.iter().position(|(other, _)| *other == name)?;
        let (_, value) = self.left.swap_remove(place);
        (*value != Json::Null).then_some(self.field(name, value))
    }

    /// Whether a field of this name is left.
    pub(super) fn has(&self, name: &str) -> bool {
        self.left
            .iter()
            .any(|(other, value)| *other == name && **value != Json::Null)
    }

    /// The field of this name, which has to be there.
    pub(super) fn need(&mut self, name: &str) -> Read<Field<'a>> {
        let path = self.path_of(name);
        self.take(name)
            .ok_or_else(|| format!("{path}: it is missing"))
    }

    /// The one field that is left, with its name.
    pub(super) fn only(mut self) -> Read<(&'a str, Field<'a>)> {
        match (self.left.pop(), self.left.is_empty()) {
            (Some((name, value)), true) => Ok((name, self.field(name, value))),
            _ => Err(format!("{}: it has to have exactly one field", self.path)),
        }
    }

    /// All has been read that is known here.
    pub(super) fn finish(self) -> Read<()> {
        self.left.iter().try_for_each(|(name, _)| {
            let path = self.path_of(name);
            self.reading
                .ignore(format!("{path}: there is no such field"))
        })
    }

    fn field(&self, name: &str, value: &'a Json) -> Field<'a> {
        Field {
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

impl<'a> Field<'a> {
    /// The outermost value.
    pub(super) fn root(value: &'a Json, reading: &'a Reading) -> Field<'a> {
        Field {
            path: String::new(),
            reading,
            value,
        }
    }

    pub(super) fn fields(self) -> Read<Fields<'a>> {
        match self.value {
            Json::Object(fields) => Ok(Fields {
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

    pub(super) fn items(self) -> Read<Vec<Field<'a>>> {
        match self.value {
            Json::Array(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(place, value)| Field {
                    path: format!("{}[{place}]", self.path),
                    reading: self.reading,
                    value,
                })
                .collect()),
            _ => Err(self.wrong("an array")),
        }
    }

    pub(super) fn text(&self) -> Read<&'a str> {
        match self.value {
            Json::Text(text) => Ok(text),
            _ => Err(self.wrong("a string")),
        }
    }

    pub(super) fn boolean(&self) -> Read<bool> {
        match self.value {
            Json::Bool(value) => Ok(*value),
            _ => Err(self.wrong("a boolean")),
        }
    }

    /// A number above zero.
    pub(super) fn positive(&self) -> Read<f64> {
        let number = match self.value {
            Json::Number(number) => number.parse().ok(),
            _ => None,
        };
        number
            .filter(|number: &f64| number.is_finite() && *number > 0.0)
            .ok_or_else(|| self.wrong("a number above 0"))
    }

    /// A whole number that is not negative. Protobuf's JSON writes large ones as strings.
    pub(super) fn whole(&self) -> Read<u64> {
        let number = match self.value {
            Json::Number(number) | Json::Text(number) => number.parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.wrong("a whole number from 0"))
    }

    /// A duration of protobuf's JSON: seconds with up to nine places behind the point, and an `s`.
    pub(super) fn duration(&self) -> Read<Duration> {
        let read = match self.value {
            Json::Text(text) => duration(text),
            _ => None,
        };
        read.ok_or_else(|| self.wrong("a duration, as \"1.5s\""))
    }

    /// A status code, by its name or its number.
    pub(super) fn code(&self) -> Read<Code> {
        let code = match self.value {
            Json::Text(name) => (0..=16)
                .filter_map(Code::from_number)
                .find(|code| code.name().eq_ignore_ascii_case(name)),
            Json::Number(number) => number.parse().ok().and_then(Code::from_number),
            _ => None,
        };
        code.ok_or_else(|| self.wrong("a status code, as \"UNAVAILABLE\""))
    }

    /// An error about this field.
    pub(super) fn error(&self, why: &str) -> String {
        format!("{}: {why}", self.path)
    }

    fn wrong(&self, expected: &str) -> String {
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
        format!("{path}: {found} is not {expected}")
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
