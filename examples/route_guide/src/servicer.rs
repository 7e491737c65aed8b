//! The servicer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use stubwright::{RequestStream, Result, ServicerContext, Stream, stream};

use crate::map::{distance, is_inside};
use crate::routeguide::{Feature, Point, Rectangle, RouteGuideServicer, RouteNote, RouteSummary};

/// A map, and the notes left at each of its points.
#[derive(Debug)]
pub struct RouteGuide {
    features: Vec<Feature>,
    notes: Mutex<HashMap<(i32, i32), Vec<RouteNote>>>,
}

impl RouteGuide {
    /// Creates a guide to these features, without notes.
    pub fn new(features: Vec<Feature>) -> RouteGuide {
        RouteGuide {
            features,
            notes: Mutex::default(),
        }
    }

    fn feature_at(&self, point: &Point) -> Option<&Feature> {
        self.features
            .iter()
            .find(|feature| feature.location.as_ref() == Some(point))
    }

    /// Stores a note. Returns the earlier notes at the same point.
    fn leave(&self, note: RouteNote) -> Vec<RouteNote> {
        let place = note.location.unwrap_or_default();
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let notes = notes.entry((place.latitude, place.longitude)).or_default();
        let before = notes.clone();
        notes.push(note);
        before
    }
}

impl RouteGuideServicer for RouteGuide {
    async fn get_feature(&self, request: Point, _context: &ServicerContext) -> Result<Feature> {
        let known = self.feature_at(&request).cloned();
        Ok(known.unwrap_or_else(|| Feature {
            name: String::new(),
            location: Some(request),
        }))
    }

    fn list_features(
        &self,
        request: Rectangle,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<Feature>> + Send {
        stream(async move |mut responses| {
            for feature in &self.features {
                if !feature.name.is_empty() && is_inside(&request, feature) {
                    responses.send(feature.clone()).await;
                }
            }
            Ok(())
        })
    }

    async fn record_route(
        &self,
        mut requests: RequestStream<Point>,
        _context: &ServicerContext,
    ) -> Result<RouteSummary> {
        let started = Instant::now();
        let mut summary = RouteSummary::default();
        let mut last: Option<Point> = None;
        let mut metres = 0.0;
        while let Some(point) = requests.message().await? {
            summary.point_count += 1;
            let named = self
                .feature_at(&point)
                .is_some_and(|feature| !feature.name.is_empty());
            summary.feature_count += i32::from(named);
            metres += last.map_or(0.0, |last| distance(&last, &point));
            last = Some(point);
        }
        summary.distance = metres as i32;
        summary.elapsed_time = i32::try_from(started.elapsed().as_secs()).unwrap_or(i32::MAX);
        Ok(summary)
    }

    fn route_chat(
        &self,
        mut requests: RequestStream<RouteNote>,
        _context: &ServicerContext,
    ) -> impl Stream<Item = Result<RouteNote>> + Send {
        stream(async move |mut responses| {
            while let Some(note) = requests.message().await? {
                for before in self.leave(note) {
                    responses.send(before).await;
                }
            }
            Ok(())
        })
    }
}
