"""What Python's json_format says of JSON texts and of messages: `tests/json/table.json`, which `cargo test` holds us to.

    tests/interop/.venv/bin/python tests/interop/json_table.py     writes the table anew
"""

import json
import math
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from google.protobuf.message import DecodeError

from harness import ROOT

DIRECTORY = ROOT / "tests/json"
TABLE = DIRECTORY / "table.json"

IGNORE = {"ignore_unknown_fields": True}

# Texts that are parsed as a message `All`, the options of the parser, and, if parsing succeeds, the text written again.
TEXTS = [
    # Scalars.
    '{}',
    '{"aBool":true}',
    '{"a_bool":true}',
    '{"aBool":"true"}',
    '{"aBool":1}',
    '{"anInt32":5}',
    '{"anInt32":"5"}',
    '{"anInt32":-2147483648,"aSint32":2147483647,"anSfixed32":-1,"aUint32":4294967295,"aFixed32":1}',
    '{"anInt32":2147483648}',
    '{"anInt32":1.0}',
    '{"anInt32":1e2}',
    '{"anInt32":1.5}',
    '{"anInt32":"1.0"}',
    '{"anInt32":"x"}',
    '{"anInt32":""}',
    '{"anInt32":" 1"}',
    '{"anInt32":true}',
    '{"aUint32":-1}',
    '{"aUint32":4294967296}',
    '{"anInt64":"9223372036854775807","aSint64":"-9223372036854775808","anSfixed64":"-1"}',
    '{"anInt64":9007199254740993}',
    '{"anInt64":"9223372036854775808"}',
    '{"aUint64":"18446744073709551615","aFixed64":18446744073709551615}',
    '{"aUint64":"18446744073709551616"}',
    '{"aUint64":"-1"}',
    '{"longs":["1",2,"-3"]}',
    '{"aFloat":1.1,"aDouble":1.1}',
    '{"aFloat":"1.5","aDouble":"-2e-3"}',
    '{"aFloat":"NaN","aDouble":"NaN"}',
    '{"aFloat":"Infinity","aDouble":"-Infinity"}',
    '{"aDouble":"inf"}',
    '{"aDouble":"nan"}',
    '{"aDouble":"x"}',
    '{"aDouble":NaN}',
    '{"aFloat":1e39}',
    '{"aFloat":-3.4028235e38,"aDouble":1.7976931348623157e308}',
    '{"aDouble":1e309}',
    '{"aDouble":123456789012345680000,"aFloat":16777216}',
    '{"aDouble":5e-324}',
    '{"aDouble":-0.0}',
    '{"aDouble":true}',
    '{"aString":"a\\u00e9\\ud83d\\ude00\\"\\\\\\n\\u0000"}',
    '{"aString":"\\ud800"}',
    '{"aString":5}',
    '{"someBytes":"AQI="}',
    '{"someBytes":"AQI"}',
    '{"someBytes":"-_8="}',
    '{"someBytes":"-_8"}',
    '{"someBytes":"+/8="}',
    '{"someBytes":""}',
    '{"someBytes":"!"}',
    '{"someBytes":5}',
    # Enums.
    '{"color":"COLOR_RED"}',
    '{"color":"COLOR_AZURE"}',
    '{"color":2}',
    '{"color":-1}',
    '{"color":77}',
    '{"color":"77"}',
    '{"color":"COLOR_GREEN"}',
    '{"color":"color_red"}',
    '{"color":1.5}',
    '{"color":true}',
    '{"colors":["COLOR_RED",2,0]}',
    '{"colorsByName":{"sky":"COLOR_BLUE"}}',
    '{"maybeColor":"COLOR_UNSPECIFIED"}',
    # Messages, presence and null.
    '{"nested":{"n":1,"inner":{"inner":{}}}}',
    '{"nested":{}}',
    '{"nested":[]}',
    '{"nested":1}',
    '{"maybeInt32":0,"maybeString":""}',
    '{"anInt32":null,"aString":null,"nested":null,"numbers":null,"byName":null,"maybeInt32":null,"color":null}',
    '{"numbers":[1,null]}',
    '{"nesteds":[null]}',
    '{"nesteds":[{},{"n":1}]}',
    '{"numbers":{}}',
    '{"numbers":1}',
    '{"numbers":[]}',
    '{"numbers":[[1]]}',
    'null',
    '[]',
    '1',
    '',
    '{"anInt32":1',
    '{"anInt32":1,}',
    '{"anInt32":1} x',
    # Names.
    '{"other-name":"x"}',
    '{"renamed":"x"}',
    '{"type":3}',
    '{"aInt32":1}',
    '{"AnInt32":1}',
    '{"anInt32":1,"anInt32":2}',
    '{"anInt32":1,"an_int32":2}',
    '{"unknown":{"a":[1,{}]},"anInt32":1}',
    '{"nested":{"unknown":1,"n":2}}',
    # Maps.
    '{"byName":{"a":1,"b":2}}',
    '{"byName":{"a":null}}',
    '{"byName":{"":0}}',
    '{"byName":{"a":1,"a":2}}',
    '{"byNumber":{"-5":"x","9223372036854775807":"y"}}',
    '{"byNumber":{"x":"y"}}',
    '{"byFlag":{"true":{"n":1},"false":{}}}',
    '{"byFlag":{"True":{}}}',
    '{"byName":[]}',
    # Oneofs.
    '{"text":"x"}',
    '{"number":0}',
    '{"message":{}}',
    '{"nothing":null}',
    '{"nothing":"NULL_VALUE"}',
    '{"text":"x","number":1}',
    '{"text":"x","number":null}',
    '{"text":null}',
    # Timestamps and durations.
    '{"timestamp":"1970-01-01T00:00:00Z"}',
    '{"timestamp":"2024-02-29T12:34:56.789Z"}',
    '{"timestamp":"2024-02-29T12:34:56.000000001Z"}',
    '{"timestamp":"2024-02-29T12:34:56.1Z"}',
    '{"timestamp":"2024-02-29T12:34:56+01:30"}',
    '{"timestamp":"0001-01-01T00:00:00Z"}',
    '{"timestamp":"9999-12-31T23:59:59.999999999Z"}',
    '{"timestamp":"0000-01-01T00:00:00Z"}',
    '{"timestamp":"10000-01-01T00:00:00Z"}',
    '{"timestamp":"2023-02-29T00:00:00Z"}',
    '{"timestamp":"2024-01-01"}',
    '{"timestamp":"2024-01-01T00:00:00"}',
    '{"timestamp":"2024-01-01t00:00:00z"}',
    '{"timestamp":5}',
    '{"timestamp":null}',
    '{"timestamps":["1970-01-01T00:00:01Z","1969-12-31T23:59:59.5Z"]}',
    '{"duration":"1s"}',
    '{"duration":"1.5s"}',
    '{"duration":"-0.5s"}',
    '{"duration":"0.000001s"}',
    '{"duration":"315576000000s"}',
    '{"duration":"315576000001s"}',
    '{"duration":"1"}',
    '{"duration":"s"}',
    '{"duration":1}',
    # The other well-known types.
    '{"fieldMask":"a,bC.dE"}',
    '{"fieldMask":""}',
    '{"fieldMask":"a_b"}',
    '{"fieldMask":["a"]}',
    '{"struct":{"a":1,"b":[true,null,"x",{}]}}',
    '{"struct":[]}',
    '{"struct":null}',
    '{"value":null}',
    '{"value":1}',
    '{"value":"x"}',
    '{"value":{"a":{"b":null}}}',
    '{"value":[1,[2]]}',
    '{"values":[null,false]}',
    '{"listValue":[1,"x",null]}',
    '{"listValue":{}}',
    '{"empty":{}}',
    '{"empty":{"x":1}}',
    '{"any":{"@type":"type.googleapis.com/json_cases.All.Nested","n":3}}',
    '{"any":{"n":3,"@type":"type.googleapis.com/json_cases.All.Nested"}}',
    '{"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"2s"}}',
    '{"any":{"@type":"type.googleapis.com/google.protobuf.Int32Value","value":5}}',
    '{"any":{"@type":"type.googleapis.com/google.protobuf.Any","value":{"@type":"type.googleapis.com/json_cases.All.Nested"}}}',
    '{"any":{"@type":"example.org/json_cases.Old","size":"SMALL"}}',
    '{"any":{"@type":"type.googleapis.com/none.Such"}}',
    '{"any":{"n":1}}',
    '{"any":{}}',
    '{"any":{"@type":"type.googleapis.com/json_cases.All.Nested","unknown":1}}',
    '{"boolValue":true,"int32Value":1,"uint32Value":2,"int64Value":"3","uint64Value":"4"}',
    '{"floatValue":1.5,"doubleValue":2.5,"stringValue":"x","bytesValue":"AQ=="}',
    '{"boolValue":false,"int32Value":0,"stringValue":"","int64Value":0}',
    '{"boolValue":null,"int32Value":null}',
    '{"doubleValue":"Infinity","floatValue":"NaN"}',
    '{"int32Value":{"value":1}}',
    '{"int32Value":"x"}',
    # proto2.
    '{"old":{}}',
    '{"old":{"number":7,"size":"SMALL","sizes":["LARGE",1]}}',
    '{"old":{"part":{"name":"x"}}}',
    '{"old":{"size":"HUGE"}}',
]

