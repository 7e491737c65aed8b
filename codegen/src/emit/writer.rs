//! Writes formatted Rust line by line.
//!
//! Messages are many and have few forms, so they are written as formatted text. Making tokens and formatting them
//! would take several times as long as the rest of the generator.

use std::fmt::{self, Write as _};

#[derive(Default)]
pub(super) struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    /// Writes a line with the current indentation.
    pub(super) fn line(&mut self, line: fmt::Arguments<'_>) {
        self.indent();
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    /// Writes a line that opens a block.
    pub(super) fn open(&mut self, line: fmt::Arguments<'_>) {
        self.line(line);
        self.depth += 1;
    }

    /// Writes the line that closes a block.
    pub(super) fn close(&mut self) {
        self.close_with("");
    }

    /// Closes a block and writes `end` after the brace.
    pub(super) fn close_with(&mut self, end: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.line(format_args!("}}{end}"));
    }

    /// Writes the line that closes a list.
    pub(super) fn close_list(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.line(format_args!("],"));
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Writes a doc comment.
    pub(super) fn docs(&mut self, lines: &[String]) {
        for line in lines {
            let space = if line.is_empty() { "" } else { " " };
            self.line(format_args!("///{space}{line}"));
        }
    }

    /// Writes the user's attributes.
    pub(super) fn attributes(&mut self, attributes: &[String]) {
        for attribute in attributes {
            self.line(format_args!("{attribute}"));
        }
    }

    pub(super) fn deprecated(&mut self, deprecated: bool) {
        if deprecated {
            self.line(format_args!("#[deprecated]"));
        }
    }

    /// Returns the number of modules around the next line. Call it only at the beginning of an item, where no other
    /// block is open.
    pub(super) fn modules(&self) -> usize {
        self.depth
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn indent(&mut self) {
        for _ in 0..self.depth {
            self.text.push_str("    ");
        }
    }
}
