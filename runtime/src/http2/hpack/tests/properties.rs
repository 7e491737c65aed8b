//! Tests with arbitrary fields, sizes and bytes.

use proptest::prelude::*;

use super::*;

/// Generates fields, some of which repeat, share a name, or have arbitrary text.
fn any_header() -> impl Strategy<Value = Header> {
    prop_oneof![
        (0..4u8, 0..6u8).prop_map(|(n, v)| header(&format!("name-{n}"), &format!("value-{v}"))),
        (0..100u8).prop_map(|n| header(":path", &format!("/some.longer.Path/Method{n}"))),
        Just(Header::from_static(":method", "POST")),
        Just(Header::from_static("content-type", "application/grpc")),
        (0..2000usize).prop_map(|n| header("long", &"v".repeat(n))),
        (any::<Vec<u8>>(), any::<Vec<u8>>()).prop_map(|(n, v)| Header::new(&n, &v)),
    ]
}

fn any_block() -> impl Strategy<Value = (Vec<usize>, Vec<Header>)> {
    let size = prop_oneof![Just(0), 0..200usize, 0..6000usize];
    let sizes = prop_oneof![
        4 => Just(vec![]),
        1 => prop::collection::vec(size, 1..4),
    ];
    (sizes, prop::collection::vec(any_header(), 0..12))
}

proptest! {
    #[test]
    fn encoded_blocks_are_decoded(blocks in prop::collection::vec(any_block(), 0..40)) {
        let mut encoder = Encoder::new();
        let mut decoder = Decoder::new(4096);
        let mut limit = 4096;
        for (sizes, headers) in blocks {
            for size in sizes {
                encoder.set_max_table_size(size);
                limit = size.min(4096);
            }
            let block = encode(&mut encoder, &headers);
            prop_assert_eq!(decode(&mut decoder, &block), Ok(headers));
            prop_assert!(decoder.table_size() <= limit);
        }
    }

    #[test]
    fn any_bytes_are_survived(
        blocks in prop::collection::vec(any::<Vec<u8>>(), 1..20),
        max_table_size in 0..10_000usize,
    ) {
        let mut decoder = Decoder::new(max_table_size);
        for block in blocks {
            let _ = decode(&mut decoder, &block);
            prop_assert!(decoder.table_size() <= max_table_size.max(4096));
        }
    }

    // Bytes that are close to an encoder's output reach further than arbitrary bytes.
    #[test]
    fn damaged_blocks_are_survived(
        blocks in prop::collection::vec(any_block(), 1..10),
        damage in prop::collection::vec((any::<usize>(), any::<u8>()), 1..8),
    ) {
        let mut encoder = Encoder::new();
        let mut decoder = Decoder::new(4096);
        for (sizes, headers) in blocks {
            for size in sizes {
                encoder.set_max_table_size(size);
            }
            let mut block = encode(&mut encoder, &headers);
            for (place, byte) in &damage {
                if !block.is_empty() {
                    let place = place % block.len();
                    block[place] = *byte;
                }
            }
            let _ = decode(&mut decoder, &block);
            prop_assert!(decoder.table_size() <= 4096);
        }
    }
}
