//! Small calls beside large ones, with Stubwright.

use bench_options::work::BesideOptions;
use stubwright::{Channel, Result};

stubwright::include_protos!();

use work::{Payload, WorkStub};

fn main() -> Result<()> {
    let options = BesideOptions::from_args();
    options.runtime().block_on(async {
        let stub = WorkStub::new(Channel::insecure(options.address.to_string())?);
        let call = move |bytes| {
            let stub = stub.clone();
            async move {
                let body = vec![7; bytes];
                let answer = if bytes == BesideOptions::BYTES {
                    stub.bulk(Payload { body }).await
                } else {
                    stub.at_once(Payload { body }).await
                };
                assert_eq!(answer.expect("an answer").body.len(), bytes);
            }
        };
        options.run(call).await;
        Ok(())
    })
}
