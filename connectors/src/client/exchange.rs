//! One request over the wire, and what its answer means.

use super::answer::{Answer, Finding, Fingerprint, Seen, Shape};
use super::classify::classify;
use super::fault::Class;
use super::profile::Route;
use super::transport::{read_body, transport_fault};
use super::usage::{self, Usage};
use super::wire::{Body, Request};
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use secrecy::ExposeSecret;
use std::time::Duration;
use url::Url;

/// A good answer.
pub(super) struct Good {
    pub(super) status: u16,
    pub(super) url: Url,
    pub(super) location: Option<String>,
    pub(super) body: Bytes,
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) usage: Option<Usage>,
}

/// No good answer. The finding carries no secret.
pub(super) struct Bad {
    pub(super) finding: Finding,
    pub(super) status: Option<u16>,
    pub(super) retry_after: Option<String>,
    /// A pause that the source wants without naming it in `Retry-After`.
    pub(super) pause: Option<Duration>,
}

/// What came over the wire.
struct Raw {
    status: u16,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    cut: bool,
}

/// Sends a request once.
pub(super) async fn exchange(
    http: &reqwest::Client,
    route: Route,
    request: &Request,
    max_body: usize,
) -> Result<Good, Bad> {
    let raw = match transfer(http, request, max_body).await {
        Ok(raw) => raw,
        Err(error) => {
            let (class, details) = transport_fault(&error);
            let finding = Finding::new(class, "transport", &request.scrub(&details));
            return Err(Bad { finding, status: None, retry_after: None, pause: None });
        }
    };
    match raw.read(route, request, max_body) {
        Ok(fingerprint) => {
            let (location, usage) = (raw.header(LOCATION), usage::read(&raw.headers));
            Ok(Good { status: raw.status, url: raw.url, location, body: raw.body, fingerprint, usage })
        }
        Err(finding) => {
            let finding = Finding { details: request.scrub(&finding.details), ..finding };
            let pause = usage::after_refusal(route, finding.class, usage::read(&raw.headers));
            Err(Bad { finding, status: Some(raw.status), retry_after: raw.header(RETRY_AFTER), pause })
        }
    }
}

async fn transfer(http: &reqwest::Client, request: &Request, max_body: usize) -> Result<Raw, reqwest::Error> {
    let mut builder = http.request(request.method.clone(), request.url.clone());
    builder = match &request.body {
        Body::None => builder,
        Body::Json(body) => builder.json(body),
        Body::Bytes(kind, bytes) => builder.header(CONTENT_TYPE, kind).body(bytes.clone()),
        Body::Form(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.expose_secret())).collect();
            builder.form(&fields)
        }
    };
    if let Some(token) = &request.bearer {
        builder = builder.bearer_auth(token.expose_secret());
    }
    if let Some((name, value)) = &request.key {
        builder = match HeaderValue::from_str(value.expose_secret()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                builder.header(*name, value)
            }
            // The builder says that it is none.
            Err(_) => builder.header(*name, value.expose_secret()),
        };
    }
    let mut answer = builder.send().await?;
    let (status, url, headers) = (answer.status().as_u16(), answer.url().clone(), answer.headers().clone());
    let (body, cut) = read_body(&mut answer, max_body).await?;
    Ok(Raw { status, url, headers, body, cut })
}

impl Raw {
    fn read(&self, route: Route, request: &Request, max_body: usize) -> Result<Option<Fingerprint>, Finding> {
        if self.cut {
            let details = format!("the answer is longer than {max_body} bytes");
            // A file may well be long: that is no trouble of the route.
            let is_file = matches!(request.expect.shape, Shape::File { .. });
            let class = if is_file { Class::RequestInvalid } else { Class::FormatDrift };
            return Err(Finding::new(class, "too_long", &details));
        }
        let location = self.header(LOCATION);
        let seen = Seen { status: self.status, url: &self.url, location: location.as_deref(), body: &self.body };
        if matches!(request.expect.shape, Shape::File { .. }) && seen.is_file() {
            return Ok(None);
        }
        classify(route, &Answer::read(seen), &request.expect)
    }

    fn header(&self, name: HeaderName) -> Option<String> {
        self.headers.get(name)?.to_str().ok().map(str::to_owned)
    }
}
