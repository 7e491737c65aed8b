//! Tests of the input that the decoder accepts and refuses.

use super::*;

fn error(block: &[u8]) -> Option<DecodeError> {
    decode(&mut Decoder::new(4096), block).err()
}

#[test]
fn an_empty_block_has_no_fields() {
    assert_eq!(decode(&mut Decoder::new(4096), &[]), Ok(vec![]));
}

#[test]
fn indexes_of_nothing() {
    assert_eq!(error(&[0x80]), Some(DecodeError::InvalidIndex));
    assert_eq!(error(&[0xbe]), Some(DecodeError::InvalidIndex));
    assert_eq!(error(&hex("7f00 0161")), Some(DecodeError::InvalidIndex));
    assert_eq!(error(&hex("0f30 0161")), Some(DecodeError::InvalidIndex));
    assert_eq!(
        error(&hex("ff80 ffff ff0f")),
        Some(DecodeError::InvalidIndex)
    );
    // The last static entry exists.
    assert_eq!(error(&[0xbd]), None);
}

#[test]
fn blocks_that_break_off() {
    let whole = hex("82 4003 6162 6383 8c76 7f");
    for end in 0..=whole.len() {
        let complete = matches!(end, 0 | 1) || end == whole.len();
        let expected = (!complete).then_some(DecodeError::Truncated);
        assert_eq!(error(&whole[..end]), expected, "{end}");
    }
    assert_eq!(error(&[0xff]), Some(DecodeError::Truncated));
}

#[test]
fn lengths_past_the_block_are_refused() {
    let mut decoder = Decoder::new(4096);
    // The name has 4 GiB.
    let block = hex("00 7f80 ffff ff0f 61");
    assert_eq!(decode(&mut decoder, &block), Err(DecodeError::Truncated));
    let block = hex("00 ff80 ffff ff0f 61");
    assert_eq!(decode(&mut decoder, &block), Err(DecodeError::Truncated));
}

#[test]
fn every_literal_form() {
    for (first, is_indexed) in [(0x40, true), (0x00, false), (0x10, false)] {
        let mut decoder = Decoder::new(4096);
        let block = [first, 1, b'a', 1, b'b'];
        assert_eq!(decode(&mut decoder, &block), Ok(vec![header("a", "b")]));
        assert_eq!(decoder.table_size(), if is_indexed { 34 } else { 0 });
        // The name is the name of static entry 4.
        let block = [first | 4, 1, b'b'];
        assert_eq!(decode(&mut decoder, &block), Ok(vec![header(":path", "b")]));
    }
}

#[test]
fn the_name_of_an_entry_outlives_its_eviction() {
    let mut decoder = Decoder::new(4096);
    // The table has room for one entry. The second entry has the name of the one that it evicts (RFC 7541, 4.4).
    let block = hex("3f03 4001 6101 62 7e01 63 be");
    let expected = vec![header("a", "b"), header("a", "c"), header("a", "c")];
    assert_eq!(decode(&mut decoder, &block), Ok(expected));
    assert_eq!(decoder.table_size(), 34);
}

#[test]
fn size_updates_stand_at_the_start() {
    assert_eq!(error(&hex("20 3fe11f 82")), None);
    let misplaced = Some(DecodeError::MisplacedSizeUpdate);
    assert_eq!(error(&hex("82 20")), misplaced);
    assert_eq!(error(&hex("0001 6101 62 20")), misplaced);
    assert_eq!(error(&hex("20 4001 6101 62 20")), misplaced);
}

#[test]
fn size_updates_stay_below_the_limit() {
    // 4096, 4097, 65536.
    assert_eq!(error(&hex("3fe11f")), None);
    assert_eq!(error(&hex("3fe21f")), Some(DecodeError::TableTooLarge));
    let mut large = Decoder::new(65_536);
    assert_eq!(decode(&mut large, &hex("3fe1ff03")), Ok(vec![]));
    assert_eq!(
        decode(&mut large, &hex("3fe2ff03")),
        Err(DecodeError::TableTooLarge)
    );
    // A peer that has not seen the SETTINGS uses the default.
    let mut none = Decoder::new(0);
    assert_eq!(
        decode(&mut none, &hex("4001 6101 62 be")),
        Ok(vec![header("a", "b"), header("a", "b")])
    );
    assert_eq!(decode(&mut none, &hex("20")), Ok(vec![]));
    assert_eq!(none.table_size(), 0);
}

#[test]
fn a_table_of_size_zero_keeps_nothing() {
    let mut decoder = Decoder::new(4096);
    let block = hex("20 4001 6101 62 be");
    assert_eq!(decode(&mut decoder, &block), Err(DecodeError::InvalidIndex));
}

#[test]
fn huffman_errors_come_through() {
    assert_eq!(error(&hex("0081 ff00")), Some(DecodeError::Huffman));
    assert_eq!(
        error(&hex("0001 6184 ffff ffff")),
        Some(DecodeError::Huffman)
    );
}

#[test]
fn malformed_fields_are_the_callers_to_refuse() {
    let block = hex("0001 4101 0a");
    let headers = decode(&mut Decoder::new(4096), &block).unwrap();
    assert_eq!(headers, [Header::new(b"A", b"\n")]);
    assert!(headers[0].is_malformed());
}

#[test]
fn indexed_fields_share_their_text() {
    let mut decoder = Decoder::new(4096);
    let headers = decode(&mut decoder, &hex("4001 6101 62 be be")).unwrap();
    assert_eq!(headers[0].name().as_ptr(), headers[1].name().as_ptr());
    assert_eq!(headers[0].name().as_ptr(), headers[2].name().as_ptr());
}

#[test]
fn literals_that_repeat_a_long_name_are_stopped() {
    let mut decoder = Decoder::new(4096);
    let mut block = vec![0x40, 0x7f];
    block.extend(hex("811e")); // 127 + 3841
    block.resize(block.len() + 3968, b'n');
    block.push(0);
    assert_eq!(
        decode(&mut decoder, &block).map(|fields| fields.len()),
        Ok(1)
    );
    // The name of entry 62 with an empty value: 16 KiB of these would become 21 MB of fields.
    let bomb = hex("0f2f 00").repeat(5_000);
    let mut fields = 0;
    let result = decoder.decode(&bomb, |_| {
        fields += 1;
        true
    });
    assert_eq!(result, Err(DecodeError::Bomb));
    assert!(fields < 100, "{fields}");
}

#[test]
fn many_literals_with_names_of_usual_length_are_fine() {
    let mut block = Vec::new();
    for _ in 0..10_000 {
        // strict-transport-security, 25 bytes.
        block.extend(hex("0f29 00"));
    }
    let fields = decode(&mut Decoder::new(4096), &block).unwrap();
    assert_eq!(fields.len(), 10_000);
}
