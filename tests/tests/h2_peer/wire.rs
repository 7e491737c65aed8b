//! gRPC's messages in HTTP/2, encoded by hand.

use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;
use stubwright::prost::Message;

/// Waits for a future, with a timeout far beyond any test's.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("should complete within 20 seconds")
}

/// Encodes a message with its prefix.
pub fn framed(message: &impl Message) -> Vec<u8> {
    prefixed(0, &message.encode_to_vec())
}

/// Adds a prefix to bytes.
pub fn prefixed(flag: u8, payload: &[u8]) -> Vec<u8> {
    let mut framed = vec![flag];
    framed.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
    framed.extend(payload);
    framed
}

/// Reads a body and its trailers, or the error that cut it off. Returns window as bytes arrive.
pub async fn read_all(body: &mut RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut bytes = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        bytes.extend(&data);
    }
    Ok((bytes, body.trailers().await?))
}

/// Reads the next message of a body, however it is split into frames.
pub async fn next_message<M: Message + Default>(body: &mut RecvStream, rest: &mut Vec<u8>) -> M {
    loop {
        if let Some((prefix, payload)) = rest.split_at_checked(5) {
            let length = u32::from_be_bytes(prefix[1..].try_into().unwrap()) as usize;
            if let Some(payload) = payload.get(..length) {
                let message = M::decode(payload).unwrap();
                rest.drain(..5 + length);
                return message;
            }
        }
        let data: Bytes = body.data().await.expect("a message").unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        rest.extend(&data);
    }
}

/// Returns bytes that make a missing or repeated part visible.
pub fn pattern(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Returns the fields of a map as text, sorted.
pub fn fields(map: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
    let mut fields: Vec<_> = map
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect();
    fields.sort();
    fields
}

/// Converts pairs to the form of [`fields`].
pub fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = pairs.iter();
    owned
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
