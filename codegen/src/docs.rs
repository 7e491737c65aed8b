//! Converts comments of proto files to Markdown for rustdoc.
//!
//! Comments in protos have no agreed format. Harmless Markdown is kept. Anything that rustdoc would run as a doctest,
//! resolve as a link to an item, or warn about is escaped or fenced as text.

/// Converts one comment to lines that are safe for rustdoc, without trailing blank lines.
pub(crate) fn lines(comment: &str) -> Vec<String> {
    let mut writer = Writer::default();
    for line in dedented(comment) {
        writer.line(&line);
    }
    writer.finish()
}

/// Splits a comment into lines. Removes control characters, tabs, trailing spaces and common indentation.
fn dedented(comment: &str) -> Vec<String> {
    let lines: Vec<String> = comment.lines().map(plain).collect();
    let shared = lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| indentation(line))
        .min()
        .unwrap_or(0);
    let dedent = |line: &String| line.get(shared..).unwrap_or_default().to_owned();
    lines.iter().map(dedent).collect()
}

/// Removes characters that the Rust compiler refuses in comments: bare carriage returns, and marks that reorder text.
fn plain(line: &str) -> String {
    let kept = line
        .replace('\t', "    ")
        .chars()
        .filter(|c| {
            !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        })
        .collect::<String>();
    kept.trim_end().to_owned()
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Block that the writer is in.
#[derive(Default)]
enum Block {
    #[default]
    Prose,
    /// A fenced block: the character and the length of its opening fence, and its indentation.
    Fenced {
        mark: char,
        length: usize,
        indent: usize,
    },
    /// An indented block, and its indentation. Markdown would take it for Rust, so it is written as a fenced block.
    Indented { indent: usize },
}

/// Fence around text blocks. It is longer than the fences found in real protos, so that the content does not close
/// it.
const FENCE: &str = "````";

#[derive(Default)]
struct Writer {
    lines: Vec<String>,
    block: Block,
    /// Blank lines that were read but not yet written. Those at the end of a block are written after it.
    blank: usize,
}

impl Writer {
    fn line(&mut self, line: &str) {
        match self.block {
            Block::Fenced {
                mark,
                length,
                indent,
            } => {
                if closes(line, mark, length) {
                    self.blanks();
                    self.close();
                } else {
                    self.literal(line, indent);
                }
            }
            Block::Indented { indent } => {
                if line.is_empty() || indentation(line) >= 4 {
                    self.literal(line, indent);
                } else {
                    self.close();
                    self.prose(line);
                }
            }
            Block::Prose => self.prose(line),
        }
    }

    fn prose(&mut self, line: &str) {
        if line.is_empty() {
            self.blank += 1;
            return;
        }
        let text = line.trim_start_matches(' ');
        let indent = indentation(line);
        let after_blank = self.blank > 0 || self.lines.is_empty();
        if let Some((mark, length, indent)) = fence_or_item(text, indent) {
            self.open(Block::Fenced {
                mark,
                length,
                indent,
            });
        } else if indent >= 4 && after_blank && list_item(text).is_none() {
            self.open(Block::Indented { indent });
            self.literal(line, indent);
        } else {
            self.blanks();
            // More than three spaces would begin a code block after a heading or inside a list.
            let margin = " ".repeat(indent.min(3));
            let text = item(text);
            self.lines.push(format!("{margin}{text}"));
        }
    }

    fn open(&mut self, block: Block) {
        self.blanks();
        self.lines.push(format!("{FENCE}text"));
        self.block = block;
    }

    fn close(&mut self) {
        self.lines.push(FENCE.to_owned());
        self.block = Block::Prose;
    }

    fn literal(&mut self, line: &str, indent: usize) {
        if line.is_empty() {
            self.blank += 1;
            return;
        }
        self.blanks();
        let text = line.get(indent.min(indentation(line))..).unwrap_or(line);
        // A fence of this length inside the block would end it.
        self.lines.push(text.replace(FENCE, "'''"));
    }

    /// Writes at most one blank line, because several mean the same.
    fn blanks(&mut self) {
        if std::mem::take(&mut self.blank) > 0 && !self.lines.is_empty() {
            self.lines.push(String::new());
        }
    }

    fn finish(mut self) -> Vec<String> {
        if !matches!(self.block, Block::Prose) {
            self.close();
        }
        self.lines
    }
}

/// Returns the character and the length of the fence that `text` opens.
fn fence(text: &str) -> Option<(char, usize)> {
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = text.chars().take_while(|c| *c == mark).count();
    let info = text.get(length..).unwrap_or_default();
    (length >= 3 && !(mark == '`' && info.contains('`'))).then_some((mark, length))
}

/// Returns the character, the length and the column of the fence that `text` opens.
///
/// The fence may be the item of a list. The marker of the list is then dropped.
fn fence_or_item(text: &str, indent: usize) -> Option<(char, usize, usize)> {
    if let Some((mark, length)) = fence(text) {
        return Some((mark, length, indent));
    }
    let (_, rest) = list_item(text)?;
    fence_or_item(rest, indent + text.len() - rest.len())
}

fn closes(line: &str, mark: char, length: usize) -> bool {
    let text = line.trim();
    text.chars().all(|c| c == mark) && text.len() >= length
}

/// Formats a line that may be a list item, nested ones included. One space follows each marker: five would begin a
/// code block.
fn item(text: &str) -> String {
    match list_item(text) {
        Some((marker, rest)) => format!("{marker} {}", item(rest)),
        // The delimiter row of a table. In a table, bars end code spans and links.
        None if text.contains('|') && text.chars().all(|c| "|-: ".contains(c)) => {
            format!("\\{text}")
        }
        None => inline(text),
    }
}

/// Splits a list item into its marker and its text.
fn list_item(text: &str) -> Option<(&str, &str)> {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let marker = match text.chars().nth(digits)? {
        '-' | '*' | '+' if digits == 0 => 1,
        '.' | ')' if (1..=9).contains(&digits) => digits + 1,
        _ => return None,
    };
    let (marker, rest) = text.split_at_checked(marker)?;
    rest.starts_with(' ')
        .then(|| (marker, rest.trim_start_matches(' ')))
}

/// Escapes brackets, HTML and block quotes in one line of prose, and makes links of bare URLs.
fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '\\' => backslash(&mut out, rest),
            '`' => code(&mut out, rest),
            '[' => link(&mut out, rest),
            ']' => escaped(&mut out, first),
            '<' => angle(&mut out, rest),
            '>' if out.is_empty() => escaped(&mut out, first),
            'h' if url_length(rest) > 0 => {
                let length = url_length(rest);
                out.push('<');
                let taken = copied(&mut out, rest, length);
                out.push('>');
                taken
            }
            _ => copied(&mut out, rest, first.len_utf8()),
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    out
}

