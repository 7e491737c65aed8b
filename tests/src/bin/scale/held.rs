//! Many calls held open on many connections, and a server that stops with a grace period.

use std::time::{Duration, Instant};

use stubwright::Channel;
use stubwright_tests::child::{Process, hear, say};
use stubwright_tests::pb::probe::v1::{ProbeStub, Request};
use stubwright_tests::serve::runtime;
use tokio::sync::watch;

use crate::server;

/// Holds the calls, stops the server, ends the calls, and counts how they ended.
pub fn run(connections: usize, streams: usize) -> Option<bool> {
    let (mut server, address) = server();
    let before = server.memory();
    let mut client = Process::start(&[
        "hold-calls",
        &address,
        &connections.to_string(),
        &streams.to_string(),
    ]);
    println!("{}", client.hear());
    let with = server.memory();
    let calls = connections * streams;
    println!(
        "server: {before} KiB -> {with} KiB, {:.2} KiB a call, {} descriptors",
        (with.saturating_sub(before)) as f64 / calls as f64,
        server.descriptors()
    );
    server.say("stop 60");
    client.say("end");
    let ended = client.hear();
    println!("client: {ended}");
    println!("server {}", server.hear());
    println!(
        "server: {} KiB, {} descriptors after it",
        server.memory(),
        server.descriptors()
    );
    Some(ended.starts_with(&format!("{calls} ended well, 0 ")) && server.descriptors() < 50)
}

/// Runs the client process, which holds bidirectional calls open until it is told to end them.
pub fn hold(address: &str, connections: usize, streams: usize) -> Option<bool> {
    runtime().block_on(async {
        let (end, ending) = watch::channel(false);
        let (opened, mut openings) = tokio::sync::mpsc::unbounded_channel();
        let mut calls = Vec::new();
        let before = Instant::now();
        for _ in 0..connections {
            let stub = ProbeStub::new(Channel::insecure(address).ok()?);
            for _ in 0..streams {
                let (stub, ending, opened) = (stub.clone(), ending.clone(), opened.clone());
                calls.push(tokio::spawn(async move {
                    let requests = async_stream(ending);
                    let mut call = stub.bidi(requests);
                    let first = call.message().await?;
                    let _ = opened.send(first.is_some());
                    let second = call.message().await?;
                    let end = call.message().await?;
                    Ok::<bool, stubwright::Status>(second.is_some() && end.is_none())
                }));
            }
        }
        for _ in 0..connections * streams {
            openings.recv().await?;
        }
        say(&format!(
            "{connections} connections with {streams} calls each are open after {:.2} s",
            before.elapsed().as_secs_f64()
        ));
        tokio::task::spawn_blocking(hear).await.ok()?;
        // The server has been told to stop. The calls end a little later.
        tokio::time::sleep(Duration::from_millis(500)).await;
        end.send_replace(true);
        let (mut well, mut lost) = (0, 0);
        for call in calls {
            match call.await {
                Ok(Ok(true)) => well += 1,
                _ => lost += 1,
            }
        }
        say(&format!("{well} ended well, {lost} did not"));
        Some(true)
    })
}

/// Sends a first request at once, and a second one at the end.
fn async_stream(
    mut ending: watch::Receiver<bool>,
) -> impl stubwright::Stream<Item = Request> + Send + 'static {
    let mut next = 0;
    let mut waiting = Box::pin(async move {
        // The sender lives until the end is announced.
        drop(ending.wait_for(|end| *end).await);
    });
    futures_util::stream::poll_fn(move |context| {
        next += 1;
        match next {
            1 => std::task::Poll::Ready(Some(Request::default())),
            2 => {
                let ended = std::future::Future::poll(waiting.as_mut(), context);
                if ended.is_pending() {
                    next = 1;
                }
                ended.map(|()| Some(Request::default()))
            }
            _ => std::task::Poll::Ready(None),
        }
    })
}
