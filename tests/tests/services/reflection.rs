//! `grpc.reflection`: the descriptors of a server, in both versions of the protocol.

use bytes::Bytes;
use stubwright::prost::Message as _;
use stubwright::prost_types::FileDescriptorProto;
use stubwright::reflection::v1::server_reflection_request::MessageRequest;
use stubwright::reflection::v1::server_reflection_response::MessageResponse;
use stubwright::reflection::v1::{
    ExtensionRequest, ServerReflectionRequest, ServerReflectionResponse, ServerReflectionStub,
};
use stubwright::reflection::v1alpha;
use stubwright::{Channel, Code, Handlers, Raw, Server};
use stubwright_tests::Probe;
use stubwright_tests::pb::described::{DescribedServicer, add_described_servicer_to_server};
use stubwright_tests::pb::probe::v1::add_probe_servicer_to_server;

use crate::{started, within};

struct Described;

impl DescribedServicer for Described {}

/// Starts a server with reflection registered between two services, and health and a method without generated code after them.
async fn server() -> (Server, Channel) {
    let mut server = Server::new();
    add_described_servicer_to_server(Described, &mut server);
    server.add_reflection();
    add_probe_servicer_to_server(Probe::new().0, &mut server);
    let _ = server.add_health();
    let echo = async |request: Bytes, _context| Ok::<Bytes, _>(request);
    server.add_handlers(Handlers::new().unary_unary("/named.Named/Echo", Raw, echo));
    started(server).await
}

fn request(question: MessageRequest) -> ServerReflectionRequest {
    ServerReflectionRequest {
        host: "example.com".to_owned(),
        message_request: Some(question),
    }
}

/// Sends questions in one call. Returns the answers.
pub async fn ask(channel: &Channel, questions: Vec<MessageRequest>) -> Vec<MessageResponse> {
    let stub = ServerReflectionStub::new(channel.clone());
    let requests: Vec<_> = questions.into_iter().map(request).collect();
    let mut call = stub.server_reflection_info(requests.clone());
    let mut answers = Vec::new();
    for request in requests {
        let response = within(call.message()).await.unwrap();
        let response = response.expect("each request should have an answer");
        assert_eq!(response.valid_host, "example.com");
        assert_eq!(response.original_request, Some(request));
        answers.extend(response.message_response);
    }
    assert!(within(call.message()).await.unwrap().is_none());
    answers
}

/// Returns the names of the files in an answer.
pub fn files(answer: &MessageResponse) -> Vec<String> {
    let MessageResponse::FileDescriptorResponse(files) = answer else {
        panic!("no files: {answer:?}");
    };
    let files = files.file_descriptor_proto.iter().map(|bytes| {
        let file = FileDescriptorProto::decode(bytes.clone()).unwrap();
        assert!(file.source_code_info.is_none());
        file.name().to_owned()
    });
    files.collect()
}

fn error(answer: &MessageResponse) -> (Option<Code>, &str) {
    let MessageResponse::ErrorResponse(error) = answer else {
        panic!("no error: {answer:?}");
    };
    let code = u32::try_from(error.error_code).unwrap();
    (Code::from_number(code), &error.error_message)
}

pub fn symbol(name: &str) -> MessageRequest {
    MessageRequest::FileContainingSymbol(name.to_owned())
}

fn extension(message: &str, number: i32) -> MessageRequest {
    MessageRequest::FileContainingExtension(ExtensionRequest {
        containing_type: message.to_owned(),
        extension_number: number,
    })
}

fn services(response: ServerReflectionResponse) -> Vec<String> {
    let Some(MessageResponse::ListServicesResponse(list)) = response.message_response else {
        panic!("no list: {response:?}");
    };
    list.service
        .into_iter()
        .map(|service| service.name)
        .collect()
}

#[tokio::test]
async fn every_service_is_listed_whenever_it_was_registered() {
    let (_server, channel) = server().await;
    let list = [request(MessageRequest::ListServices(String::new()))];
    let expected = [
        "described.Described",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "named.Named",
        "probe.v1.Probe",
    ];
    let mut call = ServerReflectionStub::new(channel.clone()).server_reflection_info(list.clone());
    let response = within(call.message()).await.unwrap();
    assert_eq!(services(response.unwrap()), expected);
    let mut call = v1alpha::ServerReflectionStub::new(channel).server_reflection_info(list);
    let response = within(call.message()).await.unwrap();
    assert_eq!(services(response.unwrap()), expected);
}

