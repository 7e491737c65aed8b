//! The servicer. It relies on the interceptor in front of it.

use stubwright::{Result, ServicerContext, Status};

use crate::auth::v1::{OpenReply, OpenRequest, VaultServicer};
use crate::tokens::User;

/// Tells each user a secret.
#[derive(Debug)]
pub struct Vault;

impl VaultServicer for Vault {
    async fn open(&self, _request: OpenRequest, context: &ServicerContext) -> Result<OpenReply> {
        let user = context.extensions().get::<User>();
        let user =
            user.ok_or_else(|| Status::internal("no interceptor has authenticated the caller"))?;
        Ok(OpenReply {
            user: user.0.clone(),
            secret: format!("the middle letter is {}", middle(&user.0)),
        })
    }
}

fn middle(name: &str) -> char {
    name.chars()
        .nth(name.chars().count() / 2)
        .unwrap_or_default()
}
