//! The guide: how to write servers and clients, one task a page.
//!
//! Each page begins with the code for its task, and links to the next page.
//!
//! | page | what it answers |
//! |---|---|
//! | [`first_service`] | How do I write a service, serve it, call it and stop it? How do handlers share state? |
//! | [`streaming`] | How do I send and receive many messages in a call? |
//! | [`deadlines_cancellation_retries`] | How long may a call take, how is it cancelled, when is it made again? How does it wait for a server? |
//! | [`errors`] | How do I return an error, with details, and how do I read it? |
//! | [`metadata`] | How do I send and read headers and trailers? Where does a call come from? |
//! | [`interceptors`] | How do I log, check or change all calls? |
//! | [`tls_and_credentials`] | How do I encrypt, and how do both sides prove who they are? |
//! | [`load_balancing`] | How do I spread calls over several servers? |
//! | [`limits_and_keepalive`] | How large may messages be? What must I set for production, behind a load balancer, in Kubernetes? |
//! | [`testing`] | How do I test a servicer, or code that makes calls? |
//! | [`generating_code`] | How do `.proto` files become Rust? |
//! | [`messages`] | How do I use messages, enums and oneofs? |
//! | [`coming_from_tonic`] | What is different from tonic? |
//! | [`coming_from_grpc_python`] | What is each part of gRPC Python here? |
//! | [`troubleshooting`] | What does this error mean, and what do I do about it? |
//! | [`grpc_options`] | For reference: which method sets each `grpc.*` option? |
//! | [`limits`] | For reference: all limits and their defaults |
//! | [`hostile_input`] | For reference: how the runtime responds to broken and hostile peers |
//!
//! # The service of the examples
//!
//! All pages use this service:
//!
//! ```proto
#![doc = include_str!("../docs/notes/notes.proto")]
//! ```
//!
//! In the examples, `mod notes` is the code that is generated for it. [`first_service`] shows how it gets into your crate.

/// Declares the pages of the guide. Their examples use all features, so they are tested with the feature `full` alone.
macro_rules! pages {
    ($($page:ident)*) => {$(
        #[cfg_attr(
            any(not(doctest), feature = "full"),
            doc = include_str!(concat!("../docs/", stringify!($page), ".md"))
        )]
        pub mod $page {}
    )*};
}

pages! {
    first_service
    streaming
    deadlines_cancellation_retries
    errors
    metadata
    interceptors
    tls_and_credentials
    load_balancing
    limits_and_keepalive
    testing
    generating_code
    messages
    coming_from_tonic
    coming_from_grpc_python
    troubleshooting
    grpc_options
    limits
    hostile_input
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// The table names the methods that the search of the documentation finds by gRPC's names, and no others.
    #[test]
    fn each_method_in_the_table_of_options_has_its_option_as_an_alias() {
        let table: BTreeSet<_> = include_str!("../docs/grpc_options.md")
            .lines()
            .filter_map(|line| line.strip_prefix("| `grpc."))
            .filter(|row| !row.contains("no equivalent: "))
            .flat_map(|row| {
                let (option, methods) = row.split_once("` | ").unwrap();
                let links = methods.split("](crate::").skip(1);
                let methods = links.map(|link| link.split(')').next().unwrap());
                methods.map(move |method| {
                    let (_, name) = method.rsplit_once("::").unwrap();
                    (format!("grpc.{option}"), name.to_owned())
                })
            })
            .collect();
        assert!(table.len() > 30);
        let mut aliases = BTreeSet::new();
        read_aliases(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut aliases,
        );
        let missing: Vec<_> = table.difference(&aliases).collect();
        assert!(missing.is_empty(), "without an alias: {missing:?}");
        let unnamed: Vec<_> = aliases.difference(&table).collect();
        assert!(unnamed.is_empty(), "not in the table: {unnamed:?}");
    }

    /// Reads the aliases of methods and fields that are options of gRPC.
    fn read_aliases(folder: &Path, aliases: &mut BTreeSet<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read_aliases(&path, aliases);
                continue;
            }
            let mut options = Vec::new();
            let text = fs::read(path).unwrap();
            for line in String::from_utf8_lossy(&text).lines().map(str::trim) {
                if let Some(alias) = line.strip_prefix("#[doc(alias = \"") {
                    let alias = alias.trim_end_matches("\")]");
                    options.extend(alias.starts_with("grpc.").then(|| alias.to_owned()));
                } else if let Some(item) = line.strip_prefix("pub ") {
                    let item = item.trim_start_matches("fn ");
                    let name = item.split(['(', '<', ':']).next().unwrap();
                    aliases.extend(options.drain(..).map(|option| (option, name.to_owned())));
                }
            }
        }
    }

    /// The guide can be read from front to back: each page links the one before and the one after it, in the order of the table.
    #[test]
    fn pages_are_linked_in_the_order_of_the_table() {
        let text = include_str!("manual.rs");
        let rows = text
            .lines()
            .filter_map(|line| line.strip_prefix("//! | [`"));
        let pages: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
        assert!(pages.len() >= 13);
        for (place, page) in pages.iter().enumerate() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/{page}.md"));
            let text = fs::read_to_string(path).unwrap();
            let mut links = Vec::new();
            if let Some(previous) = place.checked_sub(1).and_then(|before| pages.get(before)) {
                links.push(format!(
                    "Previous: [`{previous}`](crate::manual::{previous})"
                ));
            }
            links.push("[Contents](crate::manual)".to_owned());
            if let Some(next) = pages.get(place + 1) {
                links.push(format!("Next: [`{next}`](crate::manual::{next})"));
            }
            let links = format!("\n---\n\n{}\n", links.join(" · "));
            assert!(text.ends_with(&links), "{page}.md must end with:{links}");
        }
    }

    /// Each text of an error that the guide explains is in the sources.
    #[test]
    fn explained_errors_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut sources = String::new();
        let mut folders = vec![root.join("src")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    sources.push_str(&fs::read_to_string(path).unwrap());
                }
            }
        }
        let page = fs::read_to_string(root.join("docs/troubleshooting.md")).unwrap();
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
        let texts: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
        assert!(texts.len() >= 25);
        for part in texts.iter().flat_map(|text| text.split('…')) {
            assert!(sources.contains(part.trim()), "no error says {part:?}");
        }
    }
}
