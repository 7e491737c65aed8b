"""protoc, our plugin and Python's protobuf agree on the meaning of every feature of editions."""

import os
import pathlib
import subprocess
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness import CHECK, ROOT, cargo_build, equal, run as run_program

DIRECTORY = ROOT / "tests/editions"
PROTOS = ("edition_2023.proto", "edition_2024.proto", "other_defaults.proto")
PACKAGES = ("editions.v2023", "editions.v2024", "editions.other")


def run(checks, plugin, directory):
    programs, _ = cargo_build("--locked", "--package=stubwright-tests", "--bin=editions-peer")
    peer = Peer(programs["editions-peer"])
    pool = messages()
    checks("editions: the checked-in descriptors are protoc's", current, directory)
    checks("editions: protoc runs our plugin", generate, plugin, directory)
    for name, check in CHECKS.items():
        checks(f"editions: {name}", check, peer, pool)


def messages():
    """Returns the messages of the checked-in descriptors, by name."""
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet.FromString((DIRECTORY / "descriptors.bin").read_bytes()).file
    for file in files:
        pool.Add(file)
    classes = {}
    for file in files:
        if file.package in PACKAGES:
            for message in file.message_type:
                name = f"{file.package}.{message.name}"
                classes[name] = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
    return classes


def current(directory):
    path = directory / "descriptors.bin"
    protoc("--include_imports", f"--descriptor_set_out={path}")
    assert path.read_bytes() == (DIRECTORY / "descriptors.bin").read_bytes(), "tests/editions/descriptors.bin is not current"


def generate(plugin, directory):
    out = directory / "editions"
    out.mkdir()
    path = os.pathsep.join([str(pathlib.Path(plugin).parent), os.environ["PATH"]])
    protoc(f"--rs_out={out}", env=os.environ | {"PATH": path})
    equal(
        sorted(file.name for file in out.iterdir()),
        ["editions.other.rs", "editions.v2023.rs", "editions.v2024.rs", "mod.rs"],
    )


def protoc(*arguments, **options):
    run_program(sys.executable, "-m", "grpc_tools.protoc", f"-I{DIRECTORY}", *arguments, *PROTOS, **options)


class Peer:
    """Our messages: decodes bytes and encodes them again."""

    def __init__(self, program):
        self.program = program

    def __call__(self, cases):
        """Takes pairs of a message's name and bytes. Returns the bytes after encoding, or None if decoding failed."""
        lines = "".join(f"{name} {data.hex()}\n" for name, data in cases)
        answer = subprocess.run(
            [self.program], input=lines, capture_output=True, check=True, text=True, timeout=CHECK
        ).stdout.splitlines()
        equal(len(answer), len(cases))
        return [None if line == "error" else bytes.fromhex(line) for line in answer]


def same_bytes(peer, pool):
    cases = [(name, message) for name, message_class in pool.items() for message in variants(message_class)]
    assert len(cases) > 700, len(cases)
    sent = [(name, message.SerializeToString(deterministic=True)) for name, message in cases]
    for (name, message), (_, data), answer in zip(cases, sent, peer(sent), strict=True):
        if name.endswith(".Maps") and answer is not None:
            # Keys and values of map entries are encoded only if they are not the default, which means the same.
            equal(message.FromString(answer), message)
            continue
        assert answer == data, f"{name}: {data.hex()} came back as {answer and answer.hex()}:\n{message}"


def variants(message_class):
    """Returns an empty message, a full one, and messages with a single field, set to default values if possible and to others."""
    fields = message_class.DESCRIPTOR.fields
    required = [field for field in fields if field.is_required]
    for values in range(3):
        if not required:
            yield message_class()
        yield filled(message_class, fields, values)
        for field in fields:
            yield filled(message_class, [*required, field], values)


def filled(message_class, fields, values):
    message = message_class()
    for field in fields:
        fill(message, field, values)
    return message


def fill(message, field, values):
    name = field.name
    target = getattr(message, name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields
        if value.message_type is not None:
            target[scalar(key, values)].text = "text"
        else:
            target[scalar(key, values)] = scalar(value, values)
    elif field.message_type is not None:
        for inner in [target.add(), target.add()] if field.is_repeated else [target]:
            inner.SetInParent()
            for required in field.message_type.fields:
                # A nested message of its own type is as short as possible.
                if required.is_required:
                    getattr(inner, required.name).SetInParent()
            if values and "text" in field.message_type.fields_by_name and field.message_type.name == "Inner":
                inner.text = "text"
    elif field.is_repeated:
        target.extend(scalar(field, value) for value in range(3))
    else:
        setattr(message, name, scalar(field, values))


def scalar(field, values):
    """Returns the default value of the type, and two others."""
    types = {
        field.TYPE_BOOL: (False, True, True),
        field.TYPE_STRING: ("", "text", "\u00e4\U0001f600" * 100),
        field.TYPE_BYTES: (b"", b"\x00\xff", bytes(1000)),
        field.TYPE_FLOAT: (0.0, -1.5, float("inf")),
        field.TYPE_DOUBLE: (0.0, 1e300, float("-inf")),
        field.TYPE_UINT32: (0, 1, 2**32 - 1),
        field.TYPE_FIXED32: (0, 1, 2**32 - 1),
        field.TYPE_UINT64: (0, 1, 2**64 - 1),
        field.TYPE_FIXED64: (0, 1, 2**64 - 1),
        field.TYPE_INT32: (0, -1, 2**31 - 1),
        field.TYPE_SINT32: (0, -1, -(2**31)),
        field.TYPE_SFIXED32: (0, -1, -(2**31)),
        field.TYPE_INT64: (0, -1, -(2**63)),
        field.TYPE_SINT64: (0, -1, -(2**63)),
        field.TYPE_SFIXED64: (0, -1, 2**63 - 1),
    }
    if field.type == field.TYPE_ENUM:
        numbers = [value.number for value in field.enum_type.values]
        return (numbers[0], numbers[-1], numbers[-1])[values]
    return types[field.type][values]


def both_encodings(peer, pool):
    """A repeated field is accepted packed and unpacked, and encoded as its file says."""
    for package in PACKAGES:
        forms = {
            form: filled(pool[f"{package}.{form}"], pool[f"{package}.{form}"].DESCRIPTOR.fields, 0).SerializeToString()
            for form in ("Packed", "Expanded")
        }
        assert forms["Packed"] != forms["Expanded"]
        cases = [(f"{package}.{form}", data) for form in forms for data in forms.values()]
        equal(peer(cases), [forms[name.rsplit(".", 1)[1]] for name, _ in cases])


def unknown_values(peer, pool):
    """An unknown number is kept, in an open enum and in a closed one, as in Python."""
    for package in PACKAGES:
        message_class = pool[f"{package}.Explicit"]
        for field in ("f_open", "f_closed"):
            number = message_class.DESCRIPTOR.fields_by_name[field].number
            data = bytes([number << 3 & 0x7F | 0x80, number >> 4, 99])
            equal(peer([(f"{package}.Explicit", data)]), [data])
            equal(message_class.FromString(data).SerializeToString(), data)


def no_utf8(peer, pool):
    """A string field must be UTF-8 in Rust, whatever `utf8_validation` says."""
    equal(peer([(f"{package}.Unchecked", b"\x0a\x01\xff") for package in PACKAGES]), [None] * len(PACKAGES))


CHECKS = {
    "Python's bytes come back for every field, alone and together": same_bytes,
    "packed and expanded fields are read either way": both_encodings,
    "values that an enum does not have are kept": unknown_values,
    "strings are UTF-8": no_utf8,
}
