//! Hostile input, row 75: reflection of services that each have a `common.proto`.

use stubwright::prost::Message as _;
use stubwright::prost_types::FileDescriptorProto;
use stubwright::reflection::v1::server_reflection_request::MessageRequest;
use stubwright::reflection::v1::server_reflection_response::MessageResponse;
use stubwright::{Channel, Server};
use stubwright_tests::log;
use stubwright_tests::twins::first::twins::one::{OneServicer, add_one_servicer_to_server};
use stubwright_tests::twins::second::twins::two::{TwoServicer, add_two_servicer_to_server};
use stubwright_tests::twins::third::twins::three::{ThreeServicer, add_three_servicer_to_server};

use crate::reflection::{ask, files, symbol};
use crate::{started, within};

struct Twin;

impl OneServicer for Twin {}
impl TwoServicer for Twin {}
impl ThreeServicer for Twin {}

async fn server() -> (Server, Channel) {
    let mut server = Server::new();
    add_one_servicer_to_server(Twin, &mut server);
    add_two_servicer_to_server(Twin, &mut server);
    server.add_reflection();
    started(server).await
}

fn file(name: &str) -> MessageRequest {
    MessageRequest::FileByFilename(name.to_owned())
}

/// Returns the fields of the first message in the last file of an answer.
fn fields(answer: &MessageResponse) -> Vec<String> {
    let MessageResponse::FileDescriptorResponse(files) = answer else {
        panic!("no files: {answer:?}");
    };
    let last = files.file_descriptor_proto.last().unwrap().clone();
    let file = FileDescriptorProto::decode(last).unwrap();
    let fields = file.message_type[0].field.iter();
    fields.map(|field| field.name().to_owned()).collect()
}

#[tokio::test]
async fn row_75_imports_are_those_of_the_service() {
    let (_server, channel) = server().await;
    // In one call, and in separate calls.
    let both = [symbol("twins.one.One"), symbol("twins.two.Two")];
    let mut answers = ask(&channel, both.to_vec()).await;
    for question in both {
        answers.extend(ask(&channel, vec![question]).await);
    }
    for (answer, expected) in answers.iter().zip(["name", "number", "name", "number"]) {
        assert_eq!(files(answer), ["service.proto", "common.proto"]);
        assert_eq!(fields(answer), [expected]);
    }
}

#[tokio::test]
async fn row_75_a_name_that_two_have_is_that_of_the_service_before() {
    let (_server, channel) = server().await;
    for (service, expected) in [("twins.two.Two", "number"), ("twins.one.One", "name")] {
        let questions = vec![symbol(service), file("common.proto")];
        let answers = ask(&channel, questions).await;
        assert_eq!(fields(&answers[1]), [expected], "{service}");
    }
    for (message, expected) in [("one", "name"), ("two", "number")] {
        let question = symbol(&format!("twins.{message}.common.Item"));
        let answers = ask(&channel, vec![question]).await;
        assert_eq!(fields(&answers[0]), [expected]);
    }
}

/// A service can be registered before and after reflection.
#[tokio::test]
async fn row_75_conflicts_of_names_are_logged() {
    log::collect();
    let _server = server().await;
    let words = "twins.one.One and twins.two.Two have different files that are called common.proto";
    within(log::event(&[
        "WARN",
        "conflict of names in reflection",
        words,
    ]))
    .await;

    let mut server = Server::new();
    add_one_servicer_to_server(Twin, &mut server);
    server.add_reflection();
    add_three_servicer_to_server(Twin, &mut server);
    let (_server, channel) = started(server).await;
    let words = "twins.one.One and twins.three.Three have different files that declare twins.one.common.Item: common.proto and items.proto";
    within(log::event(&[
        "WARN",
        "conflict of names in reflection",
        words,
    ]))
    .await;
    for (service, expected) in [("twins.three.Three", "other"), ("twins.one.One", "name")] {
        let questions = vec![symbol(service), symbol("twins.one.common.Item")];
        let answers = ask(&channel, questions).await;
        assert_eq!(fields(&answers[1]), [expected], "{service}");
    }
}
