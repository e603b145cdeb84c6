//! `tidelake login`: an owner agrees on TikTok's page, and the account's tokens are stored.

use super::Failure;
use crate::config::Config;
use crate::sources::display_client;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::get;
use std::io::Write;
use std::net::Ipv4Addr;
use std::time::Duration;
use tidelake_connectors::display::{Callback, LoggedIn, LoginAttempt, Scope, redirect_uri};
use tidelake_connectors::vault::AccountName;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How long to wait for the owner.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long the browser may take to fetch the last page.
const GOODBYE: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
pub(crate) struct LoginArgs {
    /// What the account is called here: in tasks and commands.
    #[arg(long, default_value = "main", value_name = "NAME")]
    account: AccountName,
    /// What to ask the owner for; user.info.basic is always asked for. Default: all that the Display API has.
    #[arg(long, value_delimiter = ',', value_name = "SCOPE,…")]
    scopes: Vec<Scope>,
    /// Only print the address; open no browser.
    #[arg(long)]
    no_browser: bool,
}

/// A redirect that came, and where its page goes.
struct Visit {
    callback: Callback,
    reply: oneshot::Sender<(StatusCode, String)>,
}

pub(crate) async fn run(args: &LoginArgs, config: &Config) -> Result<(), Failure> {
    let client = display_client(config)?;
    let listener = listen(client.config().redirect_port).await?;
    let redirect = redirect_uri(listener.local_addr()?.port());
    let attempt = client.begin_login(&scopes(&args.scopes), &redirect)?;
    say(&[
        "Open this address and let the owner of the account agree:",
        "",
        attempt.url().as_str(),
        "",
        &format!("Waiting for TikTok's answer on {redirect} (Ctrl-C gives up)."),
    ])?;
    if !args.no_browser && open::that_detached(attempt.url().as_str()).is_err() {
        say(&["There is no browser here: open the address on a machine that can reach this one's loopback."])?;
    }
    let mut door = Door::open(listener);
    let visit = tokio::time::timeout(PATIENCE, door.wait(&attempt)).await;
    let visit = visit.map_err(|_| format!("nobody agreed within {PATIENCE:?}. Run `tidelake login` again"))??;
    let outcome = client.finish_login(attempt, &visit.callback, &args.account).await;
    let page = match &outcome {
        Ok(_) => (StatusCode::OK, page("You are logged in", "Tidelake has what it needs. You can close this page.")),
        Err(fault) => (StatusCode::BAD_REQUEST, page("The login failed", &fault.to_string())),
    };
    // A browser that has gone misses nothing.
    let _ = visit.reply.send(page);
    door.close().await;
    report(&outcome?, &args.account)
}

/// What is asked for: the basic scope tells whose account it is.
fn scopes(wanted: &[Scope]) -> Vec<Scope> {
    let chosen = |scope: &Scope| wanted.is_empty() || wanted.contains(scope) || *scope == Scope::UserInfoBasic;
    Scope::ALL.into_iter().filter(chosen).collect()
}

async fn listen(port: u16) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    bound.map_err(|e| {
        format!(
            "cannot listen on 127.0.0.1:{port} for TikTok's answer: {e}. Stop what uses the port, or register another \
             redirect address for the app and set [display] redirect_port"
        )
        .into()
    })
}

/// The loopback server that TikTok's page redirects to.
struct Door {
    visits: mpsc::Receiver<Visit>,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<()>,
}

impl Door {
    fn open(listener: TcpListener) -> Self {
        let (sender, visits) = mpsc::channel(4);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let app = Router::new().route("/callback", get(visit)).route("/callback/", get(visit)).with_state(sender);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped).await {
                tracing::error!(%error, "the server for TikTok's answer ended");
            }
        });
        Self { visits, stop, server }
    }

    /// The redirect of this attempt. Others are turned away: anybody on this machine can knock.
    async fn wait(&mut self, attempt: &LoginAttempt) -> Result<Visit, Failure> {
        while let Some(visit) = self.visits.recv().await {
            if visit.callback.answers(attempt) {
                return Ok(visit);
            }
            let text = page("Not this login", "This redirect belongs to another login; it was ignored.");
            let _ = visit.reply.send((StatusCode::BAD_REQUEST, text));
        }
        Err("the server for TikTok's answer ended. Run `tidelake login` again".into())
    }

    async fn close(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(GOODBYE, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

async fn visit(State(sender): State<mpsc::Sender<Visit>>, RawQuery(query): RawQuery) -> (StatusCode, Html<String>) {
    let (reply, answer) = oneshot::channel();
    let visit = Visit { callback: Callback::read(query.as_deref().unwrap_or_default()), reply };
    let sent = sender.send(visit).await.is_ok();
    match answer.await {
        Ok((status, text)) if sent => (status, Html(text)),
        _ => (StatusCode::GONE, Html(page("The login is over", "Run tidelake login again."))),
    }
}

fn page(title: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!("<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>")
}

fn report(login: &LoggedIn, name: &AccountName) -> Result<(), Failure> {
    let account = &login.account;
    let known = account.username.as_ref().map(|username| format!("@{username}"));
    let who = known.or_else(|| account.display_name.clone()).unwrap_or_else(|| "an account without a name".into());
    let verb = if login.renewed { "renewed" } else { "stored" };
    let mut lines =
        vec![format!("Account {name} is {verb}: {who}."), format!("Granted: {}.", account.scopes.join(", "))];
    if !login.declined.is_empty() {
        let declined: Vec<&str> = login.declined.iter().map(|scope| scope.name()).collect();
        lines.push(format!("Not granted: {}. What they guard stays unknown.", declined.join(", ")));
    }
    if let Some(until) = account.refresh_until {
        lines.push(format!("Good until {until} without use; each renewal moves that on."));
    }
    lines.push(format!("Use it: [[tasks]] with connector = \"display-api\" and spec = {{ kind = \"own_videos\", account = \"{name}\" }}"));
    say(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn say(lines: &[&str]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_basic_scope_is_always_asked_for() {
        assert_eq!(scopes(&[]), Scope::ALL);
        assert_eq!(scopes(&[Scope::VideoList]), [Scope::UserInfoBasic, Scope::VideoList]);
    }

    #[test]
    fn what_a_redirect_says_is_no_markup() {
        assert!(page("t", "<script>&").contains("&lt;script>&amp;"));
    }
}
