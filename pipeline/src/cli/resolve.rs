//! `tidelake resolve LINK…`: what links point at.

use super::{Failure, listing};
use crate::config::Config;
use serde_json::{Value, json};
use std::io::Write;
use tidelake_connectors::links::resolve::{Outcome, Resolver, client};
use tidelake_connectors::links::{Link, SUPPORTED, parse};
use tidelake_connectors::oembed::BASE_URL;

#[derive(clap::Args)]
pub(crate) struct ResolveArgs {
    /// Links of any form, bare video ids, @handles, or text with a link in it.
    #[arg(required = true, value_name = "LINK")]
    links: Vec<String>,
    /// table, or json: one object a line, ids as text.
    #[arg(long, default_value = "table")]
    format: String,
    /// Ask nobody: short links stay short.
    #[arg(long)]
    offline: bool,
}

/// One link of the arguments and what was found out.
struct Row {
    given: String,
    link: Option<Link>,
    /// `ok`, `not_asked`, `expired`, `blocked`, `not_a_link` or `failed`.
    outcome: &'static str,
    why: Option<String>,
}

pub(crate) async fn run(args: &ResolveArgs, config: &Config) -> Result<(), Failure> {
    if !["table", "json"].contains(&args.format.as_str()) {
        return Err(format!("unknown format {:?}; formats are table and json", args.format).into());
    }
    let resolver = if args.offline { None } else { Some(resolver(config)?) };
    let mut rows = Vec::with_capacity(args.links.len());
    for given in &args.links {
        rows.push(Row::of(given, resolver.as_ref()).await);
    }
    if args.format == "json" {
        print_json(&rows)?
    } else {
        print_table(&rows)?
    }
    let failed = rows.iter().filter(|row| !["ok", "not_asked"].contains(&row.outcome)).count();
    if failed > 0 {
        let what = format!("{failed} of {} link(s) point at nothing that could be found out", rows.len());
        return Err(format!("{what}. {SUPPORTED}").into());
    }
    Ok(())
}

/// Short links are asked for where the oEmbed route is: at TikTok, or at the server that stands in for it.
fn resolver(config: &Config) -> Result<Resolver, Failure> {
    let resolver = Resolver::new(client(config.oembed.request_timeout)?);
    let base = config.oembed.base_url.trim_end_matches('/');
    Ok(if base == BASE_URL { resolver } else { resolver.with_base_url(base) })
}

impl Row {
    async fn of(given: &str, resolver: Option<&Resolver>) -> Self {
        let row = |link, outcome, why| Self { given: given.to_owned(), link, outcome, why };
        let link = match parse(given) {
            Ok(link) => link,
            Err(error) => return row(None, "not_a_link", Some(error.brief())),
        };
        let Some(resolver) = resolver else {
            let outcome = if matches!(link, Link::Short { .. }) { "not_asked" } else { "ok" };
            return row(Some(link), outcome, None);
        };
        match resolver.resolve(&link).await.map(|resolution| resolution.outcome) {
            Ok(Outcome::Link(found)) => row(Some(found), "ok", None),
            Ok(Outcome::Expired { why }) => row(Some(link), "expired", Some(why)),
            Ok(Outcome::Blocked { why, .. }) => row(Some(link), "blocked", Some(why)),
            Ok(Outcome::NotALink { why }) => row(Some(link), "not_a_link", Some(why)),
            Err(error) => row(Some(link), "failed", Some(error.to_string())),
        }
    }

    fn json(&self) -> Value {
        let link = self.link.as_ref();
        json!({
            "link": self.given,
            "outcome": self.outcome,
            "kind": link.map(Link::kind),
            "id": link.and_then(Link::id).map(|id| id.to_string()),
            "handle": link.and_then(Link::handle),
            "canonical": link.map(Link::canonical),
            "identity": link.map(Link::identity),
            "not_older_than": link.and_then(Link::not_older_than).map(|at| at.to_string()),
            "why": self.why,
        })
    }

    fn cells(&self) -> [String; 6] {
        let link = self.link.as_ref();
        let not_older_than = link.and_then(Link::not_older_than).map(|at| at.to_string());
        [
            self.outcome.to_owned(),
            link.map_or_else(String::new, |link| link.kind().to_owned()),
            link.and_then(Link::id).map_or_else(String::new, |id| id.to_string()),
            link.and_then(Link::handle).unwrap_or_default().to_owned(),
            not_older_than.unwrap_or_default(),
            self.why.clone().or_else(|| link.map(Link::canonical)).unwrap_or_default(),
        ]
    }
}

fn print_json(rows: &[Row]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    rows.iter().try_for_each(|row| writeln!(out, "{}", row.json()))
}

fn print_table(rows: &[Row]) -> std::io::Result<()> {
    const HEADER: [&str; 6] = ["outcome", "kind", "id", "handle", "not older than", "canonical form, or why not"];
    writeln!(std::io::stdout().lock(), "{}", listing::table(HEADER, rows.iter().map(Row::cells)))
}
