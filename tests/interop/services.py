"""Python's clients of the standard services: grpcio-reflection and grpcio-health-checking."""

import asyncio
import signal

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

import python_client
from buf import STANDARD
from harness import CALL, CHANNEL_OPTIONS, Program, equal

SERVICE = "squarerpc_service.SquareService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


def run(checks, square_server, interop_server):
    for program, flags, cases in (
        (square_server, ("--addr", "127.0.0.1:0"), SQUARE),
        (interop_server, ("--port=0",), INTEROP),
    ):
        with Program(program, *flags) as server:
            with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
                for name, check in cases.items():
                    checks(name, check, channel)
    checks("grpcio-health-checking watches square-server: it stops", watch_a_stop, square_server)
    checks("grpcio-health-checking watches square-server with grpc.aio: it stops", aio_watch_a_stop, square_server)


# Reflection.


def describe_square(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    equal(sorted(database.get_services()), sorted([*STANDARD, SERVICE]))
    pool = DescriptorPool(database)
    service = pool.FindServiceByName(SERVICE)
    streaming = {method.name: (method.client_streaming, method.server_streaming) for method in service.methods}
    expected = {
        "square": (False, False),
        "rangeSquare": (False, True),
        "sumSquare": (True, False),
        "streamrangeSquare": (True, True),
    }
    equal(streaming, expected)
    fields = pool.FindMessageTypeByName("squarerpc_service.Message").fields
    equal([(field.name, field.number, field.type) for field in fields], [("message", 1, fields[0].TYPE_DOUBLE)])
    for missing in ("squarerpc_service.Nothing", "Nothing"):
        try:
            pool.FindMessageTypeByName(missing)
        except KeyError:
            continue
        raise AssertionError(f"{missing} was found")


def call_described(channel):
    """Makes a call with messages known only by reflection, which come from another file."""
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    method = pool.FindServiceByName("grpc.testing.TestService").methods_by_name["UnaryCall"]
    equal(method.input_type.file.name, "grpc/testing/messages.proto")
    request, response = map(message_factory.GetMessageClass, (method.input_type, method.output_type))
    unary = channel.unary_unary(
        "/grpc.testing.TestService/UnaryCall", request.SerializeToString, response.FromString
    )
    answer = unary(request(response_size=7, fill_server_id=True), timeout=CALL)
    equal((len(answer.payload.body), answer.server_id), (7, "stubwright"))


# Health.


def check_health(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", "grpc.testing.TestService"):
        response = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=CALL)
        equal(response.status, SERVING)
    request = health_pb2.HealthCheckRequest(service="no.Such")
    error = python_client.failure(lambda: stub.Check(request, timeout=CALL))
    equal(error.code(), grpc.StatusCode.NOT_FOUND)
    responses = stub.Watch(request, timeout=CALL)
    equal(next(responses).status, SERVICE_UNKNOWN)
    responses.cancel()
    listed = stub.List(health_pb2.HealthListRequest(), timeout=CALL).statuses
    equal(
        {service: response.status for service, response in listed.items()},
        {"": SERVING, "grpc.testing.TestService": SERVING},
    )


def watch_a_stop(square_server):
    with Program(square_server, "--addr", "127.0.0.1:0") as server:
        with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
            responses = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=CALL)
            equal(next(responses).status, SERVING)
            server.process.send_signal(signal.SIGTERM)
            equal(next(responses).status, NOT_SERVING)
            equal(python_client.failure(lambda: next(responses)).code(), grpc.StatusCode.UNAVAILABLE)
        # The watch did not delay the stop.
        equal(server.process.wait(CALL), 0)


async def aio_watch_a_stop(square_server):
    with Program(square_server, "--addr", "127.0.0.1:0") as server:
        async with grpc.aio.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
            responses = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=CALL)
            equal((await responses.read()).status, SERVING)
            server.process.send_signal(signal.SIGTERM)
            equal((await responses.read()).status, NOT_SERVING)
            equal((await python_client.aio_failure(responses.read())).code(), grpc.StatusCode.UNAVAILABLE)
        equal(await asyncio.to_thread(server.process.wait, CALL), 0)


SQUARE = {"grpcio-reflection describes square-server": describe_square}
INTEROP = {
    "grpcio-reflection is enough to call interop-server": call_described,
    "grpcio-health-checking asks interop-server: Check, List, Watch": check_health,
}
