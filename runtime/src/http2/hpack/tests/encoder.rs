//! Tests of the encoder's output.

use super::*;

#[test]
fn static_entries_are_one_byte() {
    let headers = [
        Header::from_static(":method", "POST"),
        header(":scheme", "http"),
        header(":status", "200"),
    ];
    assert_eq!(
        encode(&mut Encoder::new(), &headers)[..],
        [0x83, 0x86, 0x88]
    );
}

#[test]
fn repeated_fields_are_indexed() {
    let mut encoder = Encoder::new();
    let field = [header("te", "trailers")];
    // The field is a literal without indexing, then one with indexing, then an index.
    assert_eq!(
        encode(&mut encoder, &field)[..],
        hex("00 0274 65 86 4d83 3505 b11f")
    );
    assert_eq!(
        encode(&mut encoder, &field)[..],
        hex("40 0274 65 86 4d83 3505 b11f")
    );
    assert_eq!(encode(&mut encoder, &field)[..], [0xbe]);
    assert_eq!(encode(&mut encoder, &field)[..], [0xbe]);
}

#[test]
fn differing_fields_are_not_indexed() {
    let mut encoder = Encoder::new();
    for id in 0..1000 {
        let block = encode(&mut encoder, &[header("x-id", &id.to_string())]);
        assert_eq!(block[0], 0x00);
    }
}

#[test]
fn names_are_taken_from_both_tables() {
    let mut encoder = Encoder::new();
    // Static names: 4 is :path, 31 is content-type.
    assert_eq!(
        encode(&mut encoder, &[header(":path", "~")])[..],
        hex("04 017e")
    );
    assert_eq!(
        encode(&mut encoder, &[header("content-type", "~")])[..],
        hex("0f10 017e")
    );
    for _ in 0..2 {
        encode(&mut encoder, &[header("x-id", "0")]);
    }
    assert_eq!(
        encode(&mut encoder, &[header("x-id", "~")])[..],
        hex("0f2f 017e")
    );
    encode(&mut encoder, &[header("x-id", "#")]);
    assert_eq!(
        encode(&mut encoder, &[header("x-id", "#")])[..],
        hex("7e 0123")
    );
}

#[test]
fn a_name_leaves_with_its_entry() {
    let mut encoder = Encoder::new();
    let mut decoder = Decoder::new(4096);
    for id in 0..1000 {
        let fields = [header(&format!("name-{}", id / 3), &id.to_string())];
        for _ in 0..3 {
            let block = encode(&mut encoder, &fields);
            assert_eq!(decode(&mut decoder, &block).as_deref(), Ok(&fields[..]));
        }
    }
}

#[test]
fn large_values_are_never_inserted() {
    let mut encoder = Encoder::new();
    let fits = [header("name", &"v".repeat(1024 - 32 - 4))];
    let large = [header("name", &"v".repeat(1024 - 32 - 3))];
    for first in [0x00, 0x40, 0xbe] {
        assert_eq!(encode(&mut encoder, &fits)[0], first);
        assert_eq!(encode(&mut encoder, &large)[0] & 0xf0, 0x00);
    }
}

#[test]
fn strings_are_huffman_coded_where_that_is_shorter() {
    let block = encode(&mut Encoder::new(), &[header("custom-key", "custom-value")]);
    // RFC 7541, C.4.3.
    assert_eq!(
        block[..],
        hex("00 8825 a849 e95b a97d 7f89 25a8 49e9 5bb8 e8b4 bf")
    );
    let block = encode(&mut Encoder::new(), &[header("~~", "\u{1}\u{2}")]);
    assert_eq!(block[..], hex("00 027e 7e 0201 02"));
}

#[test]
fn a_new_table_size_is_told() {
    let mut encoder = Encoder::new();
    // 4,096 bytes are already used, and never more than that.
    encoder.set_max_table_size(4096);
    encoder.set_max_table_size(1 << 20);
    assert!(encode(&mut encoder, &[]).is_empty());
    encoder.set_max_table_size(100);
    assert_eq!(encode(&mut encoder, &[])[..], hex("3f45"));
    assert!(encode(&mut encoder, &[]).is_empty());
    // Only the smallest and the last size are announced (RFC 7541, 4.2).
    for size in [200, 10, 300, 50] {
        encoder.set_max_table_size(size);
    }
    assert_eq!(encode(&mut encoder, &[])[..], hex("2a 3f13"));
    for size in [0, 50] {
        encoder.set_max_table_size(size);
    }
    assert_eq!(encode(&mut encoder, &[])[..], hex("20 3f13"));
}

#[test]
fn a_smaller_table_loses_entries() {
    let mut encoder = Encoder::new();
    let fields = [header("a", "1"), header("b", "2")];
    for _ in 0..2 {
        encode(&mut encoder, &fields);
    }
    assert_eq!(encode(&mut encoder, &fields)[..], [0xbf, 0xbe]);
    encoder.set_max_table_size(0);
    encoder.set_max_table_size(4096);
    let block = encode(&mut encoder, &fields);
    assert_eq!(block[..4], hex("20 3fe1 1f"));
    assert_eq!(block[4] & 0xc0, 0x40);
}

#[test]
fn a_peer_without_a_table_gets_literals() {
    let mut encoder = Encoder::new();
    encoder.set_max_table_size(0);
    encode(&mut encoder, &[]);
    for _ in 0..3 {
        assert_eq!(
            encode(&mut encoder, &[header("a", "1")])[..],
            hex("00 0161 0131")
        );
    }
}
