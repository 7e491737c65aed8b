//! Derives identifiers from proto names.
//!
//! The rules, in the order in which they apply:
//!
//! 1. Types are `UpperCamelCase`, functions, methods and modules `snake_case`, converted as prost converts them.
//! 2. A keyword becomes a raw identifier (`r#type`). `self`, `Self`, `super`, `crate`, `extern` and `_` cannot be raw, so
//!    they get a trailing underscore (`self_`).
//! 3. An rpc that would be called `new`, `clone`, `into` or `try_into` gets a trailing underscore, because the stub has
//!    methods with these names.
//! 4. Methods of one service with the same name are numbered in the order of the file: the first keeps the name, the next
//!    is `name_2`, then `name_3`. Services of one package are numbered likewise: `Foo`, `Foo2`.
//! 5. A type of a service that has the name of a message or an enum in its package gets a trailing underscore
//!    (`FooStub_`), which no message can have. So does a blocking stub that has the name of another service's stub.
//! 6. Messages, enums, fields, oneofs and enum values with the same name in one scope are numbered as well: `FooBar2`,
//!    `foo_bar_2`. The one whose Rust spelling equals its spelling in the proto keeps the name, or else the first in the
//!    file.

use std::collections::BTreeSet;

use heck::{ToSnakeCase, ToUpperCamelCase};

use crate::model::ServiceNames;

/// Names of methods that every stub has.
///
/// `into` and `try_into`, which every type has, take the stub by value. Method syntax would find them before an rpc,
/// which takes a reference.
const STUB_METHODS: [&str; 4] = ["clone", "into", "new", "try_into"];

/// Converts a name to `snake_case`. The result is a valid identifier.
pub(crate) fn snake(name: &str) -> String {
    identifier(&name.to_snake_case(), name)
}

/// Converts a name to `UpperCamelCase`. The result is a valid identifier.
pub(crate) fn upper_camel(name: &str) -> String {
    identifier(&name.to_upper_camel_case(), name)
}

/// Removes the raw prefix of an identifier, for file names and prose.
pub(crate) fn unraw(identifier: &str) -> &str {
    identifier.strip_prefix("r#").unwrap_or(identifier)
}

/// Returns the name of an enum value, without the name of its enum in front, as in prost-build.
pub(crate) fn variant(enumeration: &str, value: &str, retain_prefix: bool) -> String {
    let name = value.to_upper_camel_case();
    let stripped = name
        .strip_prefix(enumeration)
        .filter(|rest| !retain_prefix && rest.starts_with(char::is_uppercase));
    identifier(stripped.unwrap_or(&name), value)
}

/// Returns the modules of a package, from the outermost.
pub(crate) fn modules(package: &str) -> Vec<String> {
    package
        .split('.')
        .filter(|segment| !segment.is_empty())
        .map(snake)
        .collect()
}

/// Returns the Rust names of the methods of one service, in the order of the file.
pub(crate) fn methods<'a>(proto_names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted = proto_names.map(|name| {
        let name = snake(name);
        if STUB_METHODS.contains(&name.as_str()) {
            format!("{name}_")
        } else {
            name
        }
    });
    numbered(wanted.collect(), |name, number| {
        format!("{}_{number}", unraw(name))
    })
}

/// Returns the names of the items of all services of one module. `types` are the messages and enums at its top level.
pub(crate) fn services<'a>(
    proto_names: impl Iterator<Item = &'a str>,
    types: &BTreeSet<String>,
) -> Vec<ServiceNames> {
    let wanted = proto_names
        .map(|name| match name.to_upper_camel_case() {
            // A name of underscores only.
            camel if camel.is_empty() => "Unnamed".to_owned(),
            camel => camel,
        })
        .collect();
    let unlike_types = |name: String| {
        if types.contains(&name) {
            format!("{name}_")
        } else {
            name
        }
    };
    let camels = numbered(wanted, |name, number| format!("{name}{number}"));
    let stubs = |camel: &String| unlike_types(format!("{camel}Stub"));
    let taken: BTreeSet<String> = camels.iter().map(stubs).collect();
    // `FooBlockingStub` may be the async stub of a service `FooBlocking`.
    let blocking_stub = |camel: &String| {
        let mut name = format!("{camel}BlockingStub");
        while types.contains(&name) || taken.contains(&name) {
            name.push('_');
        }
        name
    };
    let snakes = numbered(
        camels.iter().map(|camel| camel.to_snake_case()).collect(),
        |name, number| format!("{name}_{number}"),
    );
    camels
        .iter()
        .zip(snakes)
        .map(|(camel, snake)| ServiceNames {
            servicer: unlike_types(format!("{camel}Servicer")),
            stub: stubs(camel),
            blocking_stub: blocking_stub(camel),
            handler: format!("{snake}_handler"),
            register: format!("add_{snake}_servicer_to_server"),
        })
        .collect()
}

