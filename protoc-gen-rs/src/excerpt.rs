//! The line of a `.proto` file that an error is about.

use std::fs;
use std::path::PathBuf;

/// Returns the error with an excerpt below its first line: the line of the file that it names, if one of the directories
/// has the file.
pub fn shown(fault: &str, includes: &[PathBuf]) -> String {
    let (first, rest) = fault.split_once('\n').unwrap_or((fault, ""));
    let rest = if rest.is_empty() {
        String::new()
    } else {
        format!("\n{rest}")
    };
    match excerpt(first, includes) {
        Some(excerpt) => format!("{first}\n{excerpt}{rest}"),
        None => format!("{first}{rest}"),
    }
}

fn excerpt(fault: &str, includes: &[PathBuf]) -> Option<String> {
    let (file, line, column) = place(fault)?;
    let texts = includes.iter().map(|include| include.join(file));
    let text = texts
        .chain([file.into()])
        .find_map(|path| fs::read_to_string(path).ok())?;
    let source = text.lines().nth(line.checked_sub(1)?)?;
    // Tabs are kept, so that the mark below has the same indentation.
    let indent: String = source
        .chars()
        .take(column.checked_sub(1)?)
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let margin = " ".repeat(line.to_string().len());
    Some(format!(
        "{margin} |\n{line} | {source}\n{margin} | {indent}^"
    ))
}

/// Parses the file, the line and the column of `file:line:column: …`.
fn place(fault: &str) -> Option<(&str, usize, usize)> {
    let (place, _) = fault.split_once(": ")?;
    let (rest, column) = place.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some((file, line.parse().ok()?, column.parse().ok()?))
}
