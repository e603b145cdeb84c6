//! `[stages]`: what runs over captions besides the stages that always do.

use serde::Deserialize;
use tidelake_transformers::Settings;

/// `[stages]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StagesConfig {
    /// Models of local directories; off by default.
    transformers: Settings,
}

impl StagesConfig {
    /// The models to run, if they are on.
    pub(crate) fn transformers(&self) -> Option<Settings> {
        self.transformers.enabled.then(|| self.transformers.clone())
    }

    pub(super) fn check(&self, wrong: &mut impl FnMut(&str, String)) {
        for (key, why) in self.transformers.mistakes() {
            wrong(&format!("stages.transformers.{key}"), why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        let config: StagesConfig = toml::from_str(text).expect("reads");
        let mut found = Vec::new();
        config.check(&mut |path: &str, why: String| found.push(format!("{path}: {why}")));
        found
    }

    #[test]
    fn models_are_off_until_they_are_opened() {
        let text = "[transformers]\nsentiment = \"/nowhere\"\nbatch = 0\n";
        assert!(mistakes(text).is_empty());
        let all = mistakes(&format!("{text}enabled = true\n")).join("\n");
        for part in
            ["stages.transformers.sentiment: /nowhere is no directory", "stages.transformers.batch: 0 is not from 1"]
        {
            assert!(all.contains(part), "{all}");
        }
        let said = all.contains("stages.transformers.enabled")
            && all.contains("cargo build --release --features transformers");
        assert_eq!(said, !tidelake_transformers::BUILT, "{all}");
    }

    #[test]
    fn unknown_keys_and_devices_are_mistakes() {
        for text in ["[transformers]\nmodel = \"x\"", "[transformers]\ndevice = \"gpu\"", "[other]"] {
            assert!(toml::from_str::<StagesConfig>(text).is_err(), "{text}");
        }
    }
}
