//! Small calls beside large ones, with tonic.

use bench_options::work::BesideOptions;

mod proto {
    tonic::include_proto!("work");
}

use proto::Payload;
use proto::work_client::WorkClient;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = BesideOptions::from_args();
    options.runtime().block_on(async {
        let client = WorkClient::connect(format!("http://{}", options.address)).await?;
        let call = move |bytes| {
            let mut client = client.clone();
            async move {
                let body = vec![7; bytes];
                let answer = if bytes == BesideOptions::BYTES {
                    client.bulk(Payload { body }).await
                } else {
                    client.at_once(Payload { body }).await
                };
                let body = answer.expect("an answer").into_inner().body;
                assert_eq!(body.len(), bytes);
            }
        };
        options.run(call).await;
        Ok(())
    })
}