#[tokio::test]
async fn files_come_with_their_imports_once_in_a_call() {
    let (_server, channel) = server().await;
    let file = |name: &str| MessageRequest::FileByFilename(name.to_owned());
    let questions = vec![
        file("described/options.proto"),
        file("described.proto"),
        file("described/options.proto"),
        file("grpc/health/v1/health.proto"),
    ];
    let answers = ask(&channel, questions).await;
    let expected: [&[&str]; 4] = [
        &[
            "described/options.proto",
            "google/protobuf/descriptor.proto",
        ],
        &["described.proto", "google/protobuf/timestamp.proto"],
        &["described/options.proto"],
        &["grpc/health/v1/health.proto"],
    ];
    for (answer, expected) in answers.iter().zip(expected) {
        assert_eq!(files(answer), expected);
    }
    // Files that were sent in another call are sent again.
    let answers = ask(&channel, vec![file("described.proto")]).await;
    assert_eq!(
        files(&answers[0]),
        [
            "described.proto",
            "described/options.proto",
            "google/protobuf/timestamp.proto",
            "google/protobuf/descriptor.proto",
        ]
    );
}

#[tokio::test]
async fn everything_with_a_name_is_found() {
    let (_server, channel) = server().await;
    let names = [
        ("described.Described", "described.proto"),
        ("described.Described.Describe", "described.proto"),
        ("described.Request", "described.proto"),
        ("described.Request.at", "described.proto"),
        ("described.Request.question", "described.proto"),
        ("described.Request.Nested", "described.proto"),
        ("described.Request.Nested.kind", "described.proto"),
        ("described.Request.Nested.Kind", "described.proto"),
        ("described.Request.Nested.KIND_NONE", "described.proto"),
        ("described.Colour", "described.proto"),
        ("described.COLOUR_NONE", "described.proto"),
        ("described.options.audience", "described/options.proto"),
        ("described.options.note", "described/options.proto"),
        ("described.options.Holder.inner", "described/options.proto"),
        (
            "google.protobuf.Timestamp",
            "google/protobuf/timestamp.proto",
        ),
        (
            "google.protobuf.FileOptions",
            "google/protobuf/descriptor.proto",
        ),
        ("probe.v1.Probe", "probe.proto"),
        ("grpc.health.v1.Health.Watch", "grpc/health/v1/health.proto"),
    ];
    for (name, file) in names {
        let answers = ask(&channel, vec![symbol(name)]).await;
        assert_eq!(files(&answers[0])[0], file, "{name}");
    }
}

#[tokio::test]
async fn extensions_are_found_by_their_numbers() {
    let (_server, channel) = server().await;
    let numbers = |name: &str| MessageRequest::AllExtensionNumbersOfType(name.to_owned());
    let answers = ask(
        &channel,
        vec![
            numbers("described.options.Extensible"),
            numbers("google.protobuf.MethodOptions"),
            numbers("described.Request"),
            extension("described.options.Extensible", 100),
            extension("google.protobuf.MethodOptions", 50001),
        ],
    )
    .await;
    for (answer, expected) in answers.iter().zip([&[100, 120][..], &[50001], &[]]) {
        let MessageResponse::AllExtensionNumbersResponse(answer) = answer else {
            panic!("no numbers: {answer:?}");
        };
        assert_eq!(answer.extension_number, expected);
    }
    assert_eq!(files(&answers[3])[0], "described/options.proto");
    assert_eq!(files(&answers[4])[0], "described/options.proto");
}

#[tokio::test]
async fn a_missing_symbol_is_an_error_and_the_call_goes_on() {
    let (_server, channel) = server().await;
    let questions = vec![
        MessageRequest::FileByFilename("missing.proto".to_owned()),
        symbol("described"),
        symbol("described.Request.missing"),
        extension("described.options.Extensible", 7),
        extension("described.Missing", 100),
        MessageRequest::AllExtensionNumbersOfType("described.Colour".to_owned()),
        symbol("described.Request"),
    ];
    let answers = ask(&channel, questions).await;
    let (last, errors) = answers.split_last().unwrap();
    for answer in errors {
        let (code, message) = error(answer);
        assert_eq!(code, Some(Code::NotFound), "{message}");
        assert!(message.contains('"'), "{message} names nothing");
    }
    assert_eq!(files(last)[0], "described.proto");

    let nothing = [ServerReflectionRequest::default()];
    let mut call = ServerReflectionStub::new(channel).server_reflection_info(nothing);
    let response = within(call.message()).await.unwrap().unwrap();
    let (code, message) = error(response.message_response.as_ref().unwrap());
    assert_eq!(
        (code, message),
        (
            Some(Code::InvalidArgument),
            "the request contains no question"
        )
    );
}

/// prost would drop custom options, and tools depend on them.
#[tokio::test]
async fn custom_options_survive() {
    let (_server, channel) = server().await;
    let answers = ask(&channel, vec![symbol("described.Described")]).await;
    let MessageResponse::FileDescriptorResponse(files) = &answers[0] else {
        panic!("no files: {answers:?}");
    };
    let option = b"\x8a\xb5\x18\x10whoever reflects";
    let file = &files.file_descriptor_proto[0];
    assert!(file.windows(option.len()).any(|part| part == option));
}
