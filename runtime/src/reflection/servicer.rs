//! The servicer of both versions of the protocol.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::index::Index;
use super::v1::server_reflection_request::MessageRequest;
use super::v1::server_reflection_response::MessageResponse;
use super::v1::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse,
    ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
};
use super::{v1, v1alpha};
use crate::private::Descriptors;
use crate::{Code, Handlers, RequestStream, Result, ServicerContext, Stream, stream};

/// The services of a server, with their descriptors if their code has them. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Services(Arc<Mutex<BTreeMap<&'static str, Option<&'static Descriptors>>>>);

impl Services {
    pub(crate) fn add(&self, name: &'static str, descriptors: Option<&'static Descriptors>) {
        self.locked().insert(name, descriptors);
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<&'static str, Option<&'static Descriptors>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handlers of both services, which tell of all that are in `services` when they are first asked.
pub(crate) fn handlers(services: Services) -> Handlers {
    let reflection = Reflection {
        services,
        index: Arc::default(),
    };
    v1::server_reflection_handler(reflection.clone())
        .merge(v1alpha::server_reflection_handler(reflection))
}

#[derive(Clone)]
struct Reflection {
    services: Services,
    /// Made by the first request: a server that nobody asks does not read its descriptors.
    index: Arc<OnceLock<Index>>,
}

impl v1::ServerReflectionServicer for Reflection {
    fn server_reflection_info(
        &self,
        requests: RequestStream<ServerReflectionRequest>,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<ServerReflectionResponse>> + Send {
        self.answers(requests)
    }
}

impl v1alpha::ServerReflectionServicer for Reflection {
    fn server_reflection_info(
        &self,
        requests: RequestStream<ServerReflectionRequest>,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<ServerReflectionResponse>> + Send {
        self.answers(requests)
    }
}

impl Reflection {
    fn answers(
        &self,
        mut requests: RequestStream<ServerReflectionRequest>,
    ) -> impl Stream<Item = Result<ServerReflectionResponse>> + Send {
        stream(async move |mut responses| {
            let index = self
                .index
                .get_or_init(|| Index::new(&self.services.locked()));
            let mut sent = BTreeSet::new();
            while let Some(request) = requests.message().await? {
                responses.send(response(index, &mut sent, request)).await;
            }
            Ok(())
        })
    }
}

/// Answers one request. `sent` are the files that the call has sent.
fn response(
    index: &Index,
    sent: &mut BTreeSet<usize>,
    request: ServerReflectionRequest,
) -> ServerReflectionResponse {
    let answer = request.message_request.as_ref().map_or_else(
        || {
            Err((
                Code::InvalidArgument,
                "the request asks for nothing".to_owned(),
            ))
        },
        |question| answer(index, sent, question).map_err(|what| (Code::NotFound, what)),
    );
    let message_response = answer.unwrap_or_else(|(code, error_message)| {
        MessageResponse::ErrorResponse(ErrorResponse {
            error_code: i32::from(code as u8),
            error_message,
        })
    });
    ServerReflectionResponse {
        valid_host: request.host.clone(),
        original_request: Some(request),
        message_response: Some(message_response),
    }
}

/// What was asked for; an error says what is not there.
fn answer(
    index: &Index,
    sent: &mut BTreeSet<usize>,
    question: &MessageRequest,
) -> Result<MessageResponse, String> {
    let file = match question {
        MessageRequest::ListServices(_) => {
            let service = index.services.iter().map(|name| ServiceResponse {
                name: (*name).to_owned(),
            });
            return Ok(MessageResponse::ListServicesResponse(ListServiceResponse {
                service: service.collect(),
            }));
        }
        MessageRequest::AllExtensionNumbersOfType(name) => {
            let numbers = index.extension_numbers(name);
            let numbers = numbers.ok_or_else(|| format!("no message is called {name:?}"))?;
            return Ok(MessageResponse::AllExtensionNumbersResponse(
                ExtensionNumberResponse {
                    base_type_name: name.clone(),
                    extension_number: numbers,
                },
            ));
        }
        MessageRequest::FileByFilename(name) => index
            .file(name)
            .ok_or_else(|| format!("no file is called {name:?}"))?,
        MessageRequest::FileContainingSymbol(name) => index
            .file_of_symbol(name)
            .ok_or_else(|| format!("nothing is called {name:?}"))?,
        MessageRequest::FileContainingExtension(extension) => {
            let (name, number) = (&extension.containing_type, extension.extension_number);
            index
                .file_of_extension(name, number)
                .ok_or_else(|| format!("{name:?} has no extension with the number {number}"))?
        }
    };
    Ok(MessageResponse::FileDescriptorResponse(
        FileDescriptorResponse {
            file_descriptor_proto: index.with_imports(file, sent),
        },
    ))
}
