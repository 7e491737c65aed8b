//! A replica: the service, and the process that serves it.

use std::error::Error;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use stubwright::{Result, Server, ServicerContext};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::replicas::v1::{
    ReplicasServicer, WhoAreYouRequest, WhoAreYouResponse, add_replicas_servicer_to_server,
};

/// Prefix of the line that a server prints when it listens. Its address follows.
const LISTENING: &str = "listening on ";

struct Named(String);

impl ReplicasServicer for Named {
    async fn who_are_you(
        &self,
        _request: WhoAreYouRequest,
        _context: &ServicerContext,
    ) -> Result<WhoAreYouResponse> {
        // Calls take a moment, so that some are open when the server is killed.
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(WhoAreYouResponse {
            name: self.0.clone(),
        })
    }
}

/// Serves until it is killed.
pub async fn serve(name: &str, address: &str) -> std::result::Result<(), Box<dyn Error>> {
    let mut server = Server::new();
    add_replicas_servicer_to_server(Named(name.to_owned()), &mut server);
    let address = server.add_insecure_port(address).await?;
    server.start()?;
    println!("{LISTENING}{address}");
    server.wait_for_termination().await;
    Ok(())
}

/// A replica in a process of its own. It is killed when this is dropped.
pub struct Replica {
    process: Child,
    pub address: String,
}

impl Replica {
    /// Starts this program again as a server.
    pub async fn start(name: &str, address: &str) -> io::Result<Replica> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", name, address])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let printed = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let first = BufReader::new(printed).lines().next_line().await?;
        let address = first
            .as_deref()
            .and_then(|line| line.strip_prefix(LISTENING));
        let address =
            address.ok_or_else(|| io::Error::other(format!("server {name} did not start")))?;
        Ok(Replica {
            address: address.to_owned(),
            process,
        })
    }

    /// Kills the process, as in a crash.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.process.kill().await
    }
}
