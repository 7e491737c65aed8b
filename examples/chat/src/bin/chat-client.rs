//! Holds a conversation. A generator sends messages, and the replies are printed as they arrive.

use std::process::ExitCode;

use async_stream::stream;
use chat::chat::{ChatMessage, ChatServiceStub};
use stubwright::{Channel, Result};

const USAGE: &str = "usage: chat-client --addr HOST:PORT";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ["--addr", address] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match talk(address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(status) => {
            eprintln!("chat-client: {status}");
            ExitCode::FAILURE
        }
    }
}

async fn talk(address: &str) -> Result<()> {
    let stub = ChatServiceStub::new(Channel::insecure(address)?);
    let said = stream! {
        for msg in ["hello", "how are you?", "bye"] {
            println!("me: {msg}");
            yield ChatMessage { user: "me".into(), msg: msg.into() };
        }
    };
    let mut answers = stub.chat(said);
    while let Some(answer) = answers.message().await? {
        println!("{}: {}", answer.user, answer.msg);
    }
    println!("the call has ended: {:?}", answers.code());
    Ok(())
}
