//! A progress bar on the terminal while many files are read.

use std::io::{self, IsTerminal as _, Write as _};

/// The minimum number of files for which the bar is shown. Fewer are read too quickly for a bar.
const MANY: usize = 100;
const WIDTH: usize = 40;

/// Returns the function that shows the progress, if there are many files and standard error is a terminal.
pub fn wanted(files: usize) -> Option<fn(usize, usize)> {
    (files >= MANY && io::stderr().is_terminal()).then_some(tell as fn(usize, usize))
}

fn tell(done: usize, all: usize) {
    // An error of the terminal must not fail the generation.
    let _ = write!(io::stderr(), "\r{}", bar(done, all));
}

/// Clears the line of the bar. Does nothing if there is no bar.
pub fn done() {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
}

fn bar(done: usize, all: usize) -> String {
    let filled = (done * WIDTH).checked_div(all).unwrap_or(WIDTH).min(WIDTH);
    format!(
        "[{}{}] {done}/{all}",
        "=".repeat(filled),
        " ".repeat(WIDTH - filled)
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_bar_grows() {
        assert!(super::bar(0, 200).starts_with("[ "));
        assert!(super::bar(100, 200).contains("[==================== "));
        assert!(super::bar(200, 200).ends_with("=] 200/200"));
        assert!(super::bar(0, 0).ends_with("=] 0/0"));
    }
}
