//! Which writing system a text is in, and the languages that alone decides.

use crate::text::is_letter_or_mark;

/// Writing systems that matter for telling languages apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    Latin,
    Cyrillic,
    Arabic,
    Devanagari,
    Han,
    Kana,
    Hangul,
    Greek,
    Hebrew,
    Thai,
    Bengali,
    Gurmukhi,
    Gujarati,
    Tamil,
    Telugu,
    Other,
}

const SCRIPTS: usize = Script::Other as usize + 1;

/// What the characters of a text say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// No letters at all.
    None,
    /// A script that one language uses here.
    Decided(&'static str),
    /// A script that several languages use.
    Shared(Script),
    /// A script that nothing here knows.
    Unknown,
}

/// Characters that Japan alone writes so; they tell Japanese from Chinese where no kana does.
const JAPANESE_ONLY: &str = "気円図広県駅売読歩単団応択沢渋対専両乗労効勧匂巻従徳恵悪戦戻払抜掲摂撃斎暁枠栄桜検楽様歳涙渇満滝焼犠猟発\
稲穂穏竜粛経絵継続縁縄聴脳臓芸荘蔵薬蛍覚覧観訳証豊賛軽辺込逓遅郷酔釈鉄銭鋭録闘関陥隠雑霊頼顔顕駆騒験髪鶏黒黙齢峠畑働辻塩亜仏仮価剣\
剤剰励囲圧壊壌変実届帰廃弐弾径拠拡拝挙揺暦々〆";

/// The script of a letter or mark; `None` for anything else and for marks that go with any script.
pub(crate) fn of(c: char) -> Option<Script> {
    if c.is_ascii() {
        return c.is_ascii_alphabetic().then_some(Script::Latin);
    }
    let script = match c {
        '\u{300}'..='\u{36f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{20d0}'..='\u{20ff}' => {
            return None;
        }
        '々' | '〆' => return Some(Script::Han),
        _ if !is_letter_or_mark(c) => return None,
        '\u{aa}' | '\u{ba}' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Script::Latin,
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Script::Greek,
        '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' => Script::Cyrillic,
        '\u{590}'..='\u{5ff}' | '\u{fb1d}'..='\u{fb4f}' => Script::Hebrew,
        '\u{600}'..='\u{6ff}'
        | '\u{750}'..='\u{77f}'
        | '\u{8a0}'..='\u{8ff}'
        | '\u{fb50}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefe}' => Script::Arabic,
        '\u{900}'..='\u{97f}' => Script::Devanagari,
        '\u{980}'..='\u{9ff}' => Script::Bengali,
        '\u{a00}'..='\u{a7f}' => Script::Gurmukhi,
        '\u{a80}'..='\u{aff}' => Script::Gujarati,
        '\u{b80}'..='\u{bff}' => Script::Tamil,
        '\u{c00}'..='\u{c7f}' => Script::Telugu,
        '\u{e00}'..='\u{e7f}' => Script::Thai,
        '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7af}' => Script::Hangul,
        '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}' => Script::Kana,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => {
            Script::Han
        }
        _ => Script::Other,
    };
    Some(script)
}

/// What the letters of `text` say, by majority.
pub(crate) fn evidence(text: &str) -> Evidence {
    let mut weights = [0_usize; SCRIPTS];
    for script in text.chars().filter_map(of) {
        weights[script as usize] += weight(script);
    }
    let east = weights[Script::Han as usize] + weights[Script::Kana as usize];
    let top = ALL.iter().copied().max_by_key(|&script| (weights[script as usize], std::cmp::Reverse(script as usize)));
    match top {
        Some(script) if weights[script as usize].max(east) == 0 => Evidence::None,
        Some(script) if weights[script as usize] >= east && !matches!(script, Script::Han | Script::Kana) => {
            alone(script)
        }
        _ => Evidence::Decided(chinese_or_japanese(text, weights[Script::Kana as usize], east)),
    }
}

const ALL: [Script; SCRIPTS] = [
    Script::Latin,
    Script::Cyrillic,
    Script::Arabic,
    Script::Devanagari,
    Script::Han,
    Script::Kana,
    Script::Hangul,
    Script::Greek,
    Script::Hebrew,
    Script::Thai,
    Script::Bengali,
    Script::Gurmukhi,
    Script::Gujarati,
    Script::Tamil,
    Script::Telugu,
    Script::Other,
];

/// How much of a word one character stands for: a syllable of Chinese or Korean, a letter of an alphabet without vowels.
fn weight(script: Script) -> usize {
    match script {
        Script::Han | Script::Hangul => 6,
        Script::Kana => 4,
        Script::Arabic | Script::Hebrew => 3,
        _ => 2,
    }
}

fn alone(script: Script) -> Evidence {
    Evidence::Decided(match script {
        Script::Hangul => "ko",
        Script::Greek => "el",
        Script::Hebrew => "he",
        Script::Thai => "th",
        Script::Bengali => "bn",
        Script::Gurmukhi => "pa",
        Script::Gujarati => "gu",
        Script::Tamil => "ta",
        Script::Telugu => "te",
        Script::Other => return Evidence::Unknown,
        _ => return Evidence::Shared(script),
    })
}

fn chinese_or_japanese(text: &str, kana: usize, east: usize) -> &'static str {
    let japanese = kana * 8 >= east || kana == 0 && text.chars().any(|c| JAPANESE_ONLY.contains(c));
    if japanese && east > 0 { "ja" } else { "zh" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_decide() {
        for (text, code) in
            [("안녕 hi", "ko"), ("東京へ", "ja"), ("你好", "zh"), ("気持", "ja"), ("καλά", "el"), ("สวัสดี", "th")]
        {
            assert_eq!(evidence(text), Evidence::Decided(code), "{text}");
        }
        assert_eq!(evidence("hello 你"), Evidence::Shared(Script::Latin));
        assert_eq!(evidence("привет ok"), Evidence::Shared(Script::Cyrillic));
        assert_eq!(evidence("12 ★ ?"), Evidence::None);
        assert_eq!(evidence("ქართული"), Evidence::Unknown);
    }
}
