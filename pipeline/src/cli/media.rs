//! `tidelake media`: which pictures and films are stored, and what became of the others.

use super::Failure;
use super::listing::text_format;
use super::sql::to_stdout;
use crate::config::Config;
use tidelake_schemas::MediaStatus;
use tidelake_sinks::format::Format;

#[derive(clap::Args)]
pub(crate) struct MediaArgs {
    /// Only of this video.
    #[arg(value_name = "VIDEO_ID")]
    video: Option<i64>,
    /// Only these.
    #[arg(long, value_name = "STATUS", value_parser = MediaStatus::ALL.map(MediaStatus::name))]
    status: Option<String>,
    /// How many and how large, instead of each.
    #[arg(long)]
    summary: bool,
    /// table, json, ndjson or csv.
    #[arg(short, long, default_value = "table", value_parser = text_format)]
    format: Format,
}

/// The newest word on each file of each video.
const NEWEST: &str =
    "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY platform, video_id, kind, position, variant
                      ORDER BY observed_at DESC, event_id DESC) AS newest FROM media) WHERE newest = 1";

pub(crate) async fn run(args: &MediaArgs, config: &Config) -> Result<(), Failure> {
    let mut only = String::from("true");
    if let Some(video) = args.video {
        only.push_str(&format!(" AND video_id = {video}"));
    }
    if let Some(status) = &args.status {
        only.push_str(&format!(" AND status = '{status}'"));
    }
    let query = if args.summary {
        // Bytes of duplicates are in the store once, under the event that stored them.
        format!(
            "SELECT kind, variant, status, count(*) AS files, sum(bytes) FILTER (WHERE status = 'stored') AS bytes_stored,
             max(observed_at) AS newest FROM ({NEWEST}) WHERE {only} GROUP BY kind, variant, status
             ORDER BY kind, variant, status"
        )
    } else {
        format!(
            "SELECT video_id, kind, position, variant, status, format, width, height, bytes, path, reason
             FROM ({NEWEST}) WHERE {only} ORDER BY video_id, kind, position, variant"
        )
    };
    let engine = super::lake::engine(config).await?;
    to_stdout(engine.sql(&query).await?, args.format).await?;
    Ok(())
}
