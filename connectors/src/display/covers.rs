//! Fresh addresses of covers, for whoever fetches them: those of observations have stopped working after six hours.

use super::client::{Ask, DisplayClient, Spent};
use super::records::cover;
use super::scope::Scope;
use crate::media::Format;
use crate::reading::opt_id;
use crate::source::Fault;
use crate::vault::AccountName;
use serde_json::{Value, json};

impl DisplayClient {
    /// Covers of videos of an account, with the instant at which each address ends; at most 20 ids. Videos that TikTok
    /// does not give are left out.
    ///
    /// # Errors
    /// When the account or the request is refused.
    pub async fn covers(&self, account: &AccountName, ids: &[i64]) -> Result<Vec<(i64, Format)>, Fault> {
        let mut spent = Spent::default();
        let access = self.access(account, &mut spent).await?;
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        let ask = Ask {
            operation: "display video/query",
            path: "v2/video/query/",
            fields: &["id", "cover_image_url"],
            body: Some(json!({"filters": {"video_ids": ids}})),
            scope: Scope::VideoList,
        };
        let answer = self.ask(account, access, &ask, &mut spent).await?;
        let videos = answer.data.get("videos").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        Ok(videos.iter().filter_map(|video| Some((opt_id(video, "id")?, cover(video, answer.at)?))).collect())
    }
}
