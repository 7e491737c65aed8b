//! Formatted Rust, line by line. Messages are many and their forms few, so they are written as they stand in the file: to make
//! tokens of them and text of these takes several times as long as everything else that the generator does.

use std::fmt::{self, Write as _};

#[derive(Default)]
pub(super) struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    /// A line, indented as it has to be.
    pub(super) fn line(&mut self, line: fmt::Arguments<'_>) {
        self.indent();
        // To write to a string cannot fail.
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    /// A line that opens a block.
    pub(super) fn open(&mut self, line: fmt::Arguments<'_>) {
        self.line(line);
        self.depth += 1;
    }

    /// The line that closes a block.
    pub(super) fn close(&mut self) {
        self.close_with("");
    }

    /// The same with something behind the brace.
    pub(super) fn close_with(&mut self, end: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.line(format_args!("}}{end}"));
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A doc comment.
    pub(super) fn docs(&mut self, lines: &[String]) {
        for line in lines {
            let space = if line.is_empty() { "" } else { " " };
            self.line(format_args!("///{space}{line}"));
        }
    }

    /// Attributes that the user asked for.
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

    /// How many modules the next line is in. At the beginning of an item nothing else is open.
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
