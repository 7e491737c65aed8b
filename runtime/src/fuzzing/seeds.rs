//! Seeds of the fuzzer: real byte streams, and the examples of the RFCs.

use std::fs;
use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::corpus::directory;
use super::raw::{request, response};
use crate::base::header::Header;
use crate::http2::{Config, Connection, Event, Role};

#[test]
#[ignore = "writes to the corpus; run it when the meaning of a target's bytes has changed"]
fn write_seeds() {
    let (up, down) = calls();
    // In one piece; in small pieces with responses between them; under small limits.
    let steering: [&[u8]; 3] = [
        &[0],
        &[10, 23, 40, 40, 40, 0x80, 0x82, 40, 0x93, 0x85, 0x99],
        &[0x46, 0x7f, 0x80, 0x88, 0x83, 0xcb, 0x89],
    ];
    for (i, steering) in steering.into_iter().enumerate() {
        write("server", i, &[steering, &up].concat());
        write("client", i, &[steering, &down].concat());
    }
    // A request before SETTINGS.
    let early = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x03\x01\x05\0\0\0\x01\x83\x86\x84";
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    write("server", 8, &[&[1, 41][..], early, settings].concat());
    write(
        "server",
        9,
        &[&[0], &PRIORITY_AND_CONTINUATION[..]].concat(),
    );
    frames();
    more_frames();
    link();
    hpack();
    messages();
    fields();
    compressed();
}

fn write(target: &str, number: usize, bytes: &[u8]) {
    let directory = directory(target);
    fs::create_dir_all(&directory).expect("the directory should be created");
    fs::write(directory.join(format!("seed-{number}")), bytes).expect("the seed should be written");
}

/// Returns the bytes that a client and a server of ours exchange: a unary call, a stream each way, a dropped call, a
/// ping and the end of the connection.
fn calls() -> (Vec<u8>, Vec<u8>) {
    let now = Instant::now();
    let mut client = Connection::new(Role::Client, Config::default(), now);
    let mut server = Connection::new(Role::Server, Config::default(), now);
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for round in 0..6 {
        let stream = client
            .open(&request(), false)
            .expect("the stream should open");
        client.send_data(
            stream,
            Bytes::from_static(b"\0\0\0\0\x02\x08\x05"),
            round == 0,
        );
        match round {
            2 => client.reset(stream, crate::http2::Reason::CANCEL),
            3 => client.ping(*b"12345678"),
            4 => client.send_data(stream, Bytes::from_static(&[0; 300]), true),
            5 => server.drain(),
            _ => {}
        }
        for _ in 0..3 {
            pass(&mut client, &mut server, &mut up, now);
            while let Some(event) = server.poll_event() {
                let Event::Request { stream, .. } = event else {
                    continue;
                };
                server.send_headers(stream, &response(), false);
                server.send_data(stream, Bytes::from_static(b"\0\0\0\0\x02\x08\x19"), false);
                server.send_trailers(stream, vec![Header::from_static("grpc-status", "0")]);
            }
            pass(&mut server, &mut client, &mut down, now);
            while client.poll_event().is_some() {}
        }
    }
    (up, down)
}

fn pass(from: &mut Connection, to: &mut Connection, all: &mut Vec<u8>, now: Instant) {
    let output = from.transmit();
    let mut slices = [IoSlice::new(&[]); 64];
    let filled = output.io_slices(&mut slices);
    let bytes: Vec<u8> = slices[..filled]
        .iter()
        .flat_map(|slice| slice.to_vec())
        .collect();
    output.advance(bytes.len());
    all.extend_from_slice(&bytes);
    let mut input = BytesMut::from(&bytes[..]);
    to.receive(&mut input, now + Duration::from_millis(1))
        .expect("the peers should find no fault");
}

/// Preface, SETTINGS, and a request in HEADERS with padding and priority, and CONTINUATION.
const PRIORITY_AND_CONTINUATION: [u8; 80] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\
    \0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\x10\
    \0\0\x0a\x01\x29\0\0\0\x01\x02\0\0\0\0\x10\x83\x86\0\0\
    \0\0\x03\x09\x04\0\0\0\x01\x84\x41\0\
    \0\0\0\0\x01\0\0\0\x01\
    \0";

