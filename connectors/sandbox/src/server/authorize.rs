//! `/v2/auth/authorize/`: the page on which an owner agrees, as plain HTML with a form, and the redirect after it.

use super::answer::Answer;
use super::display::SCOPES;
use super::grants::Consent;
use super::oauth::Form;
use super::oembed::escaped;
use super::shared::{Shared, lock};
use crate::Endpoint;
use crate::FaultKind;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

/// The parameters of the address, which the form carries on.
const PARAMETERS: [&str; 7] =
    ["client_key", "scope", "response_type", "redirect_uri", "state", "code_challenge", "code_challenge_method"];

type Parameters = HashMap<String, String>;

/// Shows the page, or answers its form.
pub(super) fn answer(shared: &Shared, parameters: &Parameters, form: &Form) -> Answer {
    let asked = Asked(form.as_ref().unwrap_or(parameters));
    if let Some(refused) = asked.refused(shared) {
        return refused;
    }
    match form {
        None => Answer::html(200, asked.page(shared)),
        Some(form) => asked.decided(shared, form),
    }
}

struct Asked<'a>(&'a Parameters);

impl Asked<'_> {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn scopes(&self) -> BTreeSet<String> {
        let names = self.get("scope").split([',', ' ']).map(str::trim).filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    }

    /// What cannot be trusted is told here; the rest at the address that asked.
    fn refused(&self, shared: &Shared) -> Option<Answer> {
        let (key, uri) = (self.get("client_key"), self.get("redirect_uri"));
        let foreign = shared.config.credentials.as_ref().is_some_and(|known| known.client_key != key);
        if key.is_empty() || foreign {
            return Some(Answer::html(400, page("Something went wrong", "<p>client_key</p>")));
        }
        let loopback = ["http://127.0.0.1", "http://localhost"].iter().any(|host| uri.starts_with(host));
        if !loopback && !uri.starts_with("https://") {
            return Some(Answer::html(400, page("Something went wrong", "<p>redirect_uri</p>")));
        }
        let method = self.get("code_challenge_method");
        let error = if self.get("response_type") != "code" {
            "unsupported_response_type"
        } else if self.scopes().is_empty() || self.scopes().iter().any(|name| !SCOPES.contains(&name.as_str())) {
            "invalid_scope"
        } else if !self.get("code_challenge").is_empty() && method != "S256" {
            "invalid_request"
        } else if shared.strikes(FaultKind::OauthRefused, Endpoint::Authorize) {
            "server_error"
        } else {
            return None;
        };
        Some(self.back(&[("error", error), ("error_description", "The authorization request is refused.")]))
    }

    fn page(&self, shared: &Shared) -> String {
        let owner = shared.world.creator(0).map(|creator| creator.handle).unwrap_or_default();
        let mut form = String::from("<form method=\"post\">");
        for name in PARAMETERS {
            // Writing to a string does not fail.
            let _ = write!(form, "<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escaped(self.get(name)));
        }
        let _ = write!(form, "<label>Account <input name=\"username\" value=\"{}\"></label>", escaped(&owner));
        for scope in self.scopes() {
            let fixed = if scope == SCOPES[0] { " disabled" } else { "" };
            let _ = write!(
                form,
                "<label><input type=\"checkbox\" name=\"grant.{scope}\" checked{fixed}> {scope}</label>",
                scope = escaped(&scope)
            );
        }
        form.push_str("<button name=\"decision\" value=\"approve\">Continue</button>");
        form.push_str("<button name=\"decision\" value=\"deny\">Cancel</button></form>");
        let app = escaped(self.get("client_key"));
        page("Log in with TikTok", &format!("<p>The app {app} would like to access your account.</p>{form}"))
    }

    fn decided(&self, shared: &Shared, form: &Parameters) -> Answer {
        if form.get("decision").is_none_or(|decision| decision != "approve") {
            return self.back(&[("error", "access_denied"), ("error_description", "The user denied the request.")]);
        }
        let username = form.get("username").map_or("", String::as_str);
        let Some(creator) = shared.world.creator_by_handle(username) else {
            return Answer::html(200, page("Log in with TikTok", "<p>Account doesn't exist</p>"));
        };
        // The first scope cannot be left out.
        let ticked = |scope: &String| scope == SCOPES[0] || form.contains_key(&format!("grant.{scope}"));
        let scopes: BTreeSet<String> = self.scopes().into_iter().filter(ticked).collect();
        // Real codes have characters that an address must escape.
        let code = format!("{:016x}{:016x}*0!{:04}.e1", shared.serial(), shared.serial(), shared.serial() % 10_000);
        shared.keep_secret(&code);
        let names: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let back = self.back(&[("code", &code), ("scopes", &names.join(","))]);
        let challenge = Some(self.get("code_challenge").to_owned()).filter(|text| !text.is_empty());
        let consent = Consent { creator: creator.index, client_key: self.get("client_key").to_owned(), scopes };
        let uri = self.get("redirect_uri").to_owned();
        lock(&shared.grants).promise(code, consent, uri, challenge, shared.now());
        back
    }

    /// The redirect to whoever asked.
    fn back(&self, answers: &[(&str, &str)]) -> Answer {
        let mut address = self.get("redirect_uri").to_owned();
        let state = self.get("state");
        let state = (!state.is_empty()).then_some(("state", state));
        for (name, value) in answers.iter().copied().chain(state) {
            let mark = if address.contains('?') { '&' } else { '?' };
            let _ = write!(address, "{mark}{name}={}", encoded(value));
        }
        Answer::redirect(302, address)
    }
}

fn page(title: &str, body: &str) -> String {
    format!("<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>")
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
