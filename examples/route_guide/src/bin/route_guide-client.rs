//! Calls a route guide in all four kinds of calls.

use std::process::ExitCode;
use std::time::Duration;

use route_guide::features;
use route_guide::routeguide::{Feature, Point, Rectangle, RouteGuideStub, RouteNote};
use stubwright::{Channel, RequestSender, Result, StreamingCall, sending};

const USAGE: &str = "usage: route_guide-client --addr HOST:PORT";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ["--addr", address] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match ask(address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(status) => {
            eprintln!("route_guide-client: {status}");
            ExitCode::FAILURE
        }
    }
}

async fn ask(address: &str) -> Result<()> {
    let stub = RouteGuideStub::new(Channel::insecure(address)?);
    get_feature(&stub).await?;
    list_features(&stub).await?;
    record_route(&stub).await?;
    route_chat(&stub).await
}

/// Unary: gets the feature at a point.
async fn get_feature(stub: &RouteGuideStub) -> Result<()> {
    for at in [point(407_838_351, -746_143_763), point(1, -1)] {
        let feature = stub.get_feature(at).await?;
        println!("GetFeature: {}", described(&feature));
    }
    Ok(())
}

/// Server streaming: lists the features in a rectangle.
async fn list_features(stub: &RouteGuideStub) -> Result<()> {
    let mut features = stub.list_features(Rectangle {
        lo: Some(point(400_000_000, -750_000_000)),
        hi: Some(point(410_000_000, -730_000_000)),
    });
    while let Some(feature) = features.message().await? {
        println!("ListFeatures: {}", described(&feature));
    }
    Ok(())
}

/// Client streaming: records a route between features.
async fn record_route(stub: &RouteGuideStub) -> Result<()> {
    let route = features()
        .into_iter()
        .filter_map(|feature| feature.location);
    let summary = stub.record_route(route).await?;
    println!(
        "RecordRoute: {} points, {} features, {} m",
        summary.point_count, summary.feature_count, summary.distance
    );
    Ok(())
}

/// Bidirectional: leaves notes along the way, and reads the notes that others have left there.
async fn route_chat(stub: &RouteGuideStub) -> Result<()> {
    let (left, heard) = sending(|notes| stub.route_chat(notes));
    tokio::try_join!(travel(left), listen(heard))?;
    Ok(())
}

/// Sends notes one after the other. Dropping the sender ends the requests.
async fn travel(notes: RequestSender<RouteNote>) -> Result<()> {
    for (message, latitude) in [("first", 0), ("second", 1), ("third", 0), ("fourth", 1)] {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let location = Some(point(latitude, 0));
        let message = message.to_owned();
        notes.send(RouteNote { location, message }).await?;
    }
    Ok(())
}

/// Prints the notes of others.
async fn listen(mut notes: StreamingCall<RouteNote>) -> Result<()> {
    while let Some(note) = notes.message().await? {
        let at = note.location.unwrap_or_default();
        println!(
            "RouteChat: at {}, {}: {}",
            at.latitude, at.longitude, note.message
        );
    }
    Ok(())
}

fn described(feature: &Feature) -> String {
    let at = feature.location.unwrap_or_default();
    let name = match feature.name.as_str() {
        "" => "nothing",
        name => name,
    };
    format!("{name} at {}, {}", at.latitude, at.longitude)
}

fn point(latitude: i32, longitude: i32) -> Point {
    Point {
        latitude,
        longitude,
    }
}