fn frames() {
    // Roles and limits. Frames and actions are encoded as in frames.rs.
    for setup in 0..4 {
        let calls = b"\x03\0\x80\x00\x20\x82\x88\x85\x89\x01\x05\x04\0\x80\x85\x99\x0a\x8e\x1a";
        write("frames", setup, &[&[setup as u8], &calls[..]].concat());
    }
    let odd = b"\x05\x05\x01\x01\x01\x35\x09\x02\x04\x01\0\x03\0\x02\x05\0\0\x07\xff\x08\xff\xff\x02\x20\x04";
    write("frames", 4, &[&[4], &odd[..]].concat());
    write("frames", 5, b"\x01\x80\x03\0\x00\xff\x88\x06\0\x0c\x11\x0d\x0e\x03abc\x9d\x0f\x01\x04\0\x01\x02\x88\x84");
    write("frames", 6, b"\0\x03\0\x83\x83\x8a\x9a\x07\xff\x08\xff\xff\x89\x84\x09\x01\x04\xff\xff\x05\0\0\x89\x0b\x08");
}

fn more_frames() {
    // DATA that waits for the stream's window, the connection's window, and the socket.
    write(
        "frames",
        7,
        b"\0\x09\0\x04\0\0\x03\0\x80\x92\x99\x07\x30\x99\x07\xc8\x85\x99",
    );
    write(
        "frames",
        8,
        b"\x02\x07\xff\x03\0\x80\x83\x99\x83\x99\x83\x99\x83\x99\x08\x20\0\x99\x08\x20\0\x84",
    );
    write("frames", 19, b"\x10\x80\x92\x99\x07\x14\x99\x07\x05\x99");
    write(
        "frames",
        20,
        b"\x11\x92\xa2\x99\x07\x14\x03\0\x99\x06\0\x17\x30\x99",
    );
    // DATA that fills windows, the PINGs that measure the connection, and their answers.
    write(
        "frames",
        9,
        b"\x04\x03\0\0\xff\x99\x3a\x88\x99\0\xff\x99\x3a\x88\0\xff\0\xff\x88\x99\x3a\0\xff",
    );
    write(
        "frames",
        10,
        b"\x05\x03\0\0\xff\x99\x3a\x88\x99\0\xff\x99\x3a\x88\0\xff\0\xff\x88\x99\x3a\0\xff",
    );
    // Heads that repeat, with others between them.
    let heads = b"\x03\0\x86\x03\0\x86\x03\0\x86\x03\x01\xff\x01a\x01b\x86\x03\x01\xff\x01a\x01b\x86\x03\0\x86\x03\0";
    for setup in 0..4 {
        write("frames", 11 + setup, &[&[setup as u8], &heads[..]].concat());
    }
    // A content-length that is met, exceeded, and not reached.
    write(
        "frames",
        15,
        b"\0\x03\x01\0\0\x05\x01\0\x03\x01\0\0\x06\x03\x01\0\0\x04\x06\0\x04\x01\0",
    );
    write(
        "frames",
        16,
        b"\x01\x03\x01\0\0\x05\x06\0\x13\x01\0\x10\x04\x16\0\x8c\x04\x01\0",
    );
    // GOAWAY below open streams, and a graceful end.
    write("frames", 17, b"\x01\x8c\x8c\x8c\x3c\x13\0\x12\x05\0\x88");
    write(
        "frames",
        18,
        b"\0\x03\0\x8d\x03\0\x99\x5a\x03\0\x80\x84\x90\x94\x99",
    );
}

fn link() {
    // Calls with a response, DATA larger than windows, resets, and an end from either side.
    let calls = b"\x8c\x92\x84\x3f\xff\x80\x82\x85\x7f\xff\x8c\x83\x8f\x3f\x7f\xff\x88\x80\x83\x85\x7f\x3f\xff\x96";
    for setup in [0, 5, 10, 4] {
        let ending = [0x8d, 0x8e, 0x9e, 0x3f, 0x7f];
        write(
            "link",
            setup.into(),
            &[&[setup], &calls[..], calls, &ending].concat(),
        );
    }
}

