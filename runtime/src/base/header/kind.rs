//! The kinds of header fields.

/// The kind of a header field, determined by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Method,
    Scheme,
    Authority,
    Path,
    Status,
    /// Any other name that starts with a colon.
    OtherPseudo,
    ContentType,
    ContentLength,
    Te,
    UserAgent,
    Host,
    GrpcTimeout,
    GrpcEncoding,
    GrpcAcceptEncoding,
    GrpcStatus,
    GrpcMessage,
    GrpcStatusDetailsBin,
    /// Any other name that ends in `-bin`.
    Binary,
    /// Any other name that starts with `grpc-`.
    GrpcOther,
    Other,
}

impl Kind {
    /// Returns whether the name starts with a colon (RFC 9113, 8.3).
    pub(crate) const fn is_pseudo(self) -> bool {
        matches!(
            self,
            Kind::Method
                | Kind::Scheme
                | Kind::Authority
                | Kind::Path
                | Kind::Status
                | Kind::OtherPseudo
        )
    }

    pub(super) const fn of(name: &[u8]) -> Kind {
        match name {
            b":method" => Kind::Method,
            b":scheme" => Kind::Scheme,
            b":authority" => Kind::Authority,
            b":path" => Kind::Path,
            b":status" => Kind::Status,
            [b':', ..] => Kind::OtherPseudo,
            b"content-type" => Kind::ContentType,
            b"content-length" => Kind::ContentLength,
            b"te" => Kind::Te,
            b"user-agent" => Kind::UserAgent,
            b"host" => Kind::Host,
            b"grpc-timeout" => Kind::GrpcTimeout,
            b"grpc-encoding" => Kind::GrpcEncoding,
            b"grpc-accept-encoding" => Kind::GrpcAcceptEncoding,
            b"grpc-status" => Kind::GrpcStatus,
            b"grpc-message" => Kind::GrpcMessage,
            b"grpc-status-details-bin" => Kind::GrpcStatusDetailsBin,
            [.., b'-', b'b', b'i', b'n'] => Kind::Binary,
            [b'g', b'r', b'p', b'c', b'-', ..] => Kind::GrpcOther,
            _ => Kind::Other,
        }
    }
}

/// A set of kinds of header fields.
#[cfg(feature = "server")]
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Kinds(u32);

#[cfg(feature = "server")]
impl Kinds {
    /// Returns whether the set contains the kind.
    pub(crate) const fn contains(self, kind: Kind) -> bool {
        self.0 & Kinds::bit(kind) != 0
    }

    const fn bit(kind: Kind) -> u32 {
        1 << kind as u32
    }
}

#[cfg(feature = "server")]
impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Kinds {
        let bits = kinds.into_iter().map(Kinds::bit);
        Kinds(bits.fold(0, |set, bit| set | bit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::header::Header;

    #[cfg(feature = "server")]
    #[test]
    fn a_set_contains_what_it_was_made_of() {
        let some = [Kind::Method, Kind::Host, Kind::Other];
        let set = Kinds::from_iter(some);
        let all = [
            Kind::Method,
            Kind::Scheme,
            Kind::Host,
            Kind::Binary,
            Kind::GrpcOther,
            Kind::Other,
        ];
        for kind in all {
            assert_eq!(set.contains(kind), some.contains(&kind), "{kind:?}");
        }
        assert_eq!(Kinds::from_iter([]), Kinds::default());
    }

    #[test]
    fn kinds_follow_from_names() {
        for (name, kind) in [
            (":method", Kind::Method),
            (":scheme", Kind::Scheme),
            (":authority", Kind::Authority),
            (":path", Kind::Path),
            (":status", Kind::Status),
            (":protocol", Kind::OtherPseudo),
            (":", Kind::OtherPseudo),
            ("content-type", Kind::ContentType),
            ("content-length", Kind::ContentLength),
            ("te", Kind::Te),
            ("user-agent", Kind::UserAgent),
            ("host", Kind::Host),
            ("grpc-timeout", Kind::GrpcTimeout),
            ("grpc-encoding", Kind::GrpcEncoding),
            ("grpc-accept-encoding", Kind::GrpcAcceptEncoding),
            ("grpc-status", Kind::GrpcStatus),
            ("grpc-message", Kind::GrpcMessage),
            ("grpc-status-details-bin", Kind::GrpcStatusDetailsBin),
            ("grpc-trace-bin", Kind::Binary),
            ("grpc-trace", Kind::GrpcOther),
            ("trace-bin", Kind::Binary),
            ("-bin", Kind::Binary),
            ("bin", Kind::Other),
            ("grpc", Kind::Other),
            ("", Kind::Other),
        ] {
            let found = Header::new(name.as_bytes(), b"").kind();
            assert_eq!(found, kind, "{name}");
            assert_eq!(found.is_pseudo(), name.starts_with(':'), "{name}");
        }
    }
}