fn copied(out: &mut String, rest: &str, length: usize) -> usize {
    out.push_str(rest.get(..length).unwrap_or(rest));
    length
}

fn escaped(out: &mut String, character: char) -> usize {
    out.push('\\');
    out.push(character);
    character.len_utf8()
}

/// Copies a backslash and the punctuation that it escapes. A lone backslash is escaped, so that it does not escape
/// the text that follows it.
fn backslash(out: &mut String, rest: &str) -> usize {
    let next = rest.chars().nth(1);
    if next.is_some_and(|c| c.is_ascii_punctuation()) {
        copied(out, rest, 2)
    } else {
        escaped(out, '\\')
    }
}

/// Copies a code span that ends on the same line. Other backticks are escaped.
fn code(out: &mut String, rest: &str) -> usize {
    let ticks = rest.chars().take_while(|c| *c == '`').count();
    let mut at = ticks;
    while let Some(found) = rest.get(at..).and_then(|tail| tail.find('`')) {
        let start = at + found;
        let run = rest
            .get(start..)
            .map_or(0, |tail| tail.chars().take_while(|c| *c == '`').count());
        at = start + run;
        if run == ticks {
            return copied(out, rest, at);
        }
    }
    for _ in 0..ticks {
        out.push_str("\\`");
    }
    ticks
}

/// Copies the link `[text](https://…)`. Any other bracket is escaped, since rustdoc would resolve it as the name of
/// an item.
fn link(out: &mut String, rest: &str) -> usize {
    let length = rest.find("](").and_then(|end| {
        let text = rest.get(1..end)?;
        let target = rest.get(end + 2..)?;
        let url = url_length(target);
        let plain = !text.contains(['[', ']', '<', '`', '\\']);
        (plain && url > 0 && target.get(url..)?.starts_with(')')).then_some(end + 2 + url + 1)
    });
    match length {
        Some(length) => copied(out, rest, length),
        None => escaped(out, '['),
    }
}