fn hpack() {
    // RFC 7541, C.2 to C.6.
    let examples: [&[&str]; 7] = [
        &["400a637573746f6d2d6b65790d637573746f6d2d686561646572"],
        &["040c2f73616d706c652f70617468"],
        &["100870617373776f726406736563726574"],
        &[
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ],
        &[
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ],
        &[
            "3fe101488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
        ],
        &["203fe11f82"],
    ];
    for (number, blocks) in examples.into_iter().enumerate() {
        let mut seed = Vec::new();
        for block in blocks {
            let block = unhex(block);
            seed.extend((block.len() as u16).to_be_bytes());
            seed.extend(block);
        }
        write("hpack", number, &seed);
    }
    hpack_limits();
    let fields = b"\x03\x00\x01\x70\x03\x00\x01\x70\x81\x01a\x01b\xf0\x00\x40\x01\x41\x01\x41\xf0\x10\x00\x02\x50\x60\x03/ab";
    write("hpack_round_trip", 0, fields);
    write(
        "hpack_round_trip",
        1,
        &[&fields[..], fields, fields].concat(),
    );
}

/// Fills a table whose size is set too large, and repeats a long name in short literals.
fn hpack_limits() {
    let literal = |first: u8, length: u16| {
        let mut field = vec![first, 1, b'n', 0x7f];
        let (low, high) = ((length - 127) & 0x7f, (length - 127) >> 7);
        field.extend([low as u8 | 0x80, high as u8]);
        field.extend(vec![b'v'; length.into()]);
        field
    };
    let block = [
        vec![0x3f, 0xe1, 0x3f],
        literal(0x40, 3_000),
        literal(0x40, 3_001),
    ]
    .concat();
    let length = (block.len() as u16).to_be_bytes();
    write("hpack", 7, &[&length[..], &block].concat());
    let mut block = vec![
        0x40,
        0x7f,
        0x80 | (2_873_u16 & 0x7f) as u8,
        (2_873 >> 7) as u8,
    ];
    block.extend(vec![b'n'; 3_000]);
    block.push(0);
    block.extend(b"\x0f\x2f\0".repeat(80));
    let length = (block.len() as u16).to_be_bytes();
    write("hpack", 8, &[&length[..], &block].concat());
}

fn unhex(digits: &str) -> Vec<u8> {
    let digit = |i: usize| u8::from_str_radix(&digits[i..i + 2], 16).expect("hexadecimal");
    (0..digits.len()).step_by(2).map(digit).collect()
}

fn messages() {
    write(
        "messages",
        0,
        b"\x10\x04\x01\x02\x07\x01\0\0\0\0\x02\x08\x05\0\0\0\0\0\0\0\0\0\x05hello",
    );
    write("messages", 1, b"\x01\0\0\0\0\0\xff");
    write("messages", 3, b"\x05\0\0\0\0\0\x05hello\0\0\0\0\x06hello!");
    write("messages", 4, b"\xff\x02\xff\xff\0\0\x01\x86\xa0");
    write("messages", 2, b"\x10\x01\x03\x01\0\0\0\0");
}

fn fields() {
    let seeds: [&[u8]; 12] = [
        b"\x0099999999H",
        b"\x001000000u",
        b"\x01\0\0\0\0\0\0\0\x05\0\0\0\x07",
        b"\x02100 %25%0A%C3%BC%zz%",
        b"\x03AQ==",
        b"\x03AQID,Ag",
        b"\x04\x01k\x01v\x05k-bin\x02\0\xff\x02te\x08trailers",
        b"\x05\x03\0\x015\x01\x05no%20\x02\x02AQ\x01\x90",
        b"\x06\x05\x02\0\xffno \xc3\xbcser\n100 %",
        b"\x07\0\0\0\0\0\x04\x05\x10application/grpc\x03\x021S\x04\x08identity\x06\x04AQ==",
        b"\x07\0\xff\x03GET\xff\x01/\x01\x05\x15application/grpc+json",
        b"\x07\x01\0\0\0\0\x01\x05\x10application/grpc",
    ];
    for (number, seed) in seeds.into_iter().enumerate() {
        write("fields", number, seed);
    }
}

/// Compresses a text with each kind of compression, and once not at all.
fn compressed() {
    let text = b"It is what it is, it is what it was, it was what it is. ".repeat(3);
    for number in 0..3 {
        let mut output = Vec::with_capacity(text.len());
        if !crate::Compression::from_number(number).compress(&text, &mut output) {
            output.clone_from(&text);
        }
        let start = [number, 0x01, 0];
        write("compressed", number.into(), &[&start, &output[..]].concat());
    }
}
