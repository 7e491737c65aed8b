//! The program that protobuf's suite tests. Each request has a message in one format, and asks for it in another one.

use std::error::Error;
use std::io::{self, BufReader, Read, Write};

use pb::conformance::conformance_request::Payload;
use pb::conformance::conformance_response::Result as Outcome;
use pb::conformance::{
    ConformanceRequest, ConformanceResponse, FailureSet, TestCategory, WireFormat,
};
use pb::protobuf_test_messages::{editions, proto2, proto3};
use stubwright::json::{Described, JsonFormat};
use stubwright::prost::Message;

/// The suite's messages.
mod pb {
    stubwright::include_protos!("protobuf/stubwright");
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut input, mut output) = (BufReader::new(io::stdin()), io::stdout());
    while let Some(request) = read(&mut input)? {
        let response = ConformanceResponse {
            result: Some(answer(&ConformanceRequest::decode(request.as_slice())?)),
        };
        let bytes = response.encode_to_vec();
        output.write_all(&u32::try_from(bytes.len())?.to_le_bytes())?;
        output.write_all(&bytes)?;
        output.flush()?;
    }
    Ok(())
}

/// Reads bytes that follow their length, a little-endian number of four bytes. Returns `None` at the end of the input.
fn read(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
    input.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

fn answer(request: &ConformanceRequest) -> Outcome {
    match request.message_type.as_str() {
        "conformance.FailureSet" => convert::<FailureSet>(request),
        "protobuf_test_messages.proto2.TestAllTypesProto2" => {
            convert::<proto2::TestAllTypesProto2>(request)
        }
        "protobuf_test_messages.proto3.TestAllTypesProto3" => {
            convert::<proto3::TestAllTypesProto3>(request)
        }
        "protobuf_test_messages.editions.proto2.TestAllTypesProto2" => {
            convert::<editions::proto2::TestAllTypesProto2>(request)
        }
        "protobuf_test_messages.editions.proto3.TestAllTypesProto3" => {
            convert::<editions::proto3::TestAllTypesProto3>(request)
        }
        "protobuf_test_messages.editions.TestAllTypesEdition2023" => {
            convert::<editions::TestAllTypesEdition2023>(request)
        }
        other => Outcome::RuntimeError(format!("the message {other} is unknown")),
    }
}

/// Reads the message in the request, and writes it in the format that is asked for.
fn convert<M: Message + Described + Default>(request: &ConformanceRequest) -> Outcome {
    let format = JsonFormat::new().ignore_unknown_fields(
        request.test_category() == TestCategory::JsonIgnoreUnknownParsingTest,
    );
    let read = match &request.payload {
        Some(Payload::ProtobufPayload(bytes)) => {
            M::decode(bytes.as_slice()).map_err(|error| error.to_string())
        }
        Some(Payload::JsonPayload(text)) => {
            format.from_json(text).map_err(|error| error.to_string())
        }
        Some(Payload::TextPayload(_)) => {
            return Outcome::Skipped("the text format is not supported".to_owned());
        }
        _ => return Outcome::Skipped("the format is not supported".to_owned()),
    };
    let message: M = match read {
        Ok(message) => message,
        Err(error) => return Outcome::ParseError(error),
    };
    match request.requested_output_format() {
        WireFormat::Protobuf => Outcome::ProtobufPayload(message.encode_to_vec()),
        WireFormat::Json => match format.to_json(&message) {
            Ok(text) => Outcome::JsonPayload(text),
            Err(error) => Outcome::SerializeError(error.to_string()),
        },
        WireFormat::TextFormat => Outcome::Skipped("the text format is not supported".to_owned()),
        _ => Outcome::Skipped("the format is not supported".to_owned()),
    }
}
