//! The client of gRPC's public interoperability tests. It has one function for each case of their description. The error
//! of a failed case has the expectation and the result.

mod cancellation;
mod compression;
mod expect;
mod metadata;
mod service;
mod soak;
mod statuses;
mod streaming;
mod target;
mod unary;

use std::error::Error;
use std::result::Result;

pub use self::target::{FLAGS, Target};

/// The reason why a case failed.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The result of a case.
type Outcome = Result<(), Failure>;

/// Names the cases by the module that has them. Each is a function with the name of the case.
macro_rules! cases {
    ($($module:ident: $($case:ident)+;)+) => {
        /// The names of all cases.
        pub const CASES: &[&str] = &[$($(stringify!($case)),+),+];

        /// Runs a case. Returns `None` if no case has that name.
        async fn run_known(case: &str, target: &Target) -> Option<Outcome> {
            Some(match case {
                $($(stringify!($case) => $module::$case(target).await,)+)+
                _ => return None,
            })
        }
    };
}

cases! {
    unary: empty_unary large_unary concurrent_large_unary pick_first_unary;
    streaming: client_streaming server_streaming ping_pong empty_stream;
    compression: client_compressed_unary client_compressed_streaming server_compressed_unary server_compressed_streaming;
    metadata: custom_metadata;
    statuses: status_code_and_message special_status_message unimplemented_method unimplemented_service;
    cancellation: cancel_after_begin cancel_after_first_response timeout_on_sleeping_server;
    soak: rpc_soak channel_soak;
}

/// Cases of the description that are not implemented, and what they need.
const NOT_HERE: [(&str, &str); 9] = [
    (
        "cacheable_unary",
        "GET requests, which gRPC no longer makes, and a proxy that keeps responses",
    ),
    ("compute_engine_creds", CLOUD),
    ("jwt_token_creds", CLOUD),
    ("oauth2_auth_token", CLOUD),
    ("per_rpc_creds", CLOUD),
    ("google_default_credentials", CLOUD),
    ("compute_engine_channel_credentials", CLOUD),
    ("orca_per_rpc", LOAD_REPORTS),
    ("orca_oob", LOAD_REPORTS),
];

const CLOUD: &str = "an account in Google's cloud";
const LOAD_REPORTS: &str = "a load balancer that reads servers' load reports, a part of xDS";

/// Runs a case against a server.
///
/// # Errors
/// Returns the expectation and the result of a failed case, or the names of all cases if the case is unknown.
pub async fn run(case: &str, target: &Target) -> Result<(), Failure> {
    match run_known(case, target).await {
        Some(outcome) => outcome.map_err(|failure| format!("{case}: {failure}").into()),
        None => Err(unknown(case)),
    }
}

fn unknown(case: &str) -> Failure {
    let needs = NOT_HERE.iter().find(|(name, _)| *name == case);
    let why = match needs {
        Some((_, needs)) => format!("the case {case} is not implemented: it needs {needs}"),
        None => format!("there is no case {case:?}"),
    };
    format!("{why}; the cases are {}", CASES.join(", ")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_an_unknown_case_lists_the_known_ones() {
        let failure = unknown("empty_unray").to_string();
        assert!(
            failure.starts_with(r#"there is no case "empty_unray"; the cases are empty_unary, "#)
        );
        assert!(failure.ends_with(", channel_soak"), "{failure}");
    }

    #[test]
    fn the_error_for_a_cloud_case_says_what_it_needs() {
        let failure = unknown("jwt_token_creds").to_string();
        assert!(failure.contains("it needs an account"), "{failure}");
    }
}
