use crate::{Caption, Stages};

fn keywords(text: &str) -> Vec<String> {
    let found = Stages::standard().run(&Caption::plain(text)).findings;
    for keyword in &found.keywords {
        assert!(keyword.score > 0.0 && keyword.score <= 1.0, "{keyword:?}");
    }
    found.keywords.into_iter().map(|keyword| keyword.text).collect()
}

#[test]
fn captions() {
    for (text, some) in [
        (
            "The best creamy garlic pasta you will ever make 🍝 #pastarecipe #fyp",
            ["creamy garlic pasta", "pasta recipe"],
        ),
        ("Rutina de skincare para piel grasa con productos baratos", ["piel grasa", "productos baratos"]),
        ("Mein neues Skateboard für den Sommer, Skateboard fahren macht Spaß", ["skateboard", "sommer"]),
        ("Packing my suitcase for a week in Japan, what I wear in Japan", ["japan", "suitcase"]),
        ("วันนี้ไปเที่ยว #กรุงเทพ #ร้านกาแฟ", ["กรุงเทพ", "ร้านกาแฟ"]),
        ("新しいカメラで東京を散歩する", ["カメラ", "東京"]),
        ("我们在上海吃火锅，火锅很好吃", ["火锅", "上海吃火锅"]),
    ] {
        let found = keywords(text);
        assert!(some.iter().any(|word| found.iter().any(|keyword| keyword == word)), "{text}: {found:?}");
    }
}

#[test]
fn what_is_no_text() {
    assert_eq!(keywords("@anna #fyp #viral https://t.co/x 😀 $5 20 €"), [""; 0]);
    assert_eq!(keywords("the of and"), [""; 0]);
    assert_eq!(keywords(""), [""; 0]);
}

#[test]
fn a_hashtag_is_taken_whole() {
    let found = Stages::standard().run(&Caption::plain("hello #smallbusinesscheck")).findings;
    let keyword = &found.keywords[0];
    assert_eq!((keyword.text.as_str(), keyword.start, keyword.end), ("small business check", 6, 25));
}

#[test]
fn nothing_is_said_twice() {
    let found = keywords("Cat toys for cats: the best cat toys, a cat loves cat toys");
    assert!(found.contains(&"cat toys".to_owned()) && !found.contains(&"toys".to_owned()), "{found:?}");
    assert!(!(found.contains(&"cat".to_owned()) && found.contains(&"cats".to_owned())), "{found:?}");
}

#[test]
fn names_keep_their_small_words() {
    let text =
        "A equipa venceu o Campeonato do Mundo em Lisboa. O Campeonato do Mundo foi difícil para todos os jogadores.";
    assert!(keywords(text).contains(&"campeonato do mundo".to_owned()), "{:?}", keywords(text));
}
