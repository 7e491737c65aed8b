//! A backend, which responds with its name.

use std::path::Path;

use stubwright::{Metadata, Result, Server, ServicerContext};

use crate::backends::v1::{
    BackendsServicer, WhoAreYouRequest, WhoAreYouResponse, add_backends_servicer_to_server,
};

/// Metadata key of the number that nginx gives its connection with the client.
pub const CONNECTION: &str = "connection-number";

struct Named(&'static str);

impl BackendsServicer for Named {
    async fn who_are_you(
        &self,
        _request: WhoAreYouRequest,
        context: &ServicerContext,
    ) -> Result<WhoAreYouResponse> {
        if let Some(number) = context.invocation_metadata().get(CONNECTION) {
            let mut trailing = Metadata::new();
            trailing.append(CONNECTION, number)?;
            context.set_trailing_metadata(trailing);
        }
        Ok(WhoAreYouResponse {
            name: self.0.to_owned(),
        })
    }
}

/// Serves on the unix socket `NAME.sock` in a directory until the server is dropped.
pub async fn serve(name: &'static str, directory: &Path) -> Result<Server> {
    let mut server = Server::new();
    add_backends_servicer_to_server(Named(name), &mut server);
    server
        .add_unix_port(directory.join(format!("{name}.sock")))
        .await?;
    server.start()?;
    Ok(server)
}
