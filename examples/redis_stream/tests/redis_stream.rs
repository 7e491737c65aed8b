//! Tests with a Redis server that listens only on a unix socket. They are skipped with a message if `redis-server` is
//! not installed.

#![cfg(unix)]

#[path = "../../../tests/support/readme.rs"]
mod readme;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis_stream::redis_stream::{
    RedisStreamServiceStub, SubRequest, redis_stream_service_handler,
};
use redis_stream::{Redis, RedisStreamServicer, Value};
use stubwright::{Channel, Code};
use tokio::time::timeout;

/// Maximum time to wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Redis server. When this is dropped, the server ends and its files are removed.
struct Server {
    process: Child,
    directory: PathBuf,
}

impl Server {
    /// Starts a server. Returns `None` and prints the reason if there is no `redis-server`.
    fn start(test: &str) -> Option<Server> {
        let name = format!("stubwright-redis-{}-{test}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let mut command = Command::new("redis-server");
        command
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .args(["--unixsocket", "redis.sock", "--dir"])
            .arg(&directory)
            .current_dir(&directory)
            .stdout(Stdio::null());
        match command.spawn() {
            Ok(process) => Some(Server { process, directory }),
            Err(error) => {
                eprintln!("skipped: cannot run redis-server ({error})");
                std::fs::remove_dir_all(directory).unwrap();
                None
            }
        }
    }

    fn socket(&self) -> String {
        let path = self.directory.join("redis.sock");
        path.to_str().unwrap().to_owned()
    }

    fn address(&self) -> String {
        format!("unix:{}", self.socket())
    }

    /// Connects as soon as the server listens.
    async fn connect(&self) -> Redis {
        let connected = async {
            loop {
                if let Ok(redis) = Redis::connect(&self.address()).await {
                    return redis;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, connected)
            .await
            .expect("Redis should listen")
    }

    fn stub(&self) -> RedisStreamServiceStub {
        let redis = self.address();
        let handler = redis_stream_service_handler(RedisStreamServicer { redis });
        RedisStreamServiceStub::new(Channel::in_process(handler))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

fn request(stream: &str, last_id: &str) -> SubRequest {
    SubRequest {
        stream: stream.into(),
        last_id: last_id.into(),
    }
}

#[tokio::test]
async fn existing_and_new_entries_arrive() {
    let Some(server) = Server::start("entries") else {
        return;
    };
    let mut redis = server.connect().await;
    for id in ["1-1", "1-2"] {
        let added = redis
            .command(&["XADD", "news", id, "a", "1", "b", ""])
            .await;
        assert_eq!(added.unwrap(), Value::Text(id.into()));
    }
    let stub = server.stub();
    let mut all = stub.sub(request("news", "0"));
    let mut new = stub.sub(request("news", ""));
    for expected in ["1-1", "1-2"] {
        let entry = timeout(PATIENCE, all.message()).await.unwrap();
        let entry = entry.unwrap().unwrap();
        assert_eq!(entry.id, expected);
        let fields: Vec<_> = entry.fields.iter().map(|f| (&*f.name, &*f.value)).collect();
        assert_eq!(fields, [("a", &b"1"[..]), ("b", b"")]);
    }
    // The initial metadata shows that the servicer has read the last id.
    timeout(PATIENCE, new.initial_metadata())
        .await
        .unwrap()
        .unwrap();
    redis
        .command(&["XADD", "news", "2-1", "c", "3"])
        .await
        .unwrap();
    for stream in [&mut all, &mut new] {
        let entry = timeout(PATIENCE, stream.message()).await.unwrap();
        assert_eq!(entry.unwrap().unwrap().id, "2-1");
    }
}

#[tokio::test]
async fn a_subscription_that_is_dropped_closes_its_connection() {
    let Some(server) = Server::start("dropped") else {
        return;
    };
    let mut redis = server.connect().await;
    let stub = server.stub();
    let mut entries = stub.sub(request("nothing", ""));
    timeout(PATIENCE, entries.initial_metadata())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(clients(&mut redis).await, 2);
    drop(entries);
    let closed = async {
        while clients(&mut redis).await > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, closed)
        .await
        .expect("the connection should be closed");
}

/// Returns the number of Redis connections.
async fn clients(redis: &mut Redis) -> usize {
    let Value::Text(list) = redis.command(&["CLIENT", "LIST"]).await.unwrap() else {
        panic!("no list");
    };
    String::from_utf8(list).unwrap().lines().count()
}

#[tokio::test]
async fn errors_of_redis_are_returned() {
    let Some(server) = Server::start("refused") else {
        return;
    };
    let mut redis = server.connect().await;
    redis.command(&["SET", "text", "no stream"]).await.unwrap();
    let stub = server.stub();
    for (request, code, words) in [
        (request("", ""), Code::InvalidArgument, "missing"),
        (request("text", "0"), Code::Unavailable, "WRONGTYPE"),
        (
            request("news", "no id"),
            Code::Unavailable,
            "Invalid stream ID",
        ),
    ] {
        let error = timeout(PATIENCE, stub.sub(request).message()).await;
        let error = error.unwrap().unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.message().contains(words), "{error}");
    }
    drop(server);
    let error = stub.sub(request("news", "0")).message().await;
    assert_eq!(error.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn the_readme_runs() {
    let Some(server) = Server::start("readme") else {
        return;
    };
    server.connect().await;
    let binaries = [
        ("redis-cli", "redis-cli"),
        (
            "redis_stream-server",
            env!("CARGO_BIN_EXE_redis_stream-server"),
        ),
        (
            "redis_stream-client",
            env!("CARGO_BIN_EXE_redis_stream-client"),
        ),
    ];
    let (socket, address) = (server.socket(), server.address());
    let replaced = [
        ("-p 6379", &*format!("-s {socket}")),
        ("127.0.0.1:6379", &address),
    ];
    readme::run(include_str!("../README.md"), &binaries, &replaced);
}
