//! Tests against another implementation, `httlib-hpack`, over many blocks with one state on each side.

use proptest::prelude::*;

use super::*;

type Peer = httlib_hpack::Encoder<'static>;

/// A header block, and the table sizes that are announced before it.
#[derive(Clone, Debug)]
struct Block {
    new_table_size: Option<u32>,
    fields: Vec<Field>,
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    value: Vec<u8>,
    /// The flags that tell the peer's encoder how to write the field.
    flags: u8,
}

fn any_blocks() -> impl Strategy<Value = Vec<Block>> {
    let size = prop_oneof![6 => Just(None), 1 => (0..4097u32).prop_map(Some)];
    let fields = prop::collection::vec(any_field(), 0..12);
    let block = (size, fields).prop_map(|(new_table_size, fields)| Block {
        new_table_size,
        fields,
    });
    prop::collection::vec(block, 0..40)
}

/// Generates fields, some of which repeat. Most of the text is ASCII, as in practice.
fn any_field() -> impl Strategy<Value = Field> {
    let value = prop_oneof![
        4 => "[a-z0-9/.,;=-]{0,30}".prop_map(String::into_bytes),
        1 => any::<Vec<u8>>(),
    ];
    let text = prop_oneof![
        (0..4u8, 0..6u8).prop_map(|(n, v)| (format!("name-{n}"), format!("value-{v}").into())),
        (0..40u8).prop_map(|n| (
            ":path".into(),
            format!("/some.longer.Path/Method{n}").into()
        )),
        Just((":method".into(), b"POST".to_vec())),
        Just((":status".into(), b"200".to_vec())),
        Just(("content-type".into(), b"application/grpc".to_vec())),
        ("[a-z0-9-]{1,30}", value),
    ];
    (text, any_flags()).prop_map(|((name, value), flags)| Field { name, value, flags })
}

/// Generates flags: Huffman codes for name or value, and with or without indexing. Fields that are in the tables are always
/// indexed.
fn any_flags() -> impl Strategy<Value = u8> {
    let indexing = prop_oneof![
        Just(0),
        Just(Peer::WITH_INDEXING),
        Just(Peer::NEVER_INDEXED)
    ];
    let huffman = 0..=(Peer::HUFFMAN_NAME | Peer::HUFFMAN_VALUE);
    (indexing, huffman).prop_map(|(i, h)| i | h | Peer::BEST_FORMAT)
}

fn headers(fields: &[Field]) -> Vec<Header> {
    let header = |field: &Field| Header::new(field.name.as_bytes(), &field.value);
    fields.iter().map(header).collect()
}

proptest! {
    #[test]
    fn its_encoder_to_our_decoder(blocks in any_blocks()) {
        let mut peer = Peer::default();
        let mut decoder = Decoder::new(4096);
        for Block { new_table_size, fields } in blocks {
            let mut block = Vec::new();
            if let Some(size) = new_table_size {
                peer.update_max_dynamic_size(size, &mut block).unwrap();
            }
            let expected = headers(&fields);
            for Field { name, value, flags } in fields {
                peer.encode((name.into_bytes(), value, flags), &mut block).unwrap();
            }
            prop_assert_eq!(decode(&mut decoder, &block), Ok(expected));
        }
    }

    #[test]
    fn our_encoder_to_its_decoder(blocks in any_blocks()) {
        let mut encoder = Encoder::new();
        let mut peer = httlib_hpack::Decoder::default();
        for Block { new_table_size, fields } in blocks {
            if let Some(size) = new_table_size {
                encoder.set_max_table_size(size as usize);
            }
            let expected = headers(&fields);
            let mut block = encode(&mut encoder, &expected).to_vec();
            let mut decoded = Vec::new();
            peer.decode(&mut block, &mut decoded).unwrap();
            let decoded: Vec<Header> = decoded.iter().map(|(n, v, _)| Header::new(n, v)).collect();
            prop_assert_eq!(decoded, expected);
        }
    }
}
