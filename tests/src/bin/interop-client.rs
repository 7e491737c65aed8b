//! The client of gRPC's public interoperability tests, with the flags of the other languages' clients. It runs one
//! case. If the case fails, it prints the expectation and the result.

use std::process::ExitCode;

use stubwright_tests::interop::Flags;
use stubwright_tests::interop::client::{CASES, FLAGS, Failure, Target, run};

#[tokio::main]
async fn main() -> ExitCode {
    match test().await {
        Ok(case) => {
            println!("OK: {case}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn test() -> Result<String, Failure> {
    let flags = Flags::parse(std::env::args().skip(1), FLAGS)?;
    let target = Target::from_flags(&flags)?;
    let Some(case) = flags.get("test_case") else {
        return Err(format!("--test_case names a case: {}", CASES.join(", ")).into());
    };
    run(case, &target).await?;
    Ok(case.to_owned())
}
