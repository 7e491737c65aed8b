//! Runs the commands of the README.

#[path = "../../../tests/support/readme.rs"]
mod readme;

#[test]
fn the_readme_runs() {
    let binaries = [
        (
            "route_guide-server",
            env!("CARGO_BIN_EXE_route_guide-server"),
        ),
        (
            "route_guide-client",
            env!("CARGO_BIN_EXE_route_guide-client"),
        ),
    ];
    readme::run(include_str!("../README.md"), &binaries, &[]);
}
