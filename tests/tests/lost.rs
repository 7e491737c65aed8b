//! Processes that are killed during their calls, and connections that are half-closed.
//!
//! Nothing may hang, and descriptors and tasks must be freed. Measured from outside, on processes of their own.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use stubwright::{Channel, Result, Server};
use stubwright_tests::child::{Process, hear, say, this_program};
use stubwright_tests::figures::Figures;
use stubwright_tests::frames::{END_HEADERS, HEADERS, PREFACE, SETTINGS, frame, literals};
use stubwright_tests::pb::probe::v1::{Action, ProbeStub, Request};
use stubwright_tests::serve;

/// Environment variable that makes this program the server or the client.
const ROLE: &str = "STUBWRIGHT_LOST_ROLE";

/// Tasks of an idle server: the listener's, and that of the servicer's events.
const AT_REST: usize = 2;

/// Runs the child processes.
#[test]
fn role() {
    match std::env::var(ROLE).as_deref() {
        Ok("server") => drop(serve::run(Server::builder())),
        Ok("client") => client(),
        _ => {}
    }
}

fn process(role: &str) -> Process {
    let mut program = this_program();
    Process::with(
        program
            .args(["--exact", "role", "--nocapture"])
            .env(ROLE, role),
    )
}

/// Starts a server. Returns its address, and its figures without clients.
fn server() -> (Process, String, Figures) {
    let mut server = process("server");
    let address = server.hear();
    let before = Figures::at_rest(&mut server, AT_REST);
    (server, address, before)
}

/// Makes a call of each kind to the address that it reads. Prints the first results of the two streams, the results
/// of all calls, and what remains in the end.
fn client() {
    serve::runtime().block_on(async {
        let address = line().await;
        let stub = ProbeStub::new(Channel::insecure(address).expect("an address"));
        let hang = || Request {
            count: 1,
            action: Action::Hang.into(),
            ..Request::default()
        };
        let requests = || futures_util::stream::pending::<Request>();
        let mut streamed = stub.server_stream(hang());
        let mut both = stub.bidi(futures_util::StreamExt::chain(
            futures_util::stream::iter([Request::default()]),
            requests(),
        ));
        let one = tokio::spawn(stub.unary(hang()));
        let many = tokio::spawn(stub.client_stream(requests()));
        let first = [code(&streamed.message().await), code(&both.message().await)];
        say(&first.join(" "));
        let ends = [
            code(&streamed.message().await),
            code(&both.message().await),
            code(&one.await.expect("the task should not panic")),
            code(&many.await.expect("the task should not panic")),
        ];
        say(&ends.join(" "));
        drop((streamed, both, stub));
        while line().await == "tasks" {
            let metrics = tokio::runtime::Handle::current().metrics();
            say(&metrics.num_alive_tasks().to_string());
        }
    });
}

async fn line() -> String {
    tokio::task::spawn_blocking(hear)
        .await
        .expect("standard input should be text")
}

fn code<T>(result: &Result<T>) -> String {
    match result {
        Ok(_) => "Ok".to_owned(),
        Err(status) => format!("{:?}", status.code()),
    }
}

/// Starts a client with its four calls to this address in progress.
fn calling(address: &str) -> Process {
    let mut client = process("client");
    client.say(address);
    assert_eq!(client.hear(), "Ok Ok");
    client
}

#[test]
fn a_server_frees_the_calls_of_a_killed_client() {
    let (mut server, address, before) = server();
    let client = calling(&address);
    let during = Figures::of(&mut server);
    assert!(during.descriptors > before.descriptors && during.tasks > before.tasks);
    drop(client);
    let after = Figures::after(&mut server, &before);
    assert!(after.is_back_at(&before), "{before:?}, then {after:?}");
}

#[test]
fn calls_fail_when_their_server_is_killed() {
    let (server, address, _) = server();
    let mut client = calling(&address);
    let during = client.descriptors();
    drop(server);
    let unavailable = ["Unavailable"; 4].join(" ");
    assert_eq!(client.hear(), unavailable);
    let after = Figures::at_rest(&mut client, 0);
    assert_eq!(after.tasks, 0, "{after:?}");
    assert!(after.descriptors < during, "{during}, then {after:?}");
}

/// A client that closes its sending side ends its calls, because HTTP/2 needs both directions.
#[test]
fn a_server_closes_a_half_closed_connection() {
    let (mut server, address, before) = server();
    let mut peer = TcpStream::connect(&address).expect("the server should listen");
    let mut said = PREFACE.to_vec();
    said.extend(frame(SETTINGS, 0, 0, &[]));
    let head = literals(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/probe.v1.Probe/ClientStream"),
        ("content-type", "application/grpc"),
    ]);
    said.extend(frame(HEADERS, END_HEADERS, 1, &head));
    peer.write_all(&said).expect("the server should read");
    peer.shutdown(Shutdown::Write)
        .expect("the connection should be open");
    read_to_end(&mut peer);
    let after = Figures::after(&mut server, &before);
    assert!(after.is_back_at(&before), "{before:?}, then {after:?}");
}

#[test]
fn a_client_closes_a_half_closed_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there should be a free port");
    let mut client = process("client");
    let address = listener.local_addr().expect("the listener should be bound");
    client.say(&address.to_string());
    let (mut peer, _) = listener.accept().expect("the client should connect");
    drop(listener);
    peer.write_all(&frame(SETTINGS, 0, 0, &[]))
        .expect("the client should read");
    let mut preface = [0; PREFACE.len()];
    peer.read_exact(&mut preface)
        .expect("the client should send its preface");
    peer.shutdown(Shutdown::Write)
        .expect("the connection should be open");
    read_to_end(&mut peer);
    assert_eq!(client.hear(), "Unavailable Unavailable");
    // A stream that has ended with an error yields nothing after it.
    assert_eq!(client.hear(), "Ok Ok Unavailable Unavailable");
    let after = Figures::at_rest(&mut client, 0);
    assert_eq!(after.tasks, 0, "{after:?}");
}

/// Reads until the other side closes the connection.
fn read_to_end(peer: &mut TcpStream) {
    peer.set_read_timeout(Some(Duration::from_secs(10)))
        .expect("the timeout should not be zero");
    let mut buffer = [0; 4096];
    loop {
        match peer.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return,
            Err(error) => panic!("the other side has not closed: {error}"),
        }
    }
}