/// Returns the name of the type parameter that tells iterators from streams in a stub's methods.
pub(crate) fn marker(types: &BTreeSet<String>) -> String {
    let name = "M";
    if types.contains(name) {
        format!("{name}_")
    } else {
        name.to_owned()
    }
}

/// Returns the name of the view of a type. It has no need of the underscore that keeps a name from being a keyword.
pub(crate) fn view(name: &str) -> String {
    format!("{}View", name.trim_end_matches('_'))
}

/// Names that are taken in one Rust scope.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    taken: BTreeSet<String>,
    wanted: BTreeSet<String>,
}

impl Scope {
    /// Reserves a name for which no element of the scope competes.
    pub(crate) fn take(&mut self, name: &str) {
        self.taken.insert(name.to_owned());
    }

    /// Chooses names for elements, given as pairs of the proto name and the derived name.
    ///
    /// The choice among elements of one derived name does not depend on elements of other names.
    pub(crate) fn types(&mut self, elements: &[(&str, String)]) -> Vec<String> {
        self.distinct(elements, |name, number| format!("{name}{number}"))
    }

    /// Works as [`types`](Self::types), for names in snake case.
    pub(crate) fn snakes(&mut self, elements: &[(&str, String)]) -> Vec<String> {
        self.distinct(elements, snake_number)
    }

    fn distinct(
        &mut self,
        elements: &[(&str, String)],
        number: fn(&str, usize) -> String,
    ) -> Vec<String> {
        self.wanted
            .extend(elements.iter().map(|(_, wanted)| wanted.clone()));
        let mut names = vec![String::new(); elements.len()];
        for index in by_precedence(elements) {
            if let (Some((_, wanted)), Some(name)) = (elements.get(index), names.get_mut(index)) {
                *name = self.name(wanted, number);
                self.taken.insert(name.clone());
            }
        }
        names
    }

    fn name(&self, wanted: &str, number: fn(&str, usize) -> String) -> String {
        if !self.taken.contains(wanted) {
            return wanted.to_owned();
        }
        (2..)
            .map(|n| number(wanted, n))
            .find(|name| !self.taken.contains(name) && !self.wanted.contains(name))
            .unwrap_or_default()
    }
}

/// Adds a number to a name in snake case.
pub(crate) fn snake_number(name: &str, number: usize) -> String {
    format!("{}_{number}", unraw(name))
}

/// Returns the order in which elements choose their names: first those whose Rust spelling equals the spelling in the
/// proto, then the others.
pub(crate) fn by_precedence(elements: &[(&str, String)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..elements.len()).collect();
    // The sort is stable, so that equal elements keep the order of the file.
    order.sort_by_key(|index| {
        elements
            .get(*index)
            .is_some_and(|(proto_name, wanted)| *proto_name != unraw(wanted))
    });
    order
}

/// Returns the note for the documentation of an element whose Rust name is not the one derived from its proto name.
pub(crate) fn note(proto_name: &str) -> String {
    format!("(`{proto_name}` in the proto. Renamed because the derived name is taken.)")
}

/// Numbers all but the first of equal names, from two, skipping names that are taken.
fn numbered(wanted: Vec<String>, number: impl Fn(&str, usize) -> String) -> Vec<String> {
    let mut taken: BTreeSet<String> = wanted.iter().cloned().collect();
    let mut seen = BTreeSet::new();
    let mut names = Vec::with_capacity(wanted.len());
    for name in wanted {
        if seen.insert(name.clone()) {
            names.push(name);
            continue;
        }
        let renamed = (2..)
            .map(|n| number(&name, n))
            .find(|renamed| !taken.contains(renamed))
            .unwrap_or(name);
        taken.insert(renamed.clone());
        names.push(renamed);
    }
    names
}