/// Copies the link `<https://…>`. Any other angle bracket is escaped, since it could be HTML.
fn angle(out: &mut String, rest: &str) -> usize {
    let url = rest.get(1..).map_or(0, url_length);
    if url > 0
        && rest
            .get(1 + url..)
            .is_some_and(|tail| tail.starts_with('>'))
    {
        copied(out, rest, url + 2)
    } else {
        escaped(out, '<')
    }
}

/// Returns the length of the URL at the start of `text`, without the punctuation that ends a sentence.
fn url_length(text: &str) -> usize {
    let Some(scheme) = ["https://", "http://"]
        .into_iter()
        .find(|scheme| text.starts_with(scheme))
    else {
        return 0;
    };
    let end = text
        .find(|c: char| {
            c.is_whitespace() || matches!(c, '<' | '>' | '`' | '"' | '(' | ')' | '[' | ']' | '\\')
        })
        .unwrap_or(text.len());
    let url = text.get(..end).unwrap_or_default();
    let url = url.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_']);
    if url.len() > scheme.len() {
        url.len()
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::lines;

    fn assert_lines(comment: &str, expected: &[&str]) {
        assert_eq!(lines(comment), expected, "{comment:?}");
    }

    #[test]
    fn prose_stays_as_it_is() {
        assert_lines("", &[]);
        assert_lines(
            " One.\n\n\n Two *words*.  \n\n",
            &["One.", "", "Two *words*."],
        );
        assert_lines("One,\n two.", &["One,", " two."]);
        assert_lines(
            " - item\n   goes on\n 1. one\n",
            &["- item", "  goes on", "1. one"],
        );
    }

    #[test]
    fn fences_become_text() {
        assert_lines("```\nx\n```\n", &["````text", "x", "````"]);
        assert_lines(
            "a\n  ~~~rust\n  x\n\n   y\n ~~\n  ~~~~ \nb",
            &["a", "````text", "x", "", " y", "~~", "````", "b"],
        );
        assert_lines("```a`b```\nc", &["```a`b```", "c"]);
        assert_lines("~~~\n`````\n", &["````text", "'''`", "````"]);
        assert_lines(
            "- 1. ```\n     x\n     ```\ny",
            &["````text", "x", "````", "y"],
        );
    }

    #[test]
    fn indented_blocks_become_text() {
        assert_lines("    x\n\ty\n", &["x", "y"]);
        assert_lines(
            "a\n\n    x\n\n      y\n\nb",
            &["a", "", "````text", "x", "", "  y", "````", "", "b"],
        );
        assert_lines("a\n    no block", &["a", "   no block"]);
        assert_lines("# a\n     no block", &["# a", "   no block"]);
        assert_lines("- a\n\n    - b\n-     c", &["- a", "", "   - b", "- c"]);
        assert_lines("- 1.      x", &["- 1. x"]);
        assert_lines("a\n>     x", &["a", "\\>     x"]);
    }

    #[test]
    fn links_of_rustdoc_are_escaped() {
        assert_lines("[a] [b][c] \\[d\\]", &["\\[a\\] \\[b\\]\\[c\\] \\[d\\]"]);
        assert_lines("`[a] <b>` ``c ` d``", &["`[a] <b>` ``c ` d``"]);
        assert_lines("\\https://a.b \\", &["\\\\<https://a.b> \\\\"]);
        assert_lines("`odd [a]", &["\\`odd \\[a\\]"]);
        assert_lines(
            "[a](b) [a](https://b.c/d)",
            &["\\[a\\](b) [a](https://b.c/d)"],
        );
        assert_lines("<a> a < b", &["\\<a> a \\< b"]);
    }

    #[test]
    fn tables_are_text() {
        assert_lines("| a |\n|---|\n- :-|-:", &["| a |", "\\|---|", "- \\:-|-:"]);
        assert_lines("a | `b | c`\n---", &["a | `b | c`", "---"]);
    }

    #[test]
    fn bare_links_become_links() {
        assert_lines("See http://a.b/c?d=e.", &["See <http://a.b/c?d=e>."]);
        assert_lines(
            "(https://a.b) <https://a.b>",
            &["(<https://a.b>) <https://a.b>"],
        );
        assert_lines("https:// http:/a", &["https:// http:/a"]);
    }

    #[test]
    fn characters_that_rustc_refuses_are_left_out() {
        assert_lines("a\u{202e}b\u{2066}\rc\u{0}", &["abc"]);
        assert_lines("ä [ö] ü\n\u{a0}é", &["ä \\[ö\\] ü", "\u{a0}é"]);
    }
}
