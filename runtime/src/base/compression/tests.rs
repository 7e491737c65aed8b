use super::*;

/// Returns `length` bytes that can be compressed.
#[cfg(any(feature = "gzip", feature = "zstd"))]
fn text(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place / 7 % 251) as u8).collect()
}

#[test]
fn names_and_numbers_come_back() {
    for (place, &kind) in ALL.iter().enumerate() {
        assert_eq!(usize::from(kind.number()), place);
        assert_eq!(Compression::from_number(kind.number()), kind);
        let head = vec![Header::new(b"grpc-encoding", kind.name().as_bytes())];
        let head = Metadata::from_fields(head);
        assert_eq!(Compression::announced(&head), Ok(kind));
        let advertised = std::str::from_utf8(ACCEPT_ENCODING.value()).unwrap();
        assert!(advertised.split(',').any(|name| name == kind.name()));
        let header = kind.header().map(|header| header.value().to_vec());
        assert_eq!(header.is_none(), kind == Compression::Identity);
        assert!(header.is_none_or(|header| header == kind.name().as_bytes()));
    }
    assert_eq!(Compression::from_number(200), Compression::Identity);
    assert_eq!(
        Compression::announced(&Metadata::new()),
        Ok(Compression::Identity)
    );
    let head = Metadata::from_fields(vec![Header::new(b"grpc-encoding", b"gzip2")]);
    assert_eq!(Compression::announced(&head), Err("gzip2".to_owned()));
}

#[test]
fn no_encoding_no_decompression() {
    let status = Compression::Identity.decompress(b"x", 10).unwrap_err();
    assert_eq!(status.code(), crate::Code::Internal);
}

#[cfg(any(feature = "gzip", feature = "zstd"))]
mod both_ways {
    use super::*;
    use crate::Code;
    use proptest::prelude::*;

    fn compressed(kind: Compression, message: &[u8]) -> Vec<u8> {
        let mut output = Vec::with_capacity(message.len() + 100);
        assert!(kind.compress(message, &mut output));
        output
    }

    fn kinds() -> impl Iterator<Item = Compression> {
        ALL.iter().copied().skip(1)
    }

    #[test]
    fn a_peer_is_asked_what_it_accepts() {
        for kind in kinds() {
            let name = kind.name();
            for (accepts, expected) in [
                (name.to_owned(), true),
                (format!("identity,{name}"), true),
                (format!("identity, {name} , br"), true),
                (format!("{name}2"), false),
                ("identity".to_owned(), false),
                (String::new(), false),
            ] {
                let field = Header::new(b"grpc-accept-encoding", accepts.as_bytes());
                let head = Metadata::from_fields(vec![field]);
                let chosen = kind.accepted_by(&head);
                assert_eq!(chosen == kind, expected, "{accepts:?}");
            }
            let nothing = Metadata::new();
            assert_eq!(kind.accepted_by(&nothing), Compression::Identity);
        }
    }

    #[test]
    fn messages_come_back() {
        for kind in kinds() {
            for length in [17, 100, 1000, 65_536, 4 << 20] {
                let message = text(length);
                let sent = compressed(kind, &message);
                assert!(length < 65_536 || sent.len() < length / 5);
                assert!(kind.decompress(&sent, length).unwrap() == message);
            }
        }
    }

    #[test]
    fn bytes_behind_the_output_stay() {
        for kind in kinds() {
            let message = text(1000);
            let mut output = Vec::with_capacity(1000);
            output.extend(b"prefix");
            assert!(kind.compress(&message, &mut output));
            let sent = output.strip_prefix(b"prefix").unwrap();
            assert_eq!(kind.decompress(sent, 1000).unwrap(), message);
        }
    }

    #[test]
    fn incompressible_messages_stay_as_they_are() {
        for kind in kinds() {
            // Each byte occurs once, so nothing can be compressed.
            let message: Vec<u8> = (0..=255).collect();
            let mut output = Vec::with_capacity(message.len() - 1);
            assert!(!kind.compress(&message, &mut output));
            assert!(!kind.compress(b"", &mut Vec::with_capacity(100)));
        }
    }

    #[test]
    fn the_limit_is_exact() {
        for kind in kinds() {
            for length in [256, 257, 1023, 1024, 1025, 100_000] {
                let sent = compressed(kind, &text(length));
                assert_eq!(kind.decompress(&sent, length).unwrap(), text(length));
                for limit in [length - 1, length / 2, 1, 0] {
                    let status = kind.decompress(&sent, limit).unwrap_err();
                    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                }
            }
            let sent = compressed(kind, &text(1000));
            assert_eq!(kind.decompress(&sent, usize::MAX).unwrap(), text(1000));
        }
    }

    #[test]
    fn truncated_and_overlong_input_is_an_error() {
        for kind in kinds() {
            let sent = compressed(kind, &text(1000));
            for length in 0..sent.len() {
                let status = kind.decompress(&sent[..length], 1000).unwrap_err();
                assert_eq!(status.code(), Code::Internal, "{length}: {status}");
            }
            for more in [&[0][..], &sent] {
                let longer = [&sent[..], more].concat();
                let status = kind.decompress(&longer, 4000).unwrap_err();
                assert_eq!(status.code(), Code::Internal, "{status}");
            }
        }
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn row_72_deflate_is_the_format_of_zlib() {
        let sent = compressed(Compression::Deflate, &text(1000));
        // RFC 1950, 2.2: CM, CINFO, and a multiple of 31.
        assert_eq!(
            (sent[0], u16::from_be_bytes([sent[0], sent[1]]) % 31),
            (0x78, 0)
        );
        // Raw deflate is refused, and so is a stream that needs a dictionary.
        for other in [&sent[2..], &[0x78, 0xbb, 0, 0, 0, 1, 3, 0]] {
            let status = Compression::Deflate.decompress(other, 1000).unwrap_err();
            assert_eq!(status.code(), Code::Internal, "{status}");
        }
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn a_wrong_checksum_or_length_is_an_error() {
        let sent = compressed(Compression::Gzip, &text(1000));
        for place in sent.len() - 8..sent.len() {
            let mut sent = sent.clone();
            sent[place] ^= 1;
            let status = Compression::Gzip.decompress(&sent, 1000).unwrap_err();
            assert_eq!(status.code(), Code::Internal);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(message in proptest::collection::vec(0_u8..4, 0..3000)) {
            for kind in kinds() {
                let mut output = Vec::with_capacity(message.len());
                if kind.compress(&message, &mut output) {
                    prop_assert_eq!(&kind.decompress(&output, message.len()).unwrap(), &message);
                }
            }
        }

        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for kind in kinds() {
                if let Ok(message) = kind.decompress(&bytes, 1000) {
                    prop_assert!(message.len() <= 1000);
                }
            }
        }

        #[test]
        fn a_few_wrong_bytes_are_a_message_or_an_error(
            wrong in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            for kind in kinds() {
                let mut sent = compressed(kind, &text(2000));
                for (place, byte) in &wrong {
                    let place = place.index(sent.len());
                    sent[place] = *byte;
                }
                match kind.decompress(&sent, 4000) {
                    Ok(message) => prop_assert!(message.len() <= 4000),
                    Err(status) => prop_assert!(
                        matches!(status.code(), Code::Internal | Code::ResourceExhausted)
                    ),
                }
            }
        }
    }
}
