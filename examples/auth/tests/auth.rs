//! Tests of the interceptor and the servicer, separately and together, in-process.

use auth::auth::v1::{OpenRequest, VaultServicer, VaultStub, add_vault_servicer_to_server};
use auth::{Tokens, User, Vault, token};
use stubwright::testing::TestCall;
use stubwright::{Code, Server};

#[tokio::test]
async fn the_servicer_answers_an_authenticated_user() {
    let call = TestCall::new();
    call.context().extensions().insert(User("ada".into()));
    let reply = Vault.open(OpenRequest {}, call.context()).await.unwrap();
    assert_eq!(reply.user, "ada");
}

#[tokio::test]
async fn the_servicer_refuses_an_unauthenticated_call() {
    let call = TestCall::new();
    let error = Vault.open(OpenRequest {}, call.context()).await;
    assert_eq!(error.unwrap_err().code(), Code::Internal);
}

#[tokio::test]
async fn the_interceptor_accepts_only_known_tokens() {
    let tokens = Tokens::new(&[("ada-42", "ada"), ("grace-43", "grace")]);
    let mut server = Server::builder().interceptor(tokens).build();
    add_vault_servicer_to_server(Vault, &mut server);
    let stub = VaultStub::new(server.in_process_channel());
    for (own, user) in [("ada-42", "ada"), ("grace-43", "grace")] {
        let reply = stub.open(OpenRequest {}).credentials(token(own)).await;
        assert_eq!(reply.unwrap().user, user);
    }
    for guessed in ["ada-4", "ada-422", "ADA-42", ""] {
        let reply = stub.open(OpenRequest {}).credentials(token(guessed)).await;
        let error = reply.unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated, "{guessed}");
        assert_eq!(error.message(), "Invalid signature");
    }
    let error = stub.open(OpenRequest {}).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
}
