//! Parameters of the plugin: `key=value,key=value`, as protoc passes them. A key is the name of a method of `Config`.

use crate::config::Config;
use crate::error::Error;
use crate::map_type::MapType;

/// The form of a parameter's value, and the method that takes it.
enum Parameter {
    /// `true` or `false`. The name without a value means `true`.
    Flag(fn(Config, bool) -> Config),
    /// Any text.
    Text(fn(Config, String) -> Config),
    /// `path=value`.
    Pair(fn(Config, String, String) -> Config),
    /// `path=map_type`.
    Map(fn(Config, String, MapType) -> Config),
}

/// All parameters, in alphabetical order.
const PARAMETERS: [(&str, Parameter); 34] = [
    (
        "all_methods_required",
        Parameter::Flag(Config::all_methods_required),
    ),
    ("blocking", Parameter::Flag(Config::blocking)),
    (
        "borrowed_requests",
        Parameter::Text(Config::borrowed_requests),
    ),
    ("boxed", Parameter::Text(Config::boxed)),
    ("btree_map", Parameter::Text(Config::btree_map)),
    ("bytes", Parameter::Text(Config::bytes)),
    ("client", Parameter::Flag(Config::client)),
    (
        "client_attribute",
        Parameter::Text(Config::client_attribute),
    ),
    (
        "compile_well_known_types",
        Parameter::Flag(Config::compile_well_known_types),
    ),
    (
        "default_package_filename",
        Parameter::Text(Config::default_package_filename),
    ),
    ("descriptors", Parameter::Flag(Config::descriptors)),
    (
        "disable_comments",
        Parameter::Text(Config::disable_comments),
    ),
    (
        "enable_type_names",
        Parameter::Flag(Config::enable_type_names),
    ),
    (
        "encoded_requests",
        Parameter::Text(Config::encoded_requests),
    ),
    (
        "encoded_responses",
        Parameter::Text(Config::encoded_responses),
    ),
    ("enum_attribute", Parameter::Pair(Config::enum_attribute)),
    ("extern_path", Parameter::Pair(Config::extern_path)),
    ("field_attribute", Parameter::Pair(Config::field_attribute)),
    ("json", Parameter::Flag(Config::json)),
    ("map_type", Parameter::Map(Config::map_type)),
    (
        "message_attribute",
        Parameter::Pair(Config::message_attribute),
    ),
    ("module_tree", Parameter::Flag(Config::module_tree)),
    (
        "received_requests",
        Parameter::Text(Config::received_requests),
    ),
    (
        "received_responses",
        Parameter::Text(Config::received_responses),
    ),
    ("reflect", Parameter::Flag(Config::reflect)),
    (
        "retain_enum_prefix",
        Parameter::Flag(Config::retain_enum_prefix),
    ),
    ("server", Parameter::Flag(Config::server)),
    (
        "server_attribute",
        Parameter::Text(Config::server_attribute),
    ),
    ("shared_strings", Parameter::Text(Config::shared_strings)),
    ("skip_debug", Parameter::Text(Config::skip_debug)),
    ("type_attribute", Parameter::Pair(Config::type_attribute)),
    (
        "type_name_domain",
        Parameter::Pair(Config::type_name_domain),
    ),
    ("unknown_fields", Parameter::Text(Config::unknown_fields)),
    ("views", Parameter::Text(Config::views)),
];

/// Returns the names of all parameters, separated by commas.
pub(crate) fn known() -> String {
    PARAMETERS.map(|(name, _)| name).join(", ")
}

/// Parses a parameter string. All faults are reported together.
pub(crate) fn parse(parameters: &str) -> Result<Config, Error> {
    let mut config = Config::new();
    let mut faults = Vec::new();
    for parameter in split(parameters) {
        match apply(config.clone(), &parameter) {
            Ok(changed) => config = changed,
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        Ok(config)
    } else {
        Err(Error::Config(faults.join("\n")))
    }
}

fn apply(config: Config, parameter: &str) -> Result<Config, String> {
    let (name, value) = match parameter.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (parameter, None),
    };
    let Some((_, kind)) = PARAMETERS.iter().find(|(known, _)| *known == name) else {
        return Err(format!(
            "unknown parameter `{name}`; the parameters are {}",
            known()
        ));
    };
    match (kind, value) {
        (Parameter::Flag(set), None | Some("true")) => Ok(set(config, true)),
        (Parameter::Flag(set), Some("false")) => Ok(set(config, false)),
        (Parameter::Flag(_), Some(other)) => {
            Err(format!("`{name}` must be `true` or `false`, not `{other}`"))
        }
        (Parameter::Text(set), Some(value)) if !value.is_empty() => {
            Ok(set(config, value.to_owned()))
        }
        (Parameter::Text(_), _) => Err(format!("`{name}` needs a value: `{name}=…`")),
        (Parameter::Pair(set), value) => {
            let (path, value) = pair(name, value)?;
            Ok(set(config, path.to_owned(), value.to_owned()))
        }
        (Parameter::Map(set), value) => {
            let (path, value) = pair(name, value)?;
            let kind = MapType::named(value)
                .map_err(|known| format!("`{name}` must be one of {known}, not `{value}`"))?;
            Ok(set(config, path.to_owned(), kind))
        }
    }
}

/// Splits the value of a parameter that is a pair.
fn pair<'v>(name: &str, value: Option<&'v str>) -> Result<(&'v str, &'v str), String> {
    match value.and_then(|value| value.split_once('=')) {
        Some((path, value)) if !path.is_empty() && !value.is_empty() => Ok((path, value)),
        _ => Err(format!(
            "`{name}` needs a path and a value: `{name}=.path=value`"
        )),
    }
}

/// Splits at commas. A backslash before a comma or a backslash makes it part of the value.
fn split(parameters: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = parameters.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped = characters.next_if(|next| character == '\\' && matches!(next, ',' | '\\'));
        match (character, escaped) {
            (',', _) => parts.push(String::new()),
            (_, _) => {
                if let Some(part) = parts.last_mut() {
                    part.push(escaped.unwrap_or(character));
                }
            }
        }
    }
    // protoc joins the values of several `--rs_opt` with commas. Blanks around them have no meaning.
    let parts = parts.into_iter().map(|part| part.trim().to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_repeat_and_commas_can_be_escaped() {
        let config =
            parse(r"client=false, server,bytes=.a,bytes=.b,type_attribute=.=#[derive(A\, B\\)],,")
                .expect("the parameters should be known");
        assert!(!config.client);
        assert!(config.server);
        assert_eq!(config.bytes, [".a", ".b"]);
        assert_eq!(
            config.type_attribute,
            [(".".to_owned(), r"#[derive(A, B\)]".to_owned())]
        );
        assert!(parse("").is_ok());
    }

    #[test]
    fn names_are_sorted_and_faults_are_collected() {
        let names: Vec<&str> = PARAMETERS.iter().map(|(name, _)| *name).collect();
        assert!(names.is_sorted());
        let error = parse("client=1,out_dir=x,bytes=").expect_err("all of them are wrong");
        assert_eq!(error.to_string().lines().count(), 3, "{error}");
    }
}
