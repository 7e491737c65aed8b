//! State shared by everything that is lowered from one file.

use super::table;
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
    /// Set if messages have tables.
    pub(super) tables: Option<&'a table::Lowering<'a>>,
}

impl File<'_> {
    /// Returns whether one of the user's patterns matches the element.
    pub(super) fn is(&self, patterns: &[String], element: &str) -> bool {
        patterns
            .iter()
            .any(|pattern| paths::matches(pattern, element))
    }

    /// Returns whether deprecated types are marked as such.
    ///
    /// The code of a proto without a package is in a module of the user's. Nothing there can allow the warnings that
    /// the derives of a deprecated type would cause.
    pub(super) fn deprecates_types(&self) -> bool {
        !self.module.is_empty()
    }

    /// Returns the comment in the proto, or `sentence` if there is none. Returns nothing if the user has turned
    /// comments off.
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
