//! What is written under a video and said in it.

use super::Video;
use super::creators;
use super::hash::{Roll, Room};
use super::lexicon::{EMOJI, LANGUAGES, Lexicon, TOPIC_TAGS};
use super::region::Region;
use super::sounds;

/// The description of a video.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caption {
    /// As shown; may be empty.
    pub text: String,
    /// Names of the hashtags in the text, without `#`, in their order.
    pub hashtags: Vec<String>,
    /// Handles mentioned in the text, without `@`.
    pub mentions: Vec<String>,
}

/// Writes a text into a language's templates.
pub(crate) struct Writer<'a> {
    pub(crate) roll: Roll,
    pub(crate) lexicon: &'a Lexicon,
    pub(crate) region: &'a Region,
    pub(crate) video: &'a Video<'a>,
    pub(crate) mentions: Vec<String>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(video: &'a Video<'a>, roll: Roll) -> Self {
        let lexicon = &LANGUAGES[video.language_index()];
        Self { roll, lexicon, region: video.region(), video, mentions: Vec::new() }
    }

    /// A template with its slots filled.
    pub(crate) fn fill(&mut self, template: &str) -> String {
        let mut text = String::with_capacity(template.len() + 40);
        let mut rest = template;
        while let Some(start) = rest.find('{') {
            text.push_str(&rest[..start]);
            let slot = rest[start + 1..].chars().next().unwrap_or('?');
            text.push_str(&self.slot(slot));
            rest = rest[start..].split_once('}').map_or("", |(_, after)| after);
        }
        text.push_str(rest);
        text
    }

    fn slot(&mut self, slot: char) -> String {
        match slot {
            'x' => self.roll.pick(&self.lexicon.nouns[self.video.topic()]).to_owned(),
            'e' => self.emoji(),
            'p' => self.price(),
            'c' => self.code(),
            'u' => self.address(),
            'm' => self.mention(),
            'n' => (2 + self.roll.below(8)).to_string(),
            _ => String::new(),
        }
    }

    pub(crate) fn emoji(&mut self) -> String {
        if self.roll.chance(0.12) { self.region.flag.to_owned() } else { self.roll.pick(&EMOJI).to_owned() }
    }

    fn price(&mut self) -> String {
        let dollars = 3 + (self.roll.pareto(1.1) * 8.0).min(1500.0) as u64;
        let cents = [0, 50, 90, 95, 99][self.roll.below(5) as usize];
        self.region.money.format(dollars * 100 + cents)
    }

    fn code(&mut self) -> String {
        let handle = self.video.creator().handle;
        let name: String = handle.chars().filter(char::is_ascii_alphabetic).take(6).collect();
        format!("{}{}", name.to_uppercase(), 5 * (1 + self.roll.below(10)))
    }

    fn address(&mut self) -> String {
        let handle = self.video.creator().handle;
        match self.roll.below(4) {
            0 => format!("https://shop.example/p/{}?utm_source=tiktok", self.roll.below(90_000)),
            1 => format!("links.example/{handle}"),
            2 => format!("www.shop-{}.example", self.region.code.to_lowercase()),
            _ => format!("http://example.com/{}/#deal", self.roll.below(1000)),
        }
    }

    fn mention(&mut self) -> String {
        let config = self.video.world().config();
        let handle = creators::handle(config, self.roll.below(config.creators));
        self.mentions.push(handle.clone());
        format!("@{handle}")
    }
}

/// The caption of a video.
pub(crate) fn write(video: &Video<'_>) -> Caption {
    let mut writer = Writer::new(video, video.roll(Room::Caption));
    let style = writer.roll.below(100);
    if style < 4 {
        return Caption::default();
    }
    let mut parts = if style < 12 { Vec::new() } else { sentences(&mut writer) };
    let hashtags = if style < 90 { hashtags(&mut writer) } else { Vec::new() };
    parts.extend(hashtags.iter().map(|tag| format!("#{tag}")));
    Caption { text: parts.join(" "), hashtags, mentions: writer.mentions }
}

fn sentences(writer: &mut Writer<'_>) -> Vec<String> {
    if writer.roll.chance(0.03) {
        return vec![writer.emoji()];
    }
    let mut parts = vec![one_of(writer, writer.lexicon.sentences)];
    if writer.roll.chance(0.12) {
        parts.push(one_of(writer, writer.lexicon.offers));
    }
    if writer.roll.chance(0.25) {
        parts.push(one_of(writer, writer.lexicon.calls));
    }
    parts
}

fn one_of(writer: &mut Writer<'_>, templates: &'static [&'static str]) -> String {
    let template = writer.roll.pick(templates);
    writer.fill(template)
}

fn hashtags(writer: &mut Writer<'_>) -> Vec<String> {
    let topic = writer.video.topic();
    let mut tags: Vec<String> = Vec::new();
    for _ in 0..1 + writer.roll.below(3) {
        tags.push(writer.roll.pick(&TOPIC_TAGS[topic]).to_owned());
    }
    for _ in 0..writer.roll.below(3) {
        tags.push(writer.roll.pick(writer.lexicon.tags).to_owned());
    }
    if writer.roll.chance(0.25) {
        tags.push(slug(writer.roll.pick(&writer.lexicon.nouns[topic])));
    }
    tags.extend(sounds::trending_tag(writer.video, &mut writer.roll));
    let mut seen = std::collections::HashSet::new();
    tags.retain(|tag| seen.insert(tag.clone()));
    tags
}

/// A noun as a hashtag.
fn slug(noun: &str) -> String {
    noun.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\'' | '°' | '.'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// What is said in a video.
pub(crate) fn speech(video: &Video<'_>) -> Option<String> {
    let mut writer = Writer::new(video, video.roll(Room::Speech));
    if !writer.roll.chance(0.35) {
        return None;
    }
    let speech = writer.lexicon.speech;
    let lines: Vec<_> = (0..2 + writer.roll.below(4)).map(|_| one_of(&mut writer, speech)).collect();
    Some(lines.join(" "))
}

#[cfg(test)]
mod tests {
    use crate::world::language_codes;
    use crate::{World, WorldConfig};
    use std::collections::HashSet;

    #[test]
    fn captions_are_as_varied_as_the_world() {
        let world = World::new(WorldConfig::default()).expect("a world");
        let videos: Vec<_> = (0..20_000).filter_map(|index| world.video(index)).collect();
        let captions: Vec<_> = videos.iter().map(|video| video.caption()).collect();
        let languages: HashSet<_> = videos.iter().map(|video| video.language()).collect();
        assert_eq!(languages.len(), language_codes().count());
        assert!(languages.len() >= 12);
        for needle in ["👩‍🍳", "🇧🇷", "1️⃣", "https://", "@", "€", "R$ ", "Rp", "₫", "원"] {
            assert!(captions.iter().any(|caption| caption.text.contains(needle)), "{needle}");
        }
        assert!(captions.iter().any(|caption| caption.text.is_empty()));
        assert!(captions.iter().any(|c| !c.text.is_empty() && c.text.split(' ').all(|word| word.starts_with('#'))));
        for caption in &captions {
            assert!(!caption.text.contains(['{', '}']), "{}", caption.text);
            assert!(caption.hashtags.iter().all(|tag| caption.text.contains(&format!("#{tag}"))));
            assert!(caption.mentions.iter().all(|handle| caption.text.contains(&format!("@{handle}"))));
        }
    }
}
