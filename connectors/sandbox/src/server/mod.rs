//! The HTTP server.

mod admin;
mod answer;
mod authorize;
mod body;
mod comments;
mod compliance;
mod display;
mod fields;
mod grants;
mod graph;
mod lists;
mod oauth;
mod oembed;
mod playlists;
mod searches;
mod shared;
mod stats;
mod users;
mod videos;
mod website;
mod wire;
mod youtube;

pub use stats::{QuotaDay, Stats};

use crate::{Endpoint, FaultKind, FaultPlan, SandboxConfig, SandboxError, SimClock, World};
use answer::{Answer, Refusal};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRequest, Query as Parameters, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::Value;
use shared::Shared;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wire::{CuttableListener, Wire};

/// A running sandbox. Dropping it ends the server at once; [`stop`](Self::stop) lets running requests end.
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<Shared>,
    shutdown: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Sandbox {
    /// Starts a server on 127.0.0.1.
    ///
    /// # Errors
    /// When the world or the faults make no sense, or the port is taken.
    pub async fn start(config: SandboxConfig) -> Result<Self, SandboxError> {
        let port = config.port;
        let shared = Arc::new(Shared::new(config)?);
        let bind = |source| SandboxError::Bind { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let (shutdown, signal) = oneshot::channel::<()>();
        let service = router(Arc::clone(&shared)).into_make_service_with_connect_info::<Wire>();
        let serve = axum::serve(CuttableListener(listener), service).with_graceful_shutdown(async {
            let _ = signal.await;
        });
        let server = tokio::spawn(async move {
            if let Err(error) = serve.await {
                tracing::error!(%error, "the sandbox ended");
            }
        });
        Ok(Self { address, shared, shutdown: Some(shutdown), server })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The world that is served.
    pub fn world(&self) -> &World {
        &self.shared.world
    }

    /// The simulated clock; setting it moves the sandbox's time.
    pub fn clock(&self) -> &SimClock {
        &self.shared.clock
    }

    /// What was done so far.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Every token and code that was issued, and every PKCE verifier that was shown: for tests that look for them where
    /// they must not be.
    pub fn secrets(&self) -> Vec<String> {
        self.shared.secrets()
    }

    /// The troubles in force.
    pub fn faults(&self) -> FaultPlan {
        self.shared.faults()
    }

    /// Replaces all troubles; their counts and dice begin anew.
    ///
    /// # Errors
    /// When a rule makes no sense; the old ones then stay.
    pub fn set_faults(&self, plan: &FaultPlan) -> Result<(), SandboxError> {
        self.shared.set_faults(plan, false)
    }

    /// Ends the server: no new connections, running requests get some seconds.
    pub async fn stop(mut self) {
        if let Some(shutdown) = self.shutdown.take() {
            let _ = shutdown.send(());
        }
        let _ = tokio::time::timeout(Duration::from_secs(5), &mut self.server).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("address", &self.address).finish_non_exhaustive()
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new();
    for (path, endpoint) in [
        ("/v2/oauth/token", Endpoint::Token),
        ("/v2/research/video/query", Endpoint::VideoQuery),
        ("/v2/research/video/comment/list", Endpoint::CommentList),
        ("/v2/research/user/info", Endpoint::UserInfo),
        ("/v2/research/user/followers", Endpoint::Followers),
        ("/v2/research/user/following", Endpoint::Following),
        ("/v2/research/user/liked_videos", Endpoint::LikedVideos),
        ("/v2/research/user/pinned_videos", Endpoint::PinnedVideos),
        ("/v2/research/user/reposted_videos", Endpoint::RepostedVideos),
        ("/v2/research/playlist/info", Endpoint::PlaylistInfo),
        ("/v2/research/validation_task/create", Endpoint::ValidationCreate),
        ("/v2/research/validation_task_status/get", Endpoint::ValidationStatus),
        ("/v2/research/validation_task/download", Endpoint::ValidationDownload),
    ] {
        let handler = post(move |state, wire, request| handle(state, endpoint, wire, request));
        router = router.route(path, handler.clone()).route(&format!("{path}/"), handler);
    }
    for (path, endpoint) in display::POSTS {
        let handler = post(move |state, wire, request| handle(state, endpoint, wire, request));
        router = router.route(path, handler.clone()).route(&format!("{path}/"), handler);
    }
    let info = get(|state, wire, request| handle(state, Endpoint::OwnInfo, wire, request));
    let consent = |state, wire, request| handle(state, Endpoint::Authorize, wire, request);
    router = router.route("/v2/user/info", info.clone()).route("/v2/user/info/", info);
    router = router.route("/v2/auth/authorize", get(consent).post(consent));
    router = router.route("/v2/auth/authorize/", get(consent).post(consent));
    for (path, endpoint) in website::ROUTES {
        // GET stands for HEAD, too.
        let handler = get(move |state, wire, request| handle(state, endpoint, wire, request));
        router = router.route(path, handler.clone()).route(&format!("{path}/"), handler);
    }
    for (path, endpoint) in youtube::ROUTES.into_iter().chain(graph::ROUTES) {
        router = router.route(path, get(move |state, wire, request| handle(state, endpoint, wire, request)));
    }
    router
        .route("/sandbox/healthz", get(admin::healthz))
        .route("/sandbox/stats", get(admin::stats))
        .route("/sandbox/faults", get(admin::faults).post(admin::set_faults).delete(admin::clear_faults))
        .route("/sandbox/clock", get(admin::clock).post(admin::set_clock))
        .with_state(shared)
}

/// A request as far as it is read.
struct Call {
    path: String,
    host: String,
    agent: String,
    token: Option<String>,
    /// Google's `X-Goog-Api-Key`.
    key: Option<String>,
    content_type: String,
    parameters: HashMap<String, String>,
    body: Bytes,
    form: oauth::Form,
}

impl Call {
    async fn read(request: Request) -> Option<Self> {
        let (parts, body) = request.into_parts();
        let parameters = Parameters::try_from_uri(&parts.uri).map(|Parameters(found)| found).unwrap_or_default();
        let text = |name| text_of(&parts.headers, name);
        let (content_type, host) = (text(header::CONTENT_TYPE), text(header::HOST));
        let agent = text(header::USER_AGENT);
        let token = bearer(&text(header::AUTHORIZATION));
        let key = Some(text(header::HeaderName::from_static("x-goog-api-key"))).filter(|key| !key.is_empty());
        let body = axum::body::to_bytes(body, 1 << 20).await.ok()?;
        let form = read_form(&content_type, body.clone()).await;
        let path = parts.uri.path().to_owned();
        Some(Self { path, host, agent, token, key, content_type, parameters, body, form })
    }
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn bearer(header: &str) -> Option<String> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

async fn read_form(content_type: &str, body: Bytes) -> oauth::Form {
    let request = Request::post("/").header(header::CONTENT_TYPE, content_type).body(Body::from(body)).ok()?;
    axum::Form::from_request(request, &()).await.ok().map(|axum::Form(form)| form)
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    endpoint: Endpoint,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: Request,
) -> Response {
    shared.count_request(endpoint);
    let Some(call) = Call::read(request).await else {
        return respond(&shared, Refusal::params("The request body cannot be read").into_answer(&shared));
    };
    if let Some(rule) = shared.strike(FaultKind::SlowAnswer, endpoint) {
        tokio::time::sleep(Duration::from_millis(rule.millis.unwrap_or(2000))).await;
    }
    if shared.strikes(FaultKind::ConnectionReset, endpoint) {
        wire.cut_after(0);
        shared.count_answer(0);
        return Response::new(Body::empty());
    }
    // Searches walk through many videos: not on the threads that serve others.
    let worker = Arc::clone(&shared);
    let work = tokio::task::spawn_blocking(move || answer_call(&worker, endpoint, &call));
    let answer = work.await.unwrap_or_else(|_| internal_error().into_answer(&shared));
    if shared.strikes(FaultKind::TruncatedBody, endpoint) {
        // The head of an answer has about 120 bytes.
        wire.cut_after(130 + answer.body.len() as u64 / 2);
    }
    respond(&shared, answer)
}

fn respond(shared: &Shared, answer: Answer) -> Response {
    shared.count_answer(answer.status);
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(answer.content_type));
    if let Some(location) = answer.location.and_then(|location| location.parse().ok()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if let Some(usage) = answer.usage.and_then(|usage| usage.parse().ok()) {
        response.headers_mut().insert("x-app-usage", usage);
    }
    response
}

fn internal_error() -> Refusal {
    Refusal::new(500, "internal_error", "Something went wrong. Please try again later.")
}

fn answer_call(shared: &Shared, endpoint: Endpoint, call: &Call) -> Answer {
    if endpoint == Endpoint::Token {
        return match server_trouble(shared, endpoint) {
            Ok(()) => oauth::answer(shared, &call.form),
            Err(refusal) => refusal.into_answer(shared),
        };
    }
    if endpoint == Endpoint::Authorize {
        return authorize::answer(shared, &call.parameters, &call.form);
    }
    if endpoint == Endpoint::Revoke {
        return match server_trouble(shared, endpoint) {
            Ok(()) => oauth::revoke(shared, &call.form),
            Err(refusal) => refusal.into_answer(shared),
        };
    }
    if endpoint.is_display() {
        return match display::answer(shared, endpoint, call) {
            Ok(data) => Answer::ok(shared, data),
            Err(refusal) => refusal.into_answer(shared),
        };
    }
    if endpoint.is_page() {
        shared.note_visitor(&call.agent, call.parameters.get("webdriver").is_some_and(|driven| driven == "true"));
    }
    if endpoint.is_website() {
        let asked = website::Asked { path: &call.path, host: &call.host, parameters: &call.parameters };
        return website::answer(shared, endpoint, &asked);
    }
    if endpoint == Endpoint::Graph {
        return graph::answer(shared, call);
    }
    if endpoint.is_youtube() {
        return youtube::answer(shared, endpoint, call);
    }
    if endpoint.is_validation() {
        let answer = admit(shared, endpoint, call).and_then(|()| compliance::answer(shared, endpoint, call));
        return answer.unwrap_or_else(|refusal| refusal.into_answer(shared));
    }
    match research(shared, endpoint, call) {
        Ok(data) => {
            let mut answer = Answer::ok(shared, data);
            if shared.strikes(FaultKind::AnswerWithStatus500, endpoint) {
                answer.status = 500;
            }
            let text = std::str::from_utf8(&answer.body).unwrap_or_default();
            if text.contains(videos::SURROGATE_MARK) {
                answer.body = text.replace(videos::SURROGATE_MARK, "\\ud83d").into_bytes();
            }
            answer
        }
        Err(refusal) => refusal.into_answer(shared),
    }
}

/// What every request has to pass before anybody reads what it asks for.
fn admit(shared: &Shared, endpoint: Endpoint, call: &Call) -> Result<(), Refusal> {
    shared.check_token(call.token.as_deref(), endpoint)?;
    if shared.strikes(FaultKind::RateLimit, endpoint) {
        return Err(Refusal::new(
            429,
            "rate_limit_exceeded",
            "The API rate limit was exceeded. Please try again later.",
        ));
    }
    if shared.strikes(FaultKind::DailyQuota, endpoint) {
        return Err(shared::quota_spent());
    }
    if matches!(endpoint, Endpoint::Followers | Endpoint::Following) {
        shared::lock(&shared.follows).take(shared.today())?;
    } else {
        shared.take_request()?;
    }
    server_trouble(shared, endpoint)
}

fn research(shared: &Shared, endpoint: Endpoint, call: &Call) -> Result<Value, Refusal> {
    admit(shared, endpoint, call)?;
    let body = body::read_object(&call.content_type, &call.body)?;
    match endpoint {
        Endpoint::VideoQuery => videos::answer(shared, &call.parameters, &body),
        Endpoint::CommentList => comments::answer(shared, &call.parameters, &body),
        Endpoint::UserInfo => users::answer(shared, &call.parameters, &body),
        Endpoint::PlaylistInfo => playlists::answer(shared, &body),
        _ => lists::answer(shared, endpoint, &call.parameters, &body),
    }
}

fn server_trouble(shared: &Shared, endpoint: Endpoint) -> Result<(), Refusal> {
    if let Some(rule) = shared.strike(FaultKind::ApiRefused, endpoint) {
        let status = rule.code.and_then(|code| u16::try_from(code).ok()).unwrap_or(400);
        let code = rule.says.unwrap_or_else(|| "invalid_params".into());
        return Err(Refusal::new(status, code, "The request is refused."));
    }
    if shared.strikes(FaultKind::Unavailable, endpoint) {
        return Err(Refusal::new(503, "temporarily_unavailable", "The service is temporarily unavailable."));
    }
    if shared.strikes(FaultKind::InternalError, endpoint) {
        return Err(internal_error());
    }
    if shared.strikes(FaultKind::GatewayTimeout, endpoint) {
        return Err(Refusal::new(504, "timeout", ""));
    }
    Ok(())
}