/// Turns a keyword, or a name that starts with a digit, into an identifier. `proto_name` is the original name.
fn identifier(name: &str, proto_name: &str) -> String {
    match name {
        // The name consists of underscores, which the conversion removes. A single underscore is not a name in Rust.
        "" => "_".repeat(proto_name.len().max(2)),
        "as" | "break" | "const" | "continue" | "else" | "enum" | "false" | "fn" | "for" | "if"
        | "impl" | "in" | "let" | "loop" | "match" | "mod" | "move" | "mut" | "pub" | "ref"
        | "return" | "static" | "struct" | "trait" | "true" | "type" | "unsafe" | "use"
        | "where" | "while" | "dyn" | "abstract" | "become" | "box" | "do" | "final" | "macro"
        | "override" | "priv" | "typeof" | "unsized" | "virtual" | "yield" | "async" | "await"
        | "try" | "gen" => format!("r#{name}"),
        "_" | "super" | "self" | "Self" | "extern" | "crate" => format!("{name}_"),
        _ if name.starts_with(|first: char| first.is_numeric()) => format!("_{name}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        for (name, expected) in [
            ("rangeSquare", "range_square"),
            ("streamrangeSquare", "streamrange_square"),
            ("GetHTTPStatus", "get_http_status"),
            ("type", "r#type"),
            ("Async", "r#async"),
            ("gen", "r#gen"),
            ("Self", "self_"),
            ("crate", "crate_"),
            ("_1st", "_1st"),
        ] {
            assert_eq!(snake(name), expected);
        }
        assert_eq!(upper_camel("self"), "Self_");
        assert_eq!(view("Self_"), "SelfView");
        assert_eq!(modules("a.fooBar.type"), ["a", "foo_bar", "r#type"]);
        assert!(modules("").is_empty());
    }

    #[test]
    fn methods_make_way_for_the_stub_and_for_each_other() {
        let names = [
            "New",
            "Clone",
            "GetItem",
            "getItem",
            "get_item_2",
            "Type",
            "type",
            "new",
        ];
        assert_eq!(
            methods(names.into_iter()),
            [
                "new_",
                "clone_",
                "get_item",
                "get_item_3",
                "get_item_2",
                "r#type",
                "type_2",
                "new__2"
            ]
        );
    }

    #[test]
    fn services_make_way_for_messages_and_for_each_other() {
        let types = BTreeSet::from(["FooStub".to_owned(), "M".to_owned()]);
        let names = services(["Foo", "foo", "a_b", "Ab"].into_iter(), &types);
        let stubs: Vec<&str> = names.iter().map(|names| names.stub.as_str()).collect();
        assert_eq!(stubs, ["FooStub_", "Foo2Stub", "ABStub", "AbStub"]);
        let handlers: Vec<&str> = names.iter().map(|names| names.handler.as_str()).collect();
        assert_eq!(
            handlers,
            ["foo_handler", "foo2_handler", "ab_handler", "ab_2_handler"]
        );
        assert_eq!(names[0].servicer, "FooServicer");
        assert_eq!(names[0].blocking_stub, "FooBlockingStub");
        assert_eq!(marker(&types), "M_");
        let types = BTreeSet::from(["FooBlockingStub".to_owned()]);
        let names = services(["Foo", "FooBlocking", "Bar"].into_iter(), &types);
        assert_eq!(names[0].blocking_stub, "FooBlockingStub__");
        assert_eq!(names[1].stub, "FooBlockingStub_");
        assert_eq!(names[2].blocking_stub, "BarBlockingStub");
    }

    #[test]
    fn enum_values() {
        assert_eq!(variant("Kind", "KIND_LARGE", false), "Large");
        assert_eq!(variant("Kind", "KIND_LARGE", true), "KindLarge");
        assert_eq!(variant("Kind", "KIND_2", false), "Kind2");
        assert_eq!(variant("Kind", "KINDLY", false), "Kindly");
        assert_eq!(variant("Kind", "KIND_SELF", false), "Self_");
    }
}
