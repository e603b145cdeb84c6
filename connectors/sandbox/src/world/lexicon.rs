//! Hand-written words: per language the sentences, offers, calls, tags, nouns, comments and spoken lines.
//!
//! Slots: `{x}` a noun of the topic, `{e}` an emoji, `{p}` a price, `{c}` a discount code, `{u}` an address,
//! `{m}` a mention, `{n}` a small number.

/// How many topics there are; each language has two nouns per topic.
pub(crate) const TOPICS: usize = 12;

/// Tags of each topic that are used in every language.
#[rustfmt::skip]
pub(crate) const TOPIC_TAGS: [[&str; 4]; TOPICS] = [
    ["foodtok", "recipe", "cooking", "easyrecipes"],
    ["gymtok", "fitness", "workout", "homeworkout"],
    ["beautytok", "makeup", "skincare", "grwm"],
    ["gaming", "gamer", "speedrun", "retrogaming"],
    ["traveltok", "travel", "hiddengems", "nighttrain"],
    ["petsoftiktok", "catsoftiktok", "dogtok", "rescue"],
    ["football", "footballtiktok", "goal", "matchday"],
    ["booktok", "bookrecs", "reading", "plottwist"],
    ["musictok", "guitar", "newmusic", "cover"],
    ["techtok", "gadgets", "coding", "lifehack"],
    ["fashiontok", "ootd", "thrifted", "streetwear"],
    ["diy", "hometok", "upcycling", "beforeandafter"],
];

/// The words of one language.
pub(crate) struct Lexicon {
    /// ISO 639-1 code.
    pub(crate) code: &'static str,
    pub(crate) nouns: [[&'static str; 2]; TOPICS],
    pub(crate) sentences: &'static [&'static str],
    pub(crate) offers: &'static [&'static str],
    pub(crate) calls: &'static [&'static str],
    pub(crate) tags: &'static [&'static str],
    pub(crate) comments: &'static [&'static str],
    pub(crate) speech: &'static [&'static str],
}

