//! Fields that share the memory of what was received: what decoding allocates, and what a field keeps alive.

use std::sync::Mutex;

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use stubwright::bytestring::ByteString;
use stubwright::{Channel, Codec, Encoded, Protobuf, Result, Server, ServicerContext};
use tokio::runtime::Builder;

use crate::shared::types::{
    Everything, Scalars, TypesServicer, TypesStub, add_types_servicer_to_server,
};

/// The size of the buffers that connections read into.
const BUFFER: usize = 64 << 10;

/// Returns the bytes of a message with texts of `length` bytes each.
fn texts(count: usize, length: usize) -> Vec<u8> {
    let mut message = Everything::default();
    message.texts.resize(count, "t".repeat(length).into());
    encoded(&message)
}

fn encoded(message: &Everything) -> Vec<u8> {
    stubwright::prost::Message::encode_to_vec(message)
}

fn decode(bytes: &Bytes) -> Everything {
    Protobuf::decode(Encoded::from(bytes)).unwrap()
}

/// Returns whether a text lies in a buffer.
fn lies_in(text: &ByteString, buffer: &Bytes) -> bool {
    buffer.as_ptr_range().contains(&text.as_ptr())
}

#[test]
fn texts_of_a_large_message_lie_in_its_buffer() {
    let bytes = Bytes::from(texts(1000, 30));
    let mut message = Everything::default();
    // The list, and the count of references to the buffer.
    let allocated = measure(|| message = decode(&bytes));
    assert_eq!(allocated.count_total, 2);
    assert!(message.texts.iter().all(|text| lies_in(text, &bytes)));
}

#[test]
fn a_small_message_is_copied_once() {
    let bytes = Bytes::from(texts(100, 30));
    let mut message = Everything::default();
    // The list, the copy, and the count of references to it.
    let allocated = measure(|| message = decode(&bytes));
    assert_eq!(allocated.count_total, 3);
    assert!(!message.texts.iter().any(|text| lies_in(text, &bytes)));
    assert_eq!(encoded(&message), bytes);
}

/// Fields of type `Bytes` follow the same rule, and an empty field keeps nothing.
#[test]
fn bytes_and_empty_texts_follow_the_rule() {
    for (length, lies) in [(BUFFER / 4, true), (100, false)] {
        let message = Scalars {
            f_bytes: Bytes::from(vec![1; length]),
            ..Default::default()
        };
        let bytes = Bytes::from(stubwright::prost::Message::encode_to_vec(&message));
        let again: Scalars = Protobuf::decode(Encoded::from(&bytes)).unwrap();
        assert_eq!(again, message);
        assert_eq!(bytes.as_ptr_range().contains(&again.f_bytes.as_ptr()), lies);
    }
    let bytes = Bytes::from(texts(10, 0));
    let allocated = measure(|| drop(decode(&bytes)));
    assert_eq!(allocated.count_total, 1);
}

/// The number of calls whose texts are kept.
const CALLS: usize = 10_000;

/// A kept text keeps its message, and not the buffer that was read: here 10,000 times 300 bytes and not 64 KiB.
#[test]
fn a_text_of_each_of_many_messages_keeps_little() {
    let message = texts(10, 26);
    let mut kept: Vec<ByteString> = Vec::with_capacity(CALLS);
    let allocated = measure(|| {
        for _ in 0..CALLS {
            let mut buffer = BytesMut::with_capacity(BUFFER);
            buffer.extend_from_slice(&message);
            let message = decode(&buffer.freeze());
            kept.extend(message.texts.into_iter().nth(3));
        }
    });
    assert_eq!(kept.len(), CALLS);
    let each = allocated.bytes_current as usize / CALLS;
    // The copy, and the count of references to it.
    assert!(each <= message.len() + 40, "{each} bytes");
    assert!(allocated.bytes_current < 4 << 20);
}

/// Keeps a text of each request.
struct Keeper(&'static Mutex<Vec<ByteString>>);

impl TypesServicer for Keeper {
    async fn echo(&self, request: Everything, _context: &ServicerContext) -> Result<Everything> {
        let mut kept = self.0.lock().unwrap();
        kept.extend(request.texts.into_iter().nth(3));
        Ok(Everything::default())
    }
}

/// The same over a connection, whose read buffers hold many requests each.
#[test]
fn a_text_of_each_of_many_calls_keeps_little() {
    static KEPT: Mutex<Vec<ByteString>> = Mutex::new(Vec::new());

    KEPT.lock().unwrap().reserve_exact(CALLS);
    let mut message = Everything::default();
    message.texts.resize(10, "t".repeat(26).into());
    // Both sides run on this thread, and only this thread's allocations are counted.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let allocated = measure(|| {
        runtime.block_on(async {
            let mut server = Server::new();
            add_types_servicer_to_server(Keeper(&KEPT), &mut server);
            let address = server.add_insecure_port("127.0.0.1:0").await.unwrap();
            server.start().unwrap();
            let stub = TypesStub::new(Channel::insecure(address.to_string()).unwrap());
            for _ in 0..CALLS {
                stub.echo(message.clone()).await.unwrap();
            }
        });
    });
    assert_eq!(KEPT.lock().unwrap().len(), CALLS);
    // Each message takes 280 bytes. The connection and its buffers are there too.
    let most = CALLS as i64 * 340 + (1 << 20);
    assert!(allocated.bytes_current < most, "{allocated:?}");
}
