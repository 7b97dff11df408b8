//! Faults of whole requests, and the routes that switch faults.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{ConnectInfo, Path, Request, State},
    http::{Method, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{Connection, no_such_method, problem};
use crate::fault_switches::{FaultSwitch, Faults, Stub};

/// Applies a stub's fault switch to its routes. `fault_response` builds the response of a request that must fail.
pub(crate) fn with_faults(router: Router, switch: &FaultSwitch, fault_response: fn() -> Response) -> Router {
    let layer = FaultLayer { switch: switch.clone(), fault_response };
    router.layer(middleware::from_fn_with_state(layer, apply_faults))
}

/// Marks a response to a request that moves no money: it is not held.
#[derive(Clone, Copy)]
pub(crate) struct MovedNoMoney;

#[derive(Clone)]
struct FaultLayer {
    switch: FaultSwitch,
    fault_response: fn() -> Response,
}

async fn apply_faults(
    State(layer): State<FaultLayer>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let is_write = request.method() == Method::POST;
    let handle = async {
        let latency_ms = layer.switch.get().latency_ms;
        if latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(latency_ms)).await;
        }
        if layer.switch.should_fail() {
            return (layer.fault_response)();
        }
        let response = next.run(request).await;
        if is_write && response.extensions().get::<MovedNoMoney>().is_none() {
            layer.switch.wait_until_released().await;
        }
        response
    };
    tokio::select! {
        biased;
        () = layer.switch.wait_for_outage() => connection.cut(),
        response = handle => {
            if layer.switch.get().lose_answers && is_write { connection.cut() } else { response }
        }
    }
}

/// `GET|PUT /faults/{stub}`: reads and sets the faults of a stub.
pub(crate) fn fault_routes(switches: [FaultSwitch; 3]) -> Router {
    Router::new()
        .route("/faults/{stub}", get(show_faults).put(set_faults).fallback(no_such_method))
        .with_state(Arc::new(switches))
}

type Switches = State<Arc<[FaultSwitch; 3]>>;

async fn show_faults(State(switches): Switches, Path(stub): Path<String>) -> Response {
    match find_switch(&switches, &stub) {
        Ok(switch) => Json(switch.get()).into_response(),
        Err(detail) => problem(StatusCode::NOT_FOUND, "unknown_stub", &detail),
    }
}

async fn set_faults(State(switches): Switches, Path(stub): Path<String>, body: Bytes) -> Response {
    let switch = match find_switch(&switches, &stub) {
        Ok(switch) => switch,
        Err(detail) => return problem(StatusCode::NOT_FOUND, "unknown_stub", &detail),
    };
    let faults: Faults = match serde_json::from_slice(&body) {
        Ok(faults) => faults,
        Err(error) if error.is_data() => {
            let detail = format!("These are not faults: {error}.");
            return problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_faults", &detail);
        }
        Err(error) => {
            return problem(StatusCode::BAD_REQUEST, "bad_json", &format!("This is not JSON: {error}."));
        }
    };
    if let Err(detail) = faults.check(switch.stub()) {
        return problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid_faults", &detail);
    }
    switch.set(faults);
    tracing::info!(stub = %switch.stub(), ?faults, "faults switched");
    Json(switch.get()).into_response()
}

fn find_switch<'a>(switches: &'a [FaultSwitch; 3], name: &str) -> Result<&'a FaultSwitch, String> {
    let stub: Stub = name.parse()?;
    switches.iter().find(|switch| switch.stub() == stub).ok_or_else(|| format!("There is no stub `{name}`."))
}
