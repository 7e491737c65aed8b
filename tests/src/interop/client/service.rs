//! The service under test: its stub, with the metadata that all calls send.

use stubwright::{CallOptions, Channel, IntoRequests, Prost, StreamingCall, UnaryCall};

use crate::pb::grpc::testing::{
    Empty, Payload, ResponseParameters, SimpleRequest, SimpleResponse, StreamingInputCallRequest,
    StreamingInputCallResponse, StreamingOutputCallRequest, StreamingOutputCallResponse,
    TestServiceStub, UnimplementedServiceStub,
};

/// Calls of `grpc.testing.TestService`, and of the service that servers do not implement.
pub(super) struct Service {
    channel: Channel,
    stub: TestServiceStub,
    metadata: Vec<(String, String)>,
}

impl Service {
    pub(super) fn new(channel: Channel, metadata: Vec<(String, String)>) -> Service {
        let stub = TestServiceStub::new(channel.clone());
        Service {
            channel,
            stub,
            metadata,
        }
    }

    pub(super) fn channel(&self) -> &Channel {
        &self.channel
    }

    pub(super) fn empty_call(&self) -> UnaryCall<Empty, Empty> {
        self.with_metadata(self.stub.empty_call(Empty {}))
    }

    pub(super) fn unary_call(
        &self,
        request: SimpleRequest,
    ) -> UnaryCall<SimpleRequest, SimpleResponse> {
        self.with_metadata(self.stub.unary_call(request))
    }

    pub(super) fn unimplemented_call(&self) -> UnaryCall<Empty, Empty> {
        self.with_metadata(self.stub.unimplemented_call(Empty {}))
    }

    pub(super) fn unimplemented_service(&self) -> UnaryCall<Empty, Empty> {
        let stub = UnimplementedServiceStub::new(self.channel.clone());
        self.with_metadata(stub.unimplemented_call(Empty {}))
    }

    pub(super) fn streaming_input_call<M>(
        &self,
        requests: impl IntoRequests<StreamingInputCallRequest, M>,
    ) -> UnaryCall<StreamingInputCallRequest, StreamingInputCallResponse> {
        self.with_metadata(self.stub.streaming_input_call(requests))
    }

    /// Makes the call as a stream of responses, which can be cancelled and then returns its status. A unary call
    /// could only be dropped.
    pub(super) fn cancellable_input_call<M>(
        &self,
        requests: impl IntoRequests<StreamingInputCallRequest, M>,
    ) -> StreamingCall<StreamingInputCallResponse> {
        let method = "/grpc.testing.TestService/StreamingInputCall";
        self.with_metadata(self.channel.stream_stream(method, Prost, requests))
    }

    pub(super) fn streaming_output_call(
        &self,
        request: StreamingOutputCallRequest,
    ) -> StreamingCall<StreamingOutputCallResponse> {
        self.with_metadata(self.stub.streaming_output_call(request))
    }

    pub(super) fn full_duplex_call<M>(
        &self,
        requests: impl IntoRequests<StreamingOutputCallRequest, M>,
    ) -> StreamingCall<StreamingOutputCallResponse> {
        self.with_metadata(self.stub.full_duplex_call(requests))
    }

    /// Adds the metadata to a call.
    fn with_metadata<C: CallOptions>(&self, call: C) -> C {
        let pairs = self.metadata.iter();
        pairs.fold(call, |call, (key, value)| call.metadata(key, value))
    }
}

/// Returns a payload of zeros.
pub(super) fn payload(size: usize) -> Option<Payload> {
    Some(Payload {
        body: vec![0; size],
        ..Payload::default()
    })
}

/// Sizes of the description's large requests and responses, in bytes.
pub(super) const LARGE_REQUEST: usize = 271_828;
pub(super) const LARGE_RESPONSE: usize = 314_159;

/// Returns a large request for a large response.
pub(super) fn large_request() -> SimpleRequest {
    SimpleRequest {
        response_size: size(LARGE_RESPONSE),
        payload: payload(LARGE_REQUEST),
        ..SimpleRequest::default()
    }
}

/// Returns a request with a payload of one size for one response with a payload of the other.
pub(super) fn duplex_request(request: usize, response: usize) -> StreamingOutputCallRequest {
    StreamingOutputCallRequest {
        response_parameters: vec![parameters(response)],
        payload: payload(request),
        ..StreamingOutputCallRequest::default()
    }
}

/// Returns the parameters of one response.
pub(super) fn parameters(response: usize) -> ResponseParameters {
    ResponseParameters {
        size: size(response),
        ..ResponseParameters::default()
    }
}

/// Converts a size to the type that messages use.
pub(super) fn size(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}
