"""A Python server of gRPC's public interoperability tests: `grpc.testing.TestService`."""

import concurrent.futures
import contextlib
import time

import grpc
from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_tools import protoc

from harness import CHECK, ROOT

INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"


@contextlib.contextmanager
def serving(directory, credentials=None):
    """Starts a synchronous server on a free port, with credentials if there are any. Yields its port."""
    handlers = grpc.method_handlers_generic_handler("grpc.testing.TestService", TestService(directory).handlers())
    with concurrent.futures.ThreadPoolExecutor(max_workers=16) as pool:
        server = grpc.server(pool, handlers=[handlers])
        if credentials is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        try:
            yield port
        finally:
            server.stop(0).wait(CHECK)


class TestService:
    """Follows its requests. Python cannot tell whether a request was compressed."""

    def __init__(self, directory):
        self.methods = descriptor(directory).methods_by_name

    def handlers(self):
        """Returns the handlers by method. UnimplementedCall has none, as the description requires."""
        return {
            "EmptyCall": self.handler(grpc.unary_unary_rpc_method_handler, "EmptyCall", self.empty),
            "UnaryCall": self.handler(grpc.unary_unary_rpc_method_handler, "UnaryCall", self.unary),
            "StreamingInputCall": self.handler(grpc.stream_unary_rpc_method_handler, "StreamingInputCall", self.input),
            "StreamingOutputCall": self.handler(
                grpc.unary_stream_rpc_method_handler, "StreamingOutputCall", lambda one, context: self.duplex([one], context)
            ),
            "FullDuplexCall": self.handler(grpc.stream_stream_rpc_method_handler, "FullDuplexCall", self.duplex),
        }

    def handler(self, kind, method, behaviour):
        request = message_factory.GetMessageClass(self.methods[method].input_type)
        return kind(behaviour, request.FromString, lambda response: response.SerializeToString())

    def response(self, method, **fields):
        return message_factory.GetMessageClass(self.methods[method].output_type)(**fields)

    def empty(self, request, context):
        return self.response("EmptyCall")

    def unary(self, request, context):
        echo(context)
        end(request, context)
        if request.response_compressed.value:
            context.set_compression(grpc.Compression.Gzip)
        payload = {"body": bytes(request.response_size)}
        return self.response("UnaryCall", payload=payload, server_id="python" if request.fill_server_id else "")

    def input(self, requests, context):
        size = sum(len(request.payload.body) for request in requests)
        return self.response("StreamingInputCall", aggregated_payload_size=size)

    def duplex(self, requests, context):
        context.set_compression(grpc.Compression.Gzip)
        echo(context)
        for request in requests:
            for parameters in request.response_parameters:
                time.sleep(parameters.interval_us / 1e6)
                if not parameters.compressed.value:
                    context.disable_next_message_compression()
                yield self.response("FullDuplexCall", payload={"body": bytes(parameters.size)})
            end(request, context)


def echo(context):
    """Echoes two pairs of the metadata, one as initial metadata and one as trailing metadata."""
    pairs = dict(context.invocation_metadata())
    if TRAILING in pairs:
        context.set_trailing_metadata([(TRAILING, pairs[TRAILING])])
    if INITIAL in pairs:
        context.send_initial_metadata([(INITIAL, pairs[INITIAL])])


def end(request, context):
    """Ends the call with the status that the request asks for."""
    if request.response_status.code:
        [code] = [code for code in grpc.StatusCode if code.value[0] == request.response_status.code]
        context.abort(code, request.response_status.message)


def descriptor(directory):
    """Returns the descriptor of the service. Its generated code would be in the package `grpc`, which is gRPC's own."""
    protos, output = ROOT / "tests/protos", directory / "test_service.bin"
    status = protoc.main(
        ["protoc", f"-I{protos}", "--include_imports", f"--descriptor_set_out={output}", "grpc/testing/test.proto"]
    )
    if status != 0:
        raise RuntimeError("protoc could not read the interop protos")
    pool = DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file:
        pool.Add(file)
    return pool.FindServiceByName("grpc.testing.TestService")