# Texts that are parsed with unknown fields ignored.
IGNORED = [
    '{"unknown":{"a":[1,{}]},"anInt32":1}',
    '{"nested":{"unknown":1,"n":2}}',
    '{"color":"COLOR_GREEN"}',
    '{"colors":["COLOR_GREEN","COLOR_RED"]}',
    '{"anInt32":"x"}',
    '{"any":{"@type":"type.googleapis.com/json_cases.All.Nested","unknown":1}}',
]

# Messages, given by texts, that are written with options.
OPTIONS = [
    {"always_print_fields_with_no_presence": True},
    {"preserving_proto_field_name": True},
    {"use_integers_for_enums": True},
    {"always_print_fields_with_no_presence": True, "preserving_proto_field_name": True, "use_integers_for_enums": True},
]
WRITTEN = [
    '{}',
    '{"anInt32":1,"maybeInt32":0,"color":"COLOR_RED","colors":[2],"colorsByName":{"x":1},"other-name":"y","text":""}',
    '{"old":{"size":"SMALL"},"any":{"@type":"type.googleapis.com/json_cases.All.Nested"},"nested":{}}',
]



def strange(message):
    """Messages that no text gives. They have a text, or cannot be written."""

    def case(change):
        made = message()
        change(made)
        return made

    def unpackable(made):
        made.any.type_url, made.any.value = "type.googleapis.com/json_cases.All.Nested", b"\xff"

    return [
        case(lambda made: setattr(made, "color", 77)),
        case(lambda made: made.old.MergeFromString(bytes([2 << 3, 9, 3 << 3, 9, 3 << 3, 1]))),
        case(lambda made: made.MergeFromString(bytes([0xC0, 0xBB, 0x01, 5]))),
        case(lambda made: setattr(made.timestamp, "seconds", -62135596801)),
        case(lambda made: setattr(made.timestamp, "seconds", 253402300800)),
        case(lambda made: setattr(made.timestamp, "nanos", 1_000_000_000)),
        case(lambda made: setattr(made.timestamp, "nanos", -1)),
        case(lambda made: setattr(made.timestamp, "nanos", 1_000)),
        case(lambda made: setattr(made.duration, "seconds", 315_576_000_001)),
        case(lambda made: setattr(made.duration, "nanos", -500_000_000)),
        case(lambda made: made.duration.MergeFrom(type(made.duration)(seconds=1, nanos=-1))),
        case(lambda made: made.field_mask.paths.append("a_b.c")),
        case(lambda made: made.field_mask.paths.append("a__b")),
        case(lambda made: made.field_mask.paths.append("aB")),
        case(lambda made: setattr(made.value, "number_value", math.inf)),
        case(lambda made: setattr(made.value, "number_value", math.nan)),
        case(lambda made: made.value.SetInParent()),
        case(lambda made: made.any.SetInParent()),
        case(lambda made: setattr(made.any, "type_url", "x/none.Such")),
        case(lambda made: setattr(made.any, "type_url", "json_cases.Old")),
        case(unpackable),
        case(lambda made: setattr(made, "a_double", -0.0)),
        case(lambda made: setattr(made.float_value, "value", math.nan)),
        case(lambda made: made.nested.inner.SetInParent()),
    ]


