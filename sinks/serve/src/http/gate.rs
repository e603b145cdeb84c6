//! Pages in somebody's browser send requests to where they like, with the passwords that the browser keeps. So a request that
//! a page has sent is taken where the page is this server's own or is configured; and at an address of this machine, only by
//! this machine's names: a page can have a name of its own point here (DNS rebinding).

use super::problem::Problem;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderName, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// From where and under which names requests are taken.
#[derive(Debug)]
pub(super) struct Gate {
    /// The door is at an address of this machine alone.
    pub local: bool,
    /// Names it may be asked by, besides.
    pub hosts: Vec<String>,
    /// Origins of pages that may ask, as `https://notebook.example`.
    pub origins: Vec<String>,
}

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asking {
    /// A program, or a page of ours.
    Us,
    /// A page that is configured.
    Page(HeaderValue),
}

/// Lets requests through, or not.
pub(super) async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let asking = match gate.asking(request.headers()) {
        Ok(asking) => asking,
        Err(problem) => return problem.into_response(),
    };
    let before = *request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    match asking {
        Asking::Us => next.run(request).await,
        Asking::Page(origin) => {
            let mut response = if before { preflight() } else { next.run(request).await };
            response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
            response
        }
    }
}

/// What a browser asks before it sends a page's request.
fn preflight() -> Response {
    let said: [(HeaderName, &str); 3] = [
        (ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "accept, authorization, content-type"),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, said).into_response()
}

impl Gate {
    fn asking(&self, headers: &HeaderMap) -> Result<Asking, Problem> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let refuse = |kind, why: String| Err(Problem::new(StatusCode::FORBIDDEN, kind, why));
        if self.local
            && !is_this_machine(host)
            && !self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name(host)))
        {
            let why = "this address is asked by localhost and 127.0.0.1, or by a name in serve.http.hosts";
            return refuse("host", format!("{host:?} is no name of this server: {why}"));
        }
        let Some(origin) = headers.get(ORIGIN) else { return Ok(Asking::Us) };
        let text = origin.to_str().unwrap_or_default();
        if self.origins.iter().any(|known| known.eq_ignore_ascii_case(text)) {
            return Ok(Asking::Page(origin.clone()));
        }
        match text.split_once("://") {
            Some((_, of)) if !host.is_empty() && of.eq_ignore_ascii_case(host) => Ok(Asking::Us),
            _ => refuse(
                "origin",
                format!("pages of {text:?} may not ask here: name it in serve.http.origins if they may"),
            ),
        }
    }
}

/// A host without its port.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether a `Host` header names this machine.
fn is_this_machine(host: &str) -> bool {
    let name = name(host);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(local: bool, host: &str, origin: Option<&str>) -> Option<Asking> {
        let gate = Gate { local, hosts: vec!["lake.example".into()], origins: vec!["https://notebook.example".into()] };
        let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_str(host).expect("a value"))]);
        headers.extend(origin.map(|origin| (ORIGIN, HeaderValue::from_str(origin).expect("a value"))));
        gate.asking(&headers).ok()
    }

    #[test]
    fn an_address_of_this_machine_is_asked_by_its_names() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1",
            "127.1.2.3:80",
            "[::1]:8080",
            "lake.example:80",
            "Lake.example",
        ] {
            assert_eq!(asking(true, host, None), Some(Asking::Us), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:80", "10.0.0.1", "127.0.0.1.evil.example", ""] {
            assert_eq!(asking(true, host, None), None, "{host}");
            assert_eq!(asking(false, host, None), Some(Asking::Us), "{host}");
        }
    }

    #[test]
    fn pages_of_others_are_not_answered() {
        let page = Asking::Page(HeaderValue::from_static("https://notebook.example"));
        for (host, origin, given) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080", Some(Asking::Us)),
            ("localhost:8080", "https://notebook.example", Some(page)),
            ("localhost:8080", "http://localhost:3000", None),
            ("localhost:8080", "https://evil.example", None),
            ("localhost:8080", "https://notebook.example.evil.example", None),
            ("localhost:8080", "null", None),
            ("", "://", None),
        ] {
            assert_eq!(asking(false, host, Some(origin)), given, "{origin} at {host}");
        }
    }
}
