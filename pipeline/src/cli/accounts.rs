//! `tidelake accounts` and `tidelake logout`: the accounts whose owners agreed.

use super::{Failure, listing};
use crate::config::Config;
use crate::sources::display_client;
use serde_json::{Value, json};
use std::io::Write;
use tidelake_connectors::Fault;
use tidelake_connectors::display::{AccountState, Revocation};
use tidelake_connectors::vault::AccountName;
use tidelake_schemas::Timestamp;

#[derive(clap::Args)]
pub(crate) struct AccountsArgs {
    /// table, json or csv.
    #[arg(long, default_value = "table")]
    format: String,
}

#[derive(clap::Args)]
pub(crate) struct LogoutArgs {
    /// As `tidelake accounts` shows it.
    account: AccountName,
}

pub(crate) async fn logout(args: &LogoutArgs, config: &Config) -> Result<(), Failure> {
    let outcome = display_client(config)?.logout(&args.account).await?;
    let what = match outcome {
        Revocation::Revoked => "TikTok has taken the consent back",
        Revocation::Gone => "TikTok did not know the consent any more",
    };
    Ok(writeln!(std::io::stdout(), "Account {} is removed: {what}.", args.account)?)
}

pub(crate) async fn run(args: &AccountsArgs, config: &Config) -> Result<(), Failure> {
    let accounts = display_client(config)?.accounts().await?;
    let rows: Vec<Row> = accounts.into_iter().map(|(name, state)| Row { name, state }).collect();
    listing::print(&args.format, HEADER, rows.iter().map(Row::cells), rows.iter().map(Row::json))
}

const HEADER: [&str; 7] = ["account", "username", "scopes", "granted at", "access until", "consent until", "trouble"];

/// An account, or why it cannot be read.
struct Row {
    name: AccountName,
    state: Result<AccountState, Fault>,
}

impl Row {
    fn cells(&self) -> [String; 7] {
        let (state, time) = (self.state.as_ref().ok(), |at: Option<Timestamp>| at.map(|at| at.to_string()));
        [
            self.name.to_string(),
            state.and_then(|state| state.username.clone()).unwrap_or_default(),
            state.map_or_else(String::new, |state| state.scopes.join(" ")),
            time(state.map(|state| state.granted_at)).unwrap_or_default(),
            time(state.and_then(|state| state.access_until)).unwrap_or_default(),
            time(state.and_then(|state| state.refresh_until)).unwrap_or_default(),
            self.state.as_ref().err().map_or_else(String::new, ToString::to_string),
        ]
    }

    fn json(&self) -> Value {
        let state = self.state.as_ref().ok();
        json!({
            "account": self.name,
            "username": state.and_then(|state| state.username.clone()),
            "display_name": state.and_then(|state| state.display_name.clone()),
            "scopes": state.map(|state| state.scopes.clone()),
            "granted_at": state.map(|state| state.granted_at.to_string()),
            "access_until": state.and_then(|state| state.access_until).map(|at| at.to_string()),
            "consent_until": state.and_then(|state| state.refresh_until).map(|at| at.to_string()),
            "trouble": self.state.as_ref().err().map(ToString::to_string),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_section_the_message_says_what_to_do() {
        let config = Config::load(None).expect("defaults");
        let error = display_client(&config).err().unwrap_or_default();
        assert!(error.contains("[display]") && error.contains("developers.tiktok.com"), "{error}");
    }
}
