//! What everything that is lowered from one file shares.

use crate::config::Config;
use crate::fields::Syntax;
use crate::graph::Graph;
use crate::paths;
use crate::resolve::Resolver;
use crate::source::Source;

pub(super) struct File<'a> {
    pub(super) package: &'a str,
    /// The Rust module of the package.
    pub(super) module: &'a [String],
    pub(super) syntax: Syntax,
    pub(super) source: Source<'a>,
    pub(super) resolver: &'a Resolver,
    pub(super) graph: &'a Graph,
    pub(super) config: &'a Config,
}

impl File<'_> {
    /// Whether one of the user's patterns means the element.
    pub(super) fn is(&self, patterns: &[String], element: &str) -> bool {
        patterns
            .iter()
            .any(|pattern| paths::matches(pattern, element))
    }

    /// Whether a type is marked as deprecated if the proto says so. Without a package the code stands in a module of the
    /// user's, in which nothing stops the warnings about what is derived for the type itself.
    pub(super) fn deprecates_types(&self) -> bool {
        !self.module.is_empty()
    }

    /// The comment of the proto, or a sentence that says what the element is, or nothing if the user wants no comments.
    pub(super) fn docs(
        &self,
        path: &[i32],
        element: &str,
        otherwise: impl FnOnce() -> String,
    ) -> Vec<String> {
        if self.is(&self.config.disable_comments, element) {
            return Vec::new();
        }
        let mut docs = self.source.docs(path);
        if docs.is_empty() {
            docs.push(otherwise());
        }
        docs
    }
}
