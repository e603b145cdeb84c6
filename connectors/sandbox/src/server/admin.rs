//! `/sandbox/…`: health, counters, troubles and time, for whoever runs the sandbox.

use super::shared::Shared;
use crate::FaultPlan;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

type Outcome = Result<Json<Value>, (StatusCode, Json<Value>)>;

fn bad(error: impl ToString) -> (StatusCode, Json<Value>) {
    (StatusCode::BAD_REQUEST, Json(json!({"error": error.to_string()})))
}

pub(super) async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

pub(super) async fn stats(State(shared): State<Arc<Shared>>) -> Json<super::Stats> {
    Json(shared.stats())
}

pub(super) async fn faults(State(shared): State<Arc<Shared>>) -> Json<FaultPlan> {
    Json(shared.faults())
}

#[derive(Deserialize)]
pub(super) struct Mode {
    #[serde(default)]
    append: bool,
}

/// Replaces the troubles by the plan in the body, or adds it with `?append=true`.
pub(super) async fn set_faults(State(shared): State<Arc<Shared>>, Query(mode): Query<Mode>, body: Bytes) -> Outcome {
    let plan: FaultPlan = serde_json::from_slice(&body).map_err(bad)?;
    shared.set_faults(&plan, mode.append).map_err(bad)?;
    Ok(Json(json!(shared.faults())))
}

pub(super) async fn clear_faults(State(shared): State<Arc<Shared>>) -> Outcome {
    shared.set_faults(&FaultPlan::default(), false).map_err(bad)?;
    Ok(Json(json!(shared.faults())))
}

pub(super) async fn clock(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({"now": shared.clock.now(), "speed": shared.clock.speed()}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockOrder {
    set: Option<DateTime<Utc>>,
    advance_seconds: Option<i64>,
    speed: Option<f64>,
}

/// Sets, moves or speeds up the simulated clock.
pub(super) async fn set_clock(State(shared): State<Arc<Shared>>, body: Bytes) -> Outcome {
    let order: ClockOrder = serde_json::from_slice(&body).map_err(bad)?;
    if let Some(instant) = order.set {
        shared.clock.set(instant);
    }
    if let Some(seconds) = order.advance_seconds {
        shared.clock.advance(TimeDelta::try_seconds(seconds).ok_or_else(|| bad("too far"))?);
    }
    if let Some(speed) = order.speed {
        shared.clock.set_speed(speed);
    }
    Ok(clock(State(shared)).await)
}
