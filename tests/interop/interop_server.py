"""Python runs the cases of the public interop description that Ruby's client lacks, with interop-server."""

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from compressed import counted, small
from harness import CALL, Program, equal
from python_client import failure

# Sizes of the description, in bytes.
REQUEST, RESPONSE = 271_828, 314_159


def run(checks, interop_server):
    with Program(interop_server, "--port=0") as server:
        for name, check in CASES.items():
            checks(f"Python calls interop-server: {name}", check, server.address)


def special_status_message(address):
    message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    with Service(address) as service:
        error = failure(lambda: service.unary(response_status={"code": 2, "message": message}))
    equal((error.code(), error.details()), (grpc.StatusCode.UNKNOWN, message))


def server_compressed_unary(address):
    for compressed in (True, False):
        with Service(address) as service:
            response = service.unary(response_size=RESPONSE, response_compressed={"value": compressed})
            equal(len(response.payload.body), RESPONSE)
            # The descriptors add a few KiB.
            check_size(service.down, RESPONSE, compressed)


def server_compressed_streaming(address):
    large = 92_653
    parameters = [{"size": 31_415, "compressed": {"value": True}}, {"size": large, "compressed": {"value": False}}]
    for order in (parameters, parameters[::-1]):
        with Service(address) as service:
            responses = list(service.output(response_parameters=order))
            sizes = [len(response.payload.body) for response in responses]
            equal(sizes, [one["size"] for one in order])
            down = service.down()
            assert large < down < large + 31_415, f"{down} bytes of responses"


def rpc_soak(address):
    with Service(address) as service:
        for _ in range(200):
            response = service.unary(response_size=RESPONSE, payload={"body": bytes(REQUEST)})
            equal(len(response.payload.body), RESPONSE)


def channel_soak(address):
    for _ in range(20):
        with Service(address) as service:
            equal(len(service.unary(response_size=RESPONSE).payload.body), RESPONSE)


CASES = {
    "special_status_message": special_status_message,
    "server_compressed_unary": server_compressed_unary,
    "server_compressed_streaming": server_compressed_streaming,
    "rpc_soak": rpc_soak,
    "channel_soak": channel_soak,
}


class Service:
    """The test service over a channel of its own, whose bytes are counted. Reflection provides the messages."""

    def __init__(self, address):
        self.counted = counted(address)

    def __enter__(self):
        channel, _, self.down = self.counted.__enter__()
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        methods = pool.FindServiceByName("grpc.testing.TestService").methods_by_name
        self.unary = typed(channel.unary_unary, methods["UnaryCall"])
        self.output = typed(channel.unary_stream, methods["StreamingOutputCall"])
        return self

    def __exit__(self, *error):
        return self.counted.__exit__(*error)


def typed(kind, method):
    """Returns a call that takes the fields of its request."""
    request, response = map(message_factory.GetMessageClass, (method.input_type, method.output_type))
    path = f"/{method.containing_service.full_name}/{method.name}"
    call = kind(path, request.SerializeToString, response.FromString)
    return lambda **fields: call(request(**fields), timeout=CALL)


def check_size(count, size, compressed):
    if compressed:
        small("responses", count)
    else:
        assert count() > size, f"{count()} bytes of responses"
