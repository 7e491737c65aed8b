//! Dispatching of requests to methods, with raw frames to our server. Rows have the numbers of the table in
//! `hostile_input.md`.

use std::sync::{Arc, Mutex};

use stubwright::{Server, ServerCall, Status};

use crate::raw::{Answer, field};
use crate::request_rows::{Pair, head, request};
use crate::wire::framed;

/// Makes a call with this authority and these `host` fields.
async fn call_for(pair: &mut Pair, authority: &str, hosts: &[&str]) -> Answer {
    let mut fields = head(&[(":authority", authority), ("describe", "1")]);
    fields.extend(hosts.iter().map(|host| ("host", *host)));
    pair.raw.call(&fields, &framed(&request(b"x"))).await
}

#[tokio::test]
async fn row_57_the_host_where_there_is_no_authority() {
    let mut pair = Pair::new().await;
    for (sent, hosts, authority) in [
        ("", &[][..], ""),
        ("", &["a.test"], "a.test"),
        ("", &[" a.test:80 "], "a.test:80"),
        ("b.test", &[], "b.test"),
        ("b.test", &["a.test"], "b.test"),
    ] {
        let answer = call_for(&mut pair, sent, hosts).await;
        answer.assert_status(0, "");
        assert_eq!(
            field(&answer.end, "authority"),
            Some(authority),
            "{hosts:?}"
        );
        pair.served.event().await;
        pair.served.event().await;
    }
}

#[tokio::test]
async fn row_57_several_hosts() {
    let mut pair = Pair::new().await;
    for (authority, hosts) in [("", ["a.test", "b.test"]), ("c.test", ["a.test", "a.test"])] {
        let answer = call_for(&mut pair, authority, &hosts).await;
        assert_eq!(answer.status(), "400", "{answer:?}");
        assert_eq!(answer.grpc_status(), Some(13), "{answer:?}");
        assert!(answer.message().contains("host"), "{answer:?}");
        pair.assert_no_handler_ran();
    }
    pair.assert_alive().await;
}

/// Starts a server that requires a token, and notes the methods of its calls.
async fn guarded() -> (Pair, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let guard = move |mut call: ServerCall| {
        let method = call.context().method().to_owned();
        seen.lock().unwrap().push(method);
        async move {
            match call.context().invocation_metadata().get("token") {
                Some("good") => call.proceed().await.result,
                _ => Err(Status::unauthenticated("no token")),
            }
        }
    };
    let pair = Pair::with(Server::builder().interceptor(guard)).await;
    (pair, asked)
}

const PATHS: [&str; 9] = [
    "/probe.v1.Probe/Nothing",
    "/probe.v1.Nothing/Unary",
    "/probe.v1.Probe/unary",
    "/",
    "//probe.v1.Probe/Unary",
    "/probe.v1.Probe/Unary/",
    "/probe.v1.Probe/%55nary",
    "/gr\u{fc}n/x",
    "*",
];

#[tokio::test]
async fn row_71_interceptors_are_around_unknown_methods() {
    let (mut pair, asked) = guarded().await;
    for path in PATHS {
        let answer = pair.call(&[(":path", path)]).await;
        answer.assert_status(16, "no token");
        let answer = pair.call(&[(":path", path), ("token", "good")]).await;
        answer.assert_status(12, "unknown method");
        let asked = std::mem::take(&mut *asked.lock().unwrap());
        assert_eq!(asked, [path, path]);
        pair.assert_no_handler_ran();
    }
    pair.call(&[("token", "good")]).await.assert_status(0, "");
}

/// An unauthenticated or invalid request must not reveal which methods exist.
#[tokio::test]
async fn row_71_nothing_tells_which_methods_are_known() {
    let (mut pair, _) = guarded().await;
    for (name, value) in [
        ("token", "bad"),
        ("token", ""),
        ("grpc-timeout", "x"),
        ("grpc-timeout", "0n"),
        ("grpc-encoding", "br"),
        ("x-bin", "!"),
        ("content-type", "application/grpc+other"),
        (":method", "GET"),
    ] {
        let known = pair.call(&[(name, value)]).await;
        for path in PATHS {
            let unknown = pair.call(&[(":path", path), (name, value)]).await;
            assert_eq!(unknown.head, known.head, "{path} {name}: {value}");
            assert_eq!(unknown.body, known.body);
        }
    }
    pair.assert_no_handler_ran();
}
