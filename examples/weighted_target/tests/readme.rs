//! Runs the code of the README.

#[path = "../../../tests/support/readme.rs"]
mod readme;

#[test]
fn the_readme_runs() {
    let binaries = [("weighted_target", env!("CARGO_BIN_EXE_weighted_target"))];
    readme::run(include_str!("../README.md"), &binaries, &[]);
}
