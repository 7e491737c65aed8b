//! The servicer of both versions of the protocol.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::index::{Index, SentFiles};
use super::v1::server_reflection_request::MessageRequest;
use super::v1::server_reflection_response::MessageResponse;
use super::v1::{
    ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse,
    ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
};
use super::{v1, v1alpha};
use crate::base::log;
use crate::private::Descriptors;
use crate::{Code, Handlers, RequestStream, Result, ServicerContext, Stream, stream};

/// The services of a server, with their descriptors if their code has them. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Services(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    services: BTreeMap<String, Option<&'static Descriptors>>,
    /// Set if services were added since names were last checked for conflicts.
    is_unchecked: bool,
    is_enabled: bool,
    /// The conflicts that were logged.
    logged: BTreeSet<String>,
}

impl Services {
    pub(crate) fn add(&self, name: &str, descriptors: Option<&'static Descriptors>) {
        let mut known = self.locked();
        known.services.insert(name.to_owned(), descriptors);
        known.is_unchecked = true;
    }

    /// Logs conflicting names, once reflection is enabled. Clients that cache descriptors by name can then only use one of the
    /// services at a time.
    pub(crate) fn check(&self) {
        let mut known = self.locked();
        if known.is_enabled && std::mem::take(&mut known.is_unchecked) {
            for conflict in Index::new(&known.services).conflicts() {
                if !known.logged.contains(&conflict) {
                    log::reflection_conflict(&conflict);
                    known.logged.insert(conflict);
                }
            }
        }
    }

    fn index(&self) -> Index {
        Index::new(&self.locked().services)
    }

    fn locked(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the handlers of both services. They report all services that `services` contains when they are first called.
pub(crate) fn handlers(services: Services) -> Handlers {
    services.locked().is_enabled = true;
    services.check();
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
    /// Built by the first request, so that a server without such requests does not decode its descriptors.
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
            let index = self.index.get_or_init(|| self.services.index());
            let mut client = SentFiles::default();
            while let Some(request) = requests.message().await? {
                responses.send(response(index, &mut client, request)).await;
            }
            Ok(())
        })
    }
}

/// Responds to one request of a call.
fn response(
    index: &Index,
    client: &mut SentFiles,
    request: ServerReflectionRequest,
) -> ServerReflectionResponse {
    let answer = request.message_request.as_ref().map_or_else(
        || {
            Err((
                Code::InvalidArgument,
                "the request contains no question".to_owned(),
            ))
        },
        |question| answer(index, client, question).map_err(|what| (Code::NotFound, what)),
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

/// Returns the response to a question. The error describes what was not found.
fn answer(
    index: &Index,
    client: &mut SentFiles,
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
            .file(client, name)
            .ok_or_else(|| format!("no file is called {name:?}"))?,
        MessageRequest::FileContainingSymbol(name) => index
            .file_of_symbol(client, name)
            .ok_or_else(|| format!("nothing is called {name:?}"))?,
        MessageRequest::FileContainingExtension(extension) => {
            let (name, number) = (&extension.containing_type, extension.extension_number);
            index
                .file_of_extension(client, name, number)
                .ok_or_else(|| format!("{name:?} has no extension with the number {number}"))?
        }
    };
    Ok(MessageResponse::FileDescriptorResponse(
        FileDescriptorResponse {
            file_descriptor_proto: index.with_imports(file, client),
        },
    ))
}