def table():
    all_messages = messages()
    rows = []
    for text in TEXTS:
        rows.append(read(all_messages, text, {}))
    for text in IGNORED:
        rows.append(read(all_messages, text, IGNORE))
    for text in WRITTEN:
        message = json_format.Parse(text, all_messages(), descriptor_pool=all_messages.pool)
        for options in OPTIONS:
            rows.append(write(all_messages, message, options))
    for message in strange(all_messages):
        rows.append(write(all_messages, message, {}))
    return rows


def read(message_class, text, options):
    row = {"text": text, **options}
    try:
        message = json_format.Parse(text, message_class(), descriptor_pool=message_class.pool, **options)
    except (json_format.ParseError, UnicodeError):
        return row | {"read": None}
    return row | {"read": message.SerializeToString(deterministic=True).hex(), "written": written(message_class, message, {})}


def write(message_class, message, options):
    encoded = message.SerializeToString(deterministic=True).hex()
    return {"message": encoded, **options, "written": written(message_class, message, options)}


def written(message_class, message, options):
    try:
        written = json_format.MessageToDict(message, descriptor_pool=message_class.pool, **options)
    except (json_format.SerializeToJsonError, TypeError, ValueError, DecodeError):
        return None
    # The order of a map's entries differs between runs.
    return json.loads(json.dumps(written, sort_keys=True))


def messages():
    """Returns the class of `All`, and its pool."""
    with tempfile.NamedTemporaryFile() as output:
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{DIRECTORY}", "--include_imports"]
        subprocess.run([*command, f"--descriptor_set_out={output.name}", "cases.proto"], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(output.read()).file
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    message_class = message_factory.GetMessageClass(pool.FindMessageTypeByName("json_cases.All"))
    message_class.pool = pool
    return message_class


def text(rows):
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"


def run(checks):
    def current():
        assert TABLE.read_text() == text(table()), "tests/json/table.json is not up to date with Python"

    checks("json: the table agrees with Python's json_format", current)


if __name__ == "__main__":
    TABLE.write_text(text(table()))
