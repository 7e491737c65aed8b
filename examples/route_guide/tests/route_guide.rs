//! Tests of the servicer through a stub, in-process.

use futures_util::{StreamExt, TryStreamExt};
use route_guide::routeguide::{
    Point, Rectangle, RouteGuideStub, RouteNote, RouteSummary, route_guide_handler,
};
use route_guide::{RouteGuide, features};
use stubwright::Channel;

fn point(latitude: i32, longitude: i32) -> Point {
    Point {
        latitude,
        longitude,
    }
}

fn note(message: &str, latitude: i32, longitude: i32) -> RouteNote {
    RouteNote {
        location: Some(point(latitude, longitude)),
        message: message.to_owned(),
    }
}

/// Returns a stub of a guide without notes.
fn guide() -> RouteGuideStub {
    let handler = route_guide_handler(RouteGuide::new(features()));
    RouteGuideStub::new(Channel::in_process(handler))
}

#[tokio::test]
async fn a_point_returns_its_feature() {
    let stub = guide();
    let path = point(407_838_351, -746_143_763);
    let feature = stub.get_feature(path).await.unwrap();
    assert_eq!(feature.name, "Patriots Path");
    assert_eq!(feature.location, Some(path));
    let nowhere = stub.get_feature(point(1, -1)).await.unwrap();
    assert_eq!(nowhere.name, "");
    assert_eq!(nowhere.location, Some(point(1, -1)));
}

#[tokio::test]
async fn the_features_of_a_rectangle_are_listed() {
    let stub = guide();
    let everywhere = Rectangle {
        lo: Some(point(420_000_000, -730_000_000)),
        hi: Some(point(400_000_000, -750_000_000)),
    };
    let features: Vec<_> = stub.list_features(everywhere).try_collect().await.unwrap();
    let names: Vec<_> = features.iter().map(|feature| &*feature.name).collect();
    assert_eq!(
        names,
        [
            "Patriots Path",
            "Berkshire Valley",
            "U.S. 6, Shohola",
            "Berkshire Valley Management Area Trail"
        ]
    );
    let nowhere = stub.list_features(Rectangle::default()).message().await;
    assert_eq!(nowhere.unwrap(), None);
}

#[tokio::test]
async fn a_route_is_summarized() {
    let stub = guide();
    // A degree along the equator, which is 111 km, and a named feature far away.
    let route = [point(0, 0), point(0, 10_000_000), point(0, 0)];
    let summary = stub.record_route(route).await.unwrap();
    assert_eq!((summary.point_count, summary.feature_count), (3, 0));
    assert_eq!(summary.distance, 222_389);
    let route = [point(409_146_138, -746_188_906)];
    let summary = stub.record_route(route).await.unwrap();
    assert_eq!((summary.point_count, summary.feature_count), (1, 1));
    assert_eq!(summary.distance, 0);
    let summary = stub.record_route([]).await.unwrap();
    assert_eq!(summary, RouteSummary::default());
}

#[tokio::test]
async fn a_chat_returns_the_earlier_notes_at_each_point() {
    let stub = guide();
    let said = [
        note("first", 0, 1),
        note("second", 0, 2),
        note("third", 0, 1),
        note("fourth", 0, 1),
    ];
    let heard: Vec<_> = stub.route_chat(said).try_collect().await.unwrap();
    let expected = [
        note("first", 0, 1),
        note("first", 0, 1),
        note("third", 0, 1),
    ];
    assert_eq!(heard, expected);
    // Another call receives the notes of this one.
    let mut heard = stub.route_chat([note("fifth", 0, 2)]);
    assert_eq!(heard.next().await.unwrap().unwrap().message, "second");
    assert!(heard.next().await.is_none());
}
