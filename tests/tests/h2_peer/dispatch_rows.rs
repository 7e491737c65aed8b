//! The contract for where a request goes, with raw frames to our server. The rows are numbered as in the table of the contract.

use std::sync::{Arc, Mutex};

use stubwright::{InterceptedCall, Server, Status};

use crate::request_rows::Pair;

/// A server that asks for a token, and notes the methods that it was asked for.
async fn guarded() -> (Pair, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let guard = move |call: InterceptedCall| {
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

/// Whatever is wrong with a request, it does not show whether its method is known.
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