/// All languages; regions point at them by position.
#[rustfmt::skip]
pub(crate) const LANGUAGES: [Lexicon; 15] = [
    Lexicon {
        code: "en",
        nouns: [
            ["one-pan lasagne", "crispy tofu"], ["leg day", "a plank challenge"], ["matte lipstick", "a night routine"],
            ["a boss fight", "this speedrun"], ["the slow train", "Lisbon by night"], ["my rescue cat", "puppy school"],
            ["the last-minute winner", "five-a-side"], ["this plot twist", "a cosy mystery"], ["a four-chord song", "my first gig"],
            ["a mechanical keyboard", "this spreadsheet trick"], ["a thrifted jacket", "linen trousers"], ["an old chair", "a shelf from scrap"],
        ],
        sentences: &[
            "{x} in {n} steps {e}", "POV: you tried {x} once and now it's your whole personality {e}", "Nobody talks about {x} enough.",
            "day {n} of {x} and I have no regrets {e}{e}", "Wait for the end… {x} {e}", "I asked {m} about {x}. Big mistake!",
            "honest review: {x}, {n}/10", "What they don't tell you about {x}:\n1️⃣ it takes time\n2️⃣ it's worth it",
        ],
        offers: &["{x} now only {p} {e} use code {c} at {u}", "Was {p}, today {p}! Link in bio {e}", "ad | {p} with {c}, ships worldwide → {u}"],
        calls: &["follow for part {n} {e}", "Comment “YES” and I'll send you the list", "Tag someone who needs this {m}", "Save this for later 🔖"],
        tags: &["fyp", "foryou", "viral", "relatable"],
        comments: &["obsessed {e}", "part {n} please!!", "first", "how is this free content", "where did you get it? is it really {p}?", "{m} look at this", "not me crying at {n}am"],
        speech: &["hey everyone welcome back so today we are looking at {x}", "okay so I have been waiting weeks for {x} and here it is", "number {n} will surprise you"],
    },
    Lexicon {
        code: "es",
        nouns: [
            ["tortilla jugosa", "arroz con leche"], ["día de pierna", "reto de plancha"], ["labial mate", "rutina de noche"],
            ["el jefe final", "esta partida"], ["Oaxaca", "un tren nocturno"], ["mi gata", "un perrito rescatado"],
            ["el gol del año", "fútbol de barrio"], ["este libro", "una novela negra"], ["mi guitarra", "una cumbia nueva"],
            ["un teclado", "este truco de Excel"], ["una chaqueta de segunda mano", "mi outfit"], ["una silla vieja", "la cocina nueva"],
        ],
        sentences: &[
            "{x} en {n} pasos {e}", "Nadie habla de {x} y no lo entiendo 😭", "¿Qué opinan de {x}? {e}", "Día {n}: {x} {e}{e}",
            "Espera el final… {x}", "Le pregunté a {m} por {x} y pasó esto", "¡No puede ser, {x}! {e}", "parte {n} · {x}",
        ],
        offers: &["{x} por solo {p} {e} código {c}", "Antes {p}, hoy {p} 👉 {u}", "publi | con {c} te sale en {p}"],
        calls: &["sígueme para la parte {n}", "Comenta “QUIERO” y te mando el link {e}", "Etiqueta a {m}", "Guárdalo 🔖"],
        tags: &["parati", "fypシ", "viral", "latinos", "españa"],
        comments: &["jajaja me muero {e}", "parte {n} por favor", "¿dónde lo compraste?", "qué lindo ❤️", "{m} mira esto", "¿de verdad cuesta {p}?"],
        speech: &["hola a todos hoy les traigo {x}", "bueno miren lo que pasó con {x}", "el número {n} no se lo esperan"],
    },
    Lexicon {
        code: "pt",
        nouns: [
            ["pão de queijo", "brigadeiro"], ["treino de perna", "desafio da prancha"], ["batom nude", "rotina da noite"],
            ["o chefão", "essa gameplay"], ["Salvador", "um trem noturno"], ["meu gato", "o cachorro caramelo"],
            ["o gol no fim", "futebol de várzea"], ["esse livro", "um suspense"], ["meu violão", "um samba novo"],
            ["esse teclado", "um truque de planilha"], ["brechó", "look do dia"], ["uma cadeira velha", "a reforma da cozinha"],
        ],
        sentences: &[
            "{x} em {n} passos {e}", "Ninguém fala sobre {x} 😳", "dia {n} de {x} {e}", "Gente… {x}! Não acredito {e}",
            "Quem mais ama {x}?", "Perguntei pro {m} sobre {x} e olha no que deu", "testei {x}: nota {n}", "espera até o final {e} {x}",
        ],
        offers: &["{x} por {p} só hoje {e} cupom {c}", "De {p} por {p} 👉 {u}", "publi: cupom {c} no link da bio"],
        calls: &["segue pra parte {n}", "Comenta “EU QUERO” {e}", "Marca aquela amiga {m}", "salva pra não esquecer 🔖"],
        tags: &["fy", "paravoce", "viral", "brasil", "foryoupage"],
        comments: &["kkkkkkk {e}", "parte {n} pelo amor", "que fofo 🥹", "onde compra?", "{m} olha isso", "tá {p} na loja mesmo?"],
        speech: &["oi gente tudo bem hoje eu trouxe {x}", "olha só o que aconteceu com {x}", "a dica {n} é a melhor"],
    },
    Lexicon {
        code: "fr",
        nouns: [
            ["tarte aux pommes", "pâtes au citron"], ["séance jambes", "défi gainage"], ["rouge à lèvres", "routine du soir"],
            ["le boss final", "ce speedrun"], ["Marseille", "un train de nuit"], ["mon chat", "un chiot adopté"],
            ["le but de la semaine", "foot à cinq"], ["ce roman", "un polar"], ["ma guitare", "une reprise au piano"],
            ["un clavier mécanique", "cette astuce tableur"], ["une veste chinée", "ma tenue"], ["une vieille chaise", "l'étagère maison"],
        ],
        sentences: &[
            "{x} en {n} étapes {e}", "On ne parle pas assez de {x} !", "Jour {n} : {x} {e}", "Attendez la fin… {x} {e}",
            "J'ai demandé à {m} son avis sur {x}", "Avis honnête : {x}, {n}/10", "Ça, c'est {x} ? {e}", "POV : {x}, l'été, la mer 🏖️",
        ],
        offers: &["{x} à {p} avec le code {c} {e}", "Avant {p}, maintenant {p} → {u}", "collab commerciale : {c} = livraison offerte"],
        calls: &["abonne-toi pour la partie {n}", "Commente « MOI » et je t'envoie le lien", "Identifie {m} {e}", "Enregistre la vidéo 🔖"],
        tags: &["pourtoi", "fyp", "france", "tendance"],
        comments: &["mdr {e}", "partie {n} stp", "trop mignon 🥰", "c'est vraiment {p} ?", "{m} regarde ça", "magnifique"],
        speech: &["bonjour à tous aujourd'hui on va parler de {x}", "alors voilà ce qui s'est passé avec {x}", "l'étape {n} change tout"],
    },
    Lexicon {
        code: "de",
        nouns: [
            ["Käsespätzle", "Apfelkuchen"], ["Beintag", "Plank-Challenge"], ["Lippenstift", "Abendroutine"],
            ["der Endgegner", "dieser Speedrun"], ["der Nachtzug", "Leipzig"], ["meine Katze", "Welpenschule"],
            ["das Tor des Monats", "Hallenfußball"], ["dieser Krimi", "mein Lesemonat"], ["meine Gitarre", "ein Straßenkonzert"],
            ["die Tastatur", "dieser Tabellentrick"], ["Flohmarktfund", "mein Outfit"], ["ein alter Stuhl", "das Regal"],
        ],
        sentences: &[
            "{x} in {n} Schritten {e}", "Warum spricht niemand über {x}?", "Tag {n}: {x} {e}", "Warte bis zum Schluss… {x} {e}",
            "Ich hab {m} nach {x} gefragt. Großer Fehler!", "Ehrliche Meinung: {x}, {n} von 10", "Süß, oder? {x} {e}", "Teil {n} · {x}",
        ],
        offers: &["{x} heute nur {p} {e} Code {c}", "Statt {p} jetzt {p} → {u}", "Anzeige | mit {c} sparst du"],
        calls: &["Folge mir für Teil {n}", "Kommentiere „JA“ und ich schick dir den Link", "Markiere {m}", "Speichern nicht vergessen 🔖"],
        tags: &["fürdich", "fyp", "deutschland", "viral"],
        comments: &["haha {e}", "Teil {n} bitte!", "Wo gibt's das?", "kostet das echt {p}?", "{m} schau mal", "wunderschön ❤️"],
        speech: &["hallo zusammen heute zeige ich euch {x}", "also passt auf {x} war so", "Punkt {n} ist der wichtigste"],
    },
    Lexicon {
        code: "it",
        nouns: [
            ["carbonara", "torta di mele"], ["giorno gambe", "sfida plank"], ["rossetto", "routine serale"],
            ["il boss finale", "questa partita"], ["Palermo", "il treno notturno"], ["la mia gatta", "un cucciolo"],
            ["il gol al 90°", "calcetto"], ["questo libro", "un giallo"], ["la mia chitarra", "una cover"],
            ["la tastiera", "questo trucco"], ["una giacca usata", "il mio look"], ["una vecchia sedia", "la mensola"],
        ],
        sentences: &[
            "{x} in {n} passaggi {e}", "Perché nessuno parla di {x}?", "Giorno {n}: {x} {e}", "Aspetta la fine… {x}",
            "Ho chiesto a {m} di {x} {e}", "È davvero così: {x}", "Recensione onesta: {x}, voto {n}", "Mamma mia {x} 😍",
        ],
        offers: &["{x} a soli {p} {e} codice {c}", "Prima {p}, oggi {p} → {u}", "adv | con {c} spedizione gratis"],
        calls: &["seguimi per la parte {n}", "Scrivi “VOGLIO” nei commenti", "Tagga {m} {e}", "Salva il video 🔖"],
        tags: &["perte", "neiperte", "italia", "viral"],
        comments: &["ahahah {e}", "parte {n} subito", "che bello 😍", "costa davvero {p}?", "{m} guarda", "dove lo trovo?"],
        speech: &["ciao ragazzi oggi parliamo di {x}", "allora guardate {x}", "il punto {n} è incredibile"],
    },
    Lexicon {
        code: "tr",
        nouns: [
            ["mercimek çorbası", "sütlaç"], ["bacak günü", "plank yarışması"], ["mat ruj", "gece bakımı"],
            ["son boss", "bu oyun"], ["Kapadokya", "gece treni"], ["kedim", "yavru köpek"],
            ["son dakika golü", "halı saha"], ["bu kitap", "polisiye roman"], ["gitarım", "yeni şarkı"],
            ["klavye", "bu tablo hilesi"], ["ikinci el ceket", "kombinim"], ["eski sandalye", "duvar rafı"],
        ],
        sentences: &[
            "{n} adımda {x} {e}", "Kimse {x} hakkında konuşmuyor 😅", "{n}. gün: {x} {e}", "Sonunu bekleyin… {x}",
            "{m} ile {x} denedik", "İşte {x}! {e}", "Dürüst yorum: {x}, {n}/10", "Şaka mı bu? {x}",
        ],
        offers: &["{x} sadece {p} {e} kod: {c}", "{p} yerine {p} → {u}", "reklam | {c} koduyla kargo bedava"],
        calls: &["{n}. bölüm için takip et", "Yorumlara “İSTİYORUM” yaz", "{m} etiketle {e}", "Kaydetmeyi unutma 🔖"],
        tags: &["keşfet", "kesfetteyiz", "fyp", "türkiye"],
        comments: &["güldüm {e}", "{n}. bölüm gelsin", "çok tatlı 🥰", "gerçekten {p} mi?", "{m} baksana", "nereden aldın?"],
        speech: &["herkese merhaba bugün {x} yapıyoruz", "arkadaşlar {x} böyle oldu", "{n} numara çok iyi"],
    },
    Lexicon {
        code: "id",
        nouns: [
            ["nasi goreng", "es cendol"], ["latihan kaki", "tantangan plank"], ["lipstik matte", "skincare malam"],
            ["bos terakhir", "gameplay ini"], ["Yogyakarta", "kereta malam"], ["kucingku", "anak anjing"],
            ["gol terakhir", "futsal"], ["buku ini", "novel misteri"], ["gitarku", "lagu baru"],
            ["keyboard", "trik spreadsheet"], ["jaket thrift", "outfit hari ini"], ["kursi lama", "rak dinding"],
        ],
        sentences: &[
            "{x} cuma {n} langkah {e}", "Kenapa nggak ada yang bahas {x}? 😭", "Hari ke-{n}: {x} {e}", "Tunggu sampai akhir… {x}",
            "Tanya {m} soal {x}, hasilnya begini", "jujur aja {x} {n}/10", "POV: {x} {e}", "Siapa yang suka {x}?",
        ],
        offers: &["{x} cuma {p} {e} pakai kode {c}", "Dari {p} jadi {p} 👉 {u}", "cek keranjang kuning! kode {c}"],
        calls: &["follow buat part {n}", "Komen “MAU” ya kak", "Tag {m} {e}", "Simpan dulu 🔖"],
        tags: &["fyp", "fypdong", "indonesia", "viral"],
        comments: &["wkwkwk {e}", "part {n} dong", "gemes banget 🥹", "beneran {p} kak?", "{m} liat deh", "spill dong"],
        speech: &["halo guys hari ini aku mau bahas {x}", "jadi gini ceritanya {x}", "nomor {n} bikin kaget"],
    },
    Lexicon {
        code: "vi",
        nouns: [
            ["phở bò", "chè ba màu"], ["tập chân", "thử thách plank"], ["son lì", "chăm da buổi tối"],
            ["trùm cuối", "ván này"], ["Đà Lạt", "chuyến tàu đêm"], ["mèo nhà mình", "cún con"],
            ["bàn thắng phút cuối", "bóng đá phủi"], ["cuốn sách này", "truyện trinh thám"], ["cây guitar", "bài hát mới"],
            ["bàn phím cơ", "mẹo bảng tính"], ["áo khoác cũ", "phối đồ"], ["chiếc ghế cũ", "kệ gỗ"],
        ],
        sentences: &[
            "{x} chỉ với {n} bước {e}", "Sao không ai nói về {x}?", "Ngày {n}: {x} {e}", "Xem đến cuối nhé… {x}",
            "Hỏi {m} về {x} và cái kết", "Đánh giá thật: {x} {n}/10", "Ai mê {x} giống mình? {e}", "phần {n} · {x}",
        ],
        offers: &["{x} chỉ {p} {e} mã {c}", "Từ {p} còn {p} 👉 {u}", "nhập mã {c} được freeship"],
        calls: &["theo dõi để xem phần {n}", "Bình luận “CÓ” mình gửi link", "Tag {m} vào {e}", "Lưu lại nha 🔖"],
        tags: &["xuhuong", "fyp", "vietnam", "hoccungtiktok"],
        comments: &["haha {e}", "hóng phần {n}", "dễ thương quá 🥰", "giá {p} thật hả?", "{m} coi nè", "mua ở đâu vậy"],
        speech: &["chào mọi người hôm nay mình làm {x}", "chuyện là {x} như thế này", "mẹo số {n} hay nhất"],
    },
    Lexicon {
        code: "ar",
        nouns: [
            ["كبسة الدجاج", "كنافة"], ["تمرين الأرجل", "تحدي البلانك"], ["أحمر الشفاه", "روتين المساء"],
            ["الزعيم الأخير", "هذه اللعبة"], ["مراكش", "قطار الليل"], ["قطتي", "جرو صغير"],
            ["هدف الدقيقة الأخيرة", "كرة الشارع"], ["هذا الكتاب", "رواية غامضة"], ["عودي", "أغنية جديدة"],
            ["لوحة المفاتيح", "حيلة الجداول"], ["جاكيت مستعمل", "إطلالتي"], ["كرسي قديم", "رف خشبي"],
        ],
        sentences: &[
            "{x} في {n} خطوات {e}", "لماذا لا يتحدث أحد عن {x}؟", "اليوم {n}: {x} {e}", "انتظر النهاية… {x}",
            "سألت {m} عن {x} 😂", "تقييم صادق: {x} {n}/10", "من يحب {x}؟ {e}", "الجزء {n} · {x}",
        ],
        offers: &["{x} فقط {p} {e} كود {c}", "بدل {p} الآن {p} 👈 {u}", "إعلان | استخدم كود {c}"],
        calls: &["تابعني للجزء {n}", "اكتب «أريد» في التعليقات", "منشن {m} {e}", "احفظ الفيديو 🔖"],
        tags: &["اكسبلور", "fyp", "السعودية", "ترند"],
        comments: &["هههههه {e}", "نبي جزء {n}", "ما شاء الله ❤️", "السعر {p} فعلا؟", "{m} شوفي", "من وين؟"],
        speech: &["السلام عليكم اليوم نتكلم عن {x}", "شوفوا وش صار مع {x}", "رقم {n} هو الأفضل"],
    },
    Lexicon {
        code: "ja",
        nouns: [
            ["親子丼", "抹茶プリン"], ["脚トレ", "プランクチャレンジ"], ["マットリップ", "夜のスキンケア"],
            ["ラスボス", "このRTA"], ["京都", "夜行列車"], ["うちの猫", "保護犬"],
            ["決勝ゴール", "フットサル"], ["この小説", "ミステリー"], ["ギター", "新曲カバー"],
            ["キーボード", "表計算の裏ワザ"], ["古着ジャケット", "今日のコーデ"], ["古い椅子", "手作りの棚"],
        ],
        sentences: &[
            "{x}を{n}ステップで{e}", "{x}のこと、誰も言わないけど…", "{n}日目:{x}{e}", "最後まで見て!{x}{e}",
            "{m} に{x}を聞いてみた", "正直レビュー:{x} {n}点", "{x}しか勝たん{e}{e}", "パート{n}・{x}",
        ],
        offers: &["{x}が今だけ{p}{e} コード {c}", "{p}→{p} {u}", "PR|クーポン「{c}」で送料無料"],
        calls: &["フォローしてパート{n}を待ってね", "コメントに「ほしい」と書いてね{e}", "友達の {m} もタグ付け", "保存してね🔖"],
        tags: &["おすすめ", "おすすめのりたい", "fypシ", "日本"],
        comments: &["笑った{e}", "パート{n}お願い", "かわいい🥹", "本当に{p}?", "{m} 見て", "どこで買えますか"],
        speech: &["みなさんこんにちは今日は{x}です", "それでは{x}を見ていきましょう", "{n}番目がすごいです"],
    },
    Lexicon {
        code: "ko",
        nouns: [
            ["김치볶음밥", "달고나 라떼"], ["하체 운동", "플랭크 챌린지"], ["매트 립", "저녁 루틴"],
            ["최종 보스", "이 게임"], ["부산", "야간열차"], ["우리 고양이", "아기 강아지"],
            ["극장골", "풋살"], ["이 책", "추리 소설"], ["기타", "신곡 커버"],
            ["기계식 키보드", "엑셀 꿀팁"], ["빈티지 자켓", "오늘의 코디"], ["낡은 의자", "원목 선반"],
        ],
        sentences: &[
            "{n}단계로 끝내는 {x} {e}", "왜 아무도 {x} 얘기를 안 하죠?", "{n}일차: {x} {e}", "끝까지 보세요… {x}",
            "{m} 에게 {x} 물어봤더니 ㅋㅋ", "솔직 후기: {x} {n}점", "{x} 좋아하는 사람? {e}", "{n}편 · {x}",
        ],
        offers: &["{x} 오늘만 {p} {e} 코드 {c}", "{p} → {p} {u}", "광고 | {c} 입력하면 무료배송"],
        calls: &["{n}편 보려면 팔로우", "댓글에 “원해요” 남겨주세요", "{m} 태그하기 {e}", "저장 필수 🔖"],
        tags: &["추천", "추천떠라", "fyp", "한국"],
        comments: &["ㅋㅋㅋㅋ {e}", "{n}편 주세요", "귀여워 🥰", "진짜 {p} 예요?", "{m} 이거 봐", "어디서 사요?"],
        speech: &["안녕하세요 오늘은 {x} 가져왔어요", "자 그럼 {x} 시작할게요", "{n}번이 제일 중요해요"],
    },
    Lexicon {
        code: "th",
        nouns: [
            ["ข้าวผัดกะเพรา", "ชาไทย"], ["วันเล่นขา", "ท้าทายแพลงก์"], ["ลิปแมตต์", "สกินแคร์ก่อนนอน"],
            ["บอสสุดท้าย", "เกมนี้"], ["เชียงใหม่", "รถไฟกลางคืน"], ["แมวที่บ้าน", "ลูกหมา"],
            ["ประตูนาทีสุดท้าย", "ฟุตซอล"], ["หนังสือเล่มนี้", "นิยายสืบสวน"], ["กีตาร์", "เพลงใหม่"],
            ["คีย์บอร์ด", "ทริคตาราง"], ["แจ็กเก็ตมือสอง", "ชุดวันนี้"], ["เก้าอี้เก่า", "ชั้นวางของ"],
        ],
        sentences: &[
            "{x} ใน {n} ขั้นตอน {e}", "ทำไมไม่มีใครพูดถึง{x}", "วันที่ {n}: {x} {e}", "รอดูตอนจบ… {x}",
            "ถาม {m} เรื่อง{x} แล้วเป็นแบบนี้", "รีวิวจริงใจ {x} {n}/10", "ใครชอบ{x}บ้าง {e}", "ตอนที่ {n} {x}",
        ],
        offers: &["{x} แค่ {p} {e} โค้ด {c}", "จาก {p} เหลือ {p} 👉 {u}", "ใส่โค้ด {c} ส่งฟรี"],
        calls: &["กดติดตามรอตอนที่ {n}", "คอมเมนต์ “สนใจ” ได้เลย", "แท็ก {m} {e}", "เซฟไว้เลย 🔖"],
        tags: &["ฟีด", "เทรนด์วันนี้", "fyp", "tiktokพาฟิน"],
        comments: &["55555 {e}", "ขอตอน {n}", "น่ารักมาก 🥹", "ราคา {p} จริงเหรอ", "{m} ดูนี่", "ซื้อที่ไหนคะ"],
        speech: &["สวัสดีค่ะวันนี้มาทำ{x}กัน", "มาดู{x}กันเลย", "ข้อที่ {n} ดีมาก"],
    },
    Lexicon {
        code: "ru",
        nouns: [
            ["сырники", "борщ"], ["день ног", "планка на спор"], ["матовая помада", "вечерний уход"],
            ["последний босс", "этот спидран"], ["Байкал", "ночной поезд"], ["моя кошка", "щенок из приюта"],
            ["гол на последней минуте", "дворовый футбол"], ["эта книга", "детектив"], ["моя гитара", "новая песня"],
            ["клавиатура", "хитрость с таблицами"], ["куртка из секонда", "мой образ"], ["старый стул", "полка своими руками"],
        ],
        sentences: &[
            "{x} за {n} шагов {e}", "Почему никто не говорит про это: {x}?", "День {n}: {x} {e}", "Досмотри до конца… {x}",
            "Мы с {m} и {x} 😂", "Честный отзыв: {x}, {n} из 10", "Кто тоже любит такое? {x} {e}", "часть {n} · {x}",
        ],
        offers: &["{x} всего {p} {e} промокод {c}", "Было {p}, стало {p} → {u}", "реклама | по коду {c} доставка даром"],
        calls: &["подпишись, будет часть {n}", "Пиши «ХОЧУ» в комментариях", "Отметь {m} {e}", "Сохрани 🔖"],
        tags: &["рек", "рекомендации", "fyp", "россия"],
        comments: &["ахахах {e}", "часть {n} пожалуйста", "какая прелесть 🥰", "правда {p}?", "{m} смотри", "где купить?"],
        speech: &["всем привет сегодня у нас {x}", "ну что смотрим {x}", "пункт {n} самый важный"],
    },
    Lexicon {
        code: "hi",
        nouns: [
            ["पनीर टिक्का", "मसाला चाय"], ["लेग डे", "प्लैंक चैलेंज"], ["मैट लिपस्टिक", "रात की स्किनकेयर"],
            ["आख़िरी बॉस", "यह गेम"], ["जयपुर", "रात की ट्रेन"], ["मेरी बिल्ली", "छोटा पिल्ला"],
            ["आख़िरी मिनट का गोल", "गली फुटबॉल"], ["यह किताब", "जासूसी उपन्यास"], ["मेरा गिटार", "नया गाना"],
            ["कीबोर्ड", "एक्सेल ट्रिक"], ["पुरानी जैकेट", "आज का लुक"], ["पुरानी कुर्सी", "लकड़ी की शेल्फ"],
        ],
        sentences: &[
            "{n} स्टेप में {x} {e}", "{x} के बारे में कोई बात क्यों नहीं करता?", "दिन {n}: {x} {e}", "अंत तक देखो… {x}",
            "{m} से {x} के बारे में पूछा 😂", "सच्चा रिव्यू: {x} {n}/10", "किसको पसंद है {x}? {e}", "भाग {n} · {x}",
        ],
        offers: &["{x} सिर्फ़ {p} {e} कोड {c}", "{p} की जगह {p} 👉 {u}", "कोड {c} से मुफ़्त डिलीवरी"],
        calls: &["भाग {n} के लिए फ़ॉलो करो", "कमेंट में “हाँ” लिखो", "{m} को टैग करो {e}", "सेव कर लो 🔖"],
        tags: &["भारत", "देसी", "fyp", "viral"],
        comments: &["हाहाहा {e}", "भाग {n} कब?", "बहुत प्यारा ❤️", "सच में {p}?", "{m} देखो", "कहाँ मिलेगा?"],
        speech: &["नमस्ते दोस्तों आज हम {x} देखेंगे", "तो चलिए {x} शुरू करते हैं", "नंबर {n} सबसे अच्छा है"],
    },
];

/// Emoji: plain, with variation selector, skin tone, ZWJ sequences, flags and keycaps.
#[rustfmt::skip]
pub(crate) const EMOJI: [&str; 24] = [
    "😂", "🔥", "✨", "😍", "🥹", "💀", "❤️", "✌️", "👍🏽", "🙏🏿", "💁🏻‍♀️", "👩‍🍳", "👨‍👩‍👧‍👦", "🏳️‍🌈", "❤️‍🔥", "🧑🏾‍💻", "🐈‍⬛", "🏴‍☠️", "🇧🇷", "🇯🇵",
    "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣", "#️⃣", "🫠",
];
