//! Fields that nearly every call has. When a peer sends them, they take no memory. Fields in HPACK's static table are found
//! there instead.

use super::Header;

/// Returns the static field with this text, if there is one.
pub(super) fn find(hash: u32, name: &[u8], value: &[u8]) -> Option<&'static Header> {
    let position = PLACES.get(hash as usize % PLACES.len())?;
    let header = COMMON.get(usize::from(*position))?;
    let is_same = header.hash() == hash && header.name() == name && header.value() == value;
    is_same.then_some(header)
}

/// Maps a hash to an index in `COMMON`. The compiler checks that no two fields share a place.
static PLACES: [u8; 64] = {
    let mut places = [u8::MAX; 64];
    let mut i = 0;
    while i < COMMON.len() {
        let place = &mut places[COMMON[i].hash() as usize % 64];
        assert!(
            *place == u8::MAX,
            "two fields in one place: change the table's length"
        );
        *place = i as u8;
        i += 1;
    }
    places
};

static COMMON: [Header; 10] = [
    Header::from_static("content-type", "application/grpc"),
    Header::from_static("content-type", "application/grpc+proto"),
    Header::from_static("grpc-accept-encoding", "gzip"),
    Header::from_static("grpc-accept-encoding", "identity"),
    Header::from_static("grpc-accept-encoding", "identity,deflate,gzip"),
    Header::from_static("grpc-encoding", "gzip"),
    Header::from_static("grpc-encoding", "identity"),
    Header::from_static("grpc-message", ""),
    Header::from_static("grpc-status", "0"),
    Header::from_static("te", "trailers"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_fields_share_their_text() {
        for header in &COMMON {
            let other = Header::new(header.name(), header.value());
            assert_eq!(&other, header);
            assert_eq!(other.value().as_ptr(), header.value().as_ptr());
        }
    }

    #[test]
    fn other_fields_are_not_taken_for_common_ones() {
        for header in &COMMON {
            assert!(find(header.hash(), header.name(), b"other").is_none());
            assert!(find(header.hash(), b"other", header.value()).is_none());
        }
    }
}
