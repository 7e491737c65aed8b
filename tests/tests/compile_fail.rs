//! What must not compile: the four shapes of methods, pinned.
//!
//! A case in `compile_fail/` is compiled by the compiler of this crate, against the library of this crate. In each, a
//! comment `from here` and one `to here` mark the lines in which all errors have to be. What the compiler says beyond that
//! is its own, and changes with it: the texts, in `.stderr` files, are compared when `STUBWRIGHT_EXACT_ERRORS` is `1`, which
//! is for one compiler only, and written when it is `write`.

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CASES: &str = "tests/compile_fail";

#[test]
fn a_servicer_of_the_right_shapes_compiles() {
    let output = compile("passes", "short");
    assert!(output.status.success(), "{}", stderr(&output));
}

/// A test per case.
macro_rules! fails {
    ($($case:ident)*) => {
        $(#[test]
        fn $case() {
            fails_between_its_marks(stringify!($case));
        })*

        #[test]
        fn every_case_is_a_test() {
            let mut cases: Vec<_> = fs::read_dir(CASES)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
                .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
                .collect();
            cases.sort();
            let mut tests = vec!["passes", $(stringify!($case)),*];
            tests.sort();
            assert_eq!(cases, tests);
        }
    };
}

fails!(
    bidi_in_a_future
    forgotten_method
    future_is_not_send
    one_request_for_many
    other_interface
    stream_in_a_future
    stream_is_not_send
    unary_without_async
    wrong_item
    wrong_request
);

#[test]
fn the_error_of_another_interface_says_what_to_do() {
    let output = compile("other_interface", "short");
    let advice =
        "use the same version of stubwright and stubwright-codegen, and generate the code again";
    assert!(stderr(&output).contains(advice), "{}", stderr(&output));
}

fn fails_between_its_marks(case: &str) {
    let output = compile(case, "short");
    let errors = stderr(&output);
    assert!(!output.status.success(), "{case} compiles");
    let marked = marked_lines(case);
    let lines: Vec<_> = errors
        .lines()
        .filter_map(|line| error_line(case, line))
        .collect();
    assert!(!lines.is_empty(), "no error is in {case}:\n{errors}");
    let outside = lines.iter().find(|line| !marked.contains(line));
    assert_eq!(
        outside, None,
        "an error is outside of {marked:?}:\n{errors}"
    );
    // Errors that are nowhere in the case, such as a library that cannot be loaded, prove nothing.
    let count = errors
        .lines()
        .filter(|line| line.contains(": error"))
        .count();
    assert_eq!(count, lines.len(), "an error is elsewhere:\n{errors}");
    match env::var("STUBWRIGHT_EXACT_ERRORS").as_deref() {
        Ok("1") => compare(case, false),
        Ok("write") => compare(case, true),
        _ => {}
    }
}

/// The lines in which a case has to fail.
fn marked_lines(case: &str) -> RangeInclusive<usize> {
    let text = fs::read_to_string(source(case)).unwrap();
    let line = |mark: &str| 1 + text.lines().position(|line| line.contains(mark)).unwrap();
    line("from here")..=line("to here")
}

/// The line of an error in the compiler's short format, `path:line:column: error: message`.
fn error_line(case: &str, text: &str) -> Option<usize> {
    let (path, rest) = text.split_once(".rs:")?;
    let mut parts = rest.splitn(3, ':');
    let line = parts.next()?.parse().ok()?;
    let is_error = parts.nth(1)?.trim_start().starts_with("error");
    (is_error && path.ends_with(case)).then_some(line)
}

/// Compares the whole text of the errors with what it was, or writes it.
fn compare(case: &str, write: bool) {
    let path = source(case).with_extension("stderr");
    let text = normalized(&stderr(&compile(case, "human")));
    if write {
        fs::write(path, text).unwrap();
    } else {
        let expected = fs::read_to_string(path).unwrap_or_default();
        assert_eq!(text, expected, "\n{text}\nis not what {case}.stderr has");
    }
}

/// Notes about a file in the target directory, whose name has a hash.
const PASSING_NOTES: [&str; 2] = [
    "= note: the full name for the type has been written to",
    "= note: consider using `--verbose`",
];

/// Without what depends on the machine or on lines of generated files.
fn normalized(text: &str) -> String {
    let text = text.replace(env!("TESTS_OUT_DIR"), "$OUT_DIR");
    let mut normalized = String::new();
    let mut listing = false;
    for line in text.lines() {
        let content = line.trim_start();
        // The types that have a trait depend on the features that other crates ask for.
        let in_list = listing && !content.starts_with(['|', '=']) && !content.starts_with("note:");
        listing = in_list || content.starts_with("= help: the following other types");
        if listing || PASSING_NOTES.iter().any(|note| content.starts_with(note)) {
            continue;
        }
        let unnumbered = content.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let line = if content.len() > unnumbered.len() && unnumbered.starts_with(" |") {
            format!("LL{unnumbered}")
        } else if let Some(place) = content.strip_prefix("--> ") {
            format!("  --> {}", without_position(place))
        } else if let Some(place) = content.strip_prefix("::: ") {
            format!("  ::: {}", without_position(place))
        } else if content.starts_with('|') || content.starts_with("= ") {
            format!("   {content}")
        } else {
            line.to_owned()
        };
        writeln!(normalized, "{}", line.trim_end()).unwrap();
    }
    normalized
}

fn without_position(place: &str) -> &str {
    if place.starts_with(CASES) {
        return place;
    }
    place.split_once(".rs:").map_or(place, |(path, _)| path)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn source(case: &str) -> PathBuf {
    Path::new(CASES).join(case).with_extension("rs")
}

fn compile(case: &str, format: &str) -> Output {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut library = OsString::from("stubwright_tests=");
    library.push(library_of_this_crate());
    Command::new(env!("TESTS_RUSTC"))
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata"])
        .arg(format!("--error-format={format}"))
        .args(["--crate-name", case])
        .arg("--out-dir")
        .arg(directory)
        .arg("-L")
        .arg(dependencies())
        .arg("--extern")
        .arg(library)
        .arg(source(case))
        .output()
        .unwrap()
}

/// Where cargo has put the libraries that this test was linked with: beside it.
fn dependencies() -> PathBuf {
    let mut path = env::current_exe().unwrap();
    path.pop();
    path
}

/// There may be several, of other features: whatever was built last is whole.
fn library_of_this_crate() -> PathBuf {
    let libraries = fs::read_dir(dependencies()).unwrap().filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        let is_library = name.starts_with("libstubwright_tests-") && name.ends_with(".rlib");
        is_library.then_some((entry.metadata().ok()?.modified().ok()?, entry.path()))
    });
    let newest = libraries
        .max()
        .expect("cargo has built the library of this crate");
    newest.1
}
