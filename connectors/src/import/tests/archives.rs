//! Personal archives: what is read, and above all what is not.

use super::{FILE_TIME, by_kind, context, fixture, hashtags, read_bytes, read_fixture, sounds, videos};
use crate::import::{Imported, Shape, read_file};
use std::io::{Cursor, Write};
use tidelake_schemas::Timestamp;
use zip::write::SimpleFileOptions;

/// Nothing of the private sections may leave the reader: the fixtures mark it all with this word.
const PRIVATE: &str = "secret";

fn assert_discreet(imported: &Imported) {
    let said = format!("{imported:?}").to_lowercase();
    assert!(!said.contains(PRIVATE), "{said}");
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).expect("a ZIP entry");
        zip.write_all(bytes).expect("a ZIP entry");
    }
    zip.finish().expect("a ZIP archive").into_inner()
}

#[test]
fn the_layout_until_2024() {
    let imported = read_fixture("archive_layout_1.json");
    assert_eq!(imported.shape, Shape::Archive);
    assert_eq!(by_kind(&imported), "6 video, 2 hashtag, 1 sound");
    assert_discreet(&imported);
    let found = videos(&imported);
    let watched: Vec<_> = found.iter().filter(|v| v.video_id == 7_445_730_664_617_413_919).collect();
    assert_eq!(watched.len(), 2, "watched twice, and the second row is there twice");
    let seen = watched[0];
    assert_eq!((seen.observed_at, seen.provenance.zone.as_str()), (Timestamp(1_733_632_311_000_000), "archive"));
    assert!(seen.created_at_derived && seen.stats == tidelake_schemas::VideoStats::default());
    let own = found.iter().find(|v| v.stats.likes.is_some()).expect("an own post");
    assert_eq!((own.created_at, own.created_at_derived), (Some(Timestamp(1_704_067_200_000_000)), false));
    assert_eq!((own.stats.likes, own.observed_at), (Some(12), FILE_TIME));
    let tags: Vec<_> = hashtags(&imported).iter().map(|t| (t.hashtag_id, t.name.clone())).collect();
    assert_eq!(tags, [(Some(48), String::new()), (None, "fypシ".into())]);
    assert_eq!(sounds(&imported)[0].sound_id, 6_837);
    let notes = imported.notes.join("; ");
    assert!(
        notes.contains("private sections left out: Comment, Direct Messages, Login History, Profile, Search History"),
        "{notes}"
    );
    assert!(notes.contains("rows of section shared left out"), "{notes}");
}

#[test]
fn the_layouts_since() {
    for name in ["archive_layout_2.json", "archive_layout_3.json"] {
        let imported = read_fixture(name);
        assert_eq!((imported.shape, by_kind(&imported)), (Shape::Archive, "4 video".to_owned()), "{name}");
        assert_discreet(&imported);
        assert!(imported.notes.iter().any(|note| note.starts_with("private sections left out")), "{name}");
        assert_eq!(imported.rejects.len(), 1, "{name}: a post whose link is a media file");
    }
}

#[test]
fn other_spellings_and_types() {
    let archive = serde_json::json!({"your activity": {
        "WATCH HISTORY": [{"date": 1_733_632_311_000_i64, "VideoLink": "https://www.tiktok.com/@a/photo/7445730664617413919"}],
        "Favourite Videos": {"FavoriteVideoList": [{"date": "2024-12-08", "link": "www.tiktokv.com/share/video/7445730664617413919/"}]},
        "Like List": {"ItemFavoriteList": null},
    }});
    let imported = super::read_value(&archive);
    assert_eq!(by_kind(&imported), "2 video");
    assert_eq!(videos(&imported)[1].observed_at, Timestamp(1_733_632_311_000_000));
}

#[test]
fn zipped_as_json() {
    let json = std::fs::read(fixture("archive_layout_2.json")).expect("the fixture");
    let bytes =
        zipped(&[("TikTok/user_data_tiktok.json", &json), ("user_data.json", &json), ("Watch History.txt", b"secret")]);
    let path = std::path::Path::new("TikTok_Data_1735588272.zip");
    let imported = read_file(path, &bytes, &context()).expect("an archive");
    assert_eq!((imported.shape, by_kind(&imported)), (Shape::Archive, "4 video".to_owned()));
    let own = videos(&imported).into_iter().find(|v| v.stats.likes.is_some()).expect("an own post").clone();
    assert_eq!(own.observed_at, Timestamp(1_735_588_272_000_000), "the time that the name of the archive says");
    assert_discreet(&imported);
}

#[test]
fn zipped_as_text() {
    let rows = "Date: 2024-11-27 07:28:28 UTC\nLink: https://www.tiktokv.com/share/video/7441690395441892640/\n\n\
                Date: 2024-11-27 07:29:28 UTC\nLink: https://www.tiktokv.com/share/video/7441690395441892641/\n\n";
    let posts = "Date: 2024-01-01 00:00:00 UTC\nLink: https://www.tiktok.com/@me.example/video/7318896137600000000\n\
                 Like(s): 3\nWho can view: Public\n\nDate: 2024-01-02 00:00:00 UTC\n\
                 Link: https://www.tiktok.com/@me.example/video/7318896137600000001\nLike(s): 1\nWho can view: Friends\n";
    let bytes = zipped(&[
        ("TikTok/Your Activity/Watch History.txt", rows.as_bytes()),
        ("TikTok/Je activiteit/Likelijst.txt", rows.replace("Date", "Datum").as_bytes()),
        ("TikTok/Ihre Aktivitaet/Gemerktes.txt", rows.replace("Date", "Datum").as_bytes()),
        ("TikTok/Post/Posts.txt", posts.as_bytes()),
        ("TikTok/Your Activity/Favorite Videos.txt", b"You have no data in this section\n"),
        ("TikTok/Your Activity/Login History.txt", b"Date: 2024-11-27 07:28:28 UTC\nIP: secret\n"),
        (
            "TikTok/Direct Messages/Direct Messages.txt",
            b">>> Chat History with secret:\n2024-11-27 07:28:28 UTC\nsecret: hi\n",
        ),
        ("TikTok/Profile/Profil.txt", b"Email: secret@example.org\nBirthday: 2000-01-01\n"),
    ]);
    let imported = read_bytes("TikTok_Data_1735588272.zip", &bytes);
    assert_eq!((imported.shape, by_kind(&imported)), (Shape::Archive, "7 video".to_owned()));
    assert_discreet(&imported);
    let notes = imported.notes.join("; ");
    assert!(notes.contains("private sections left out: Direct Messages, Login History, Profil"), "{notes}");
    assert!(notes.contains("1 own posts that are not public left out"), "{notes}");
    let own = videos(&imported).into_iter().find(|v| v.author.handle.is_some()).expect("an own post").clone();
    assert_eq!(own.author.handle.as_deref(), Some("me.example"));
}

#[test]
fn single_text_files() {
    let row = "Date: 2024-11-27 07:28:28 UTC\r\nLink: https://www.tiktokv.com/share/video/7441690395441892640/\r\n\r\n";
    assert_eq!(by_kind(&read_bytes("x/Activity/Video Browsing History.txt", row.as_bytes())), "1 video");
    let none = read_bytes("Like List.txt", b"\xef\xbb\xbfYou have no data in this section\n");
    assert!(none.notes[0].starts_with("holds no record"));
    let private = read_bytes("Login History.txt", b"Date: 2024-11-27 07:28:28 UTC\nIP: secret\n");
    assert!(private.observations.is_empty());
    assert_discreet(&private);
}

#[test]
fn zipped_captures() {
    let lines = std::fs::read(fixture("zeeschuimer.ndjson")).expect("the fixture");
    let imported = read_bytes("captures.zip", &zipped(&[("a/zeeschuimer.ndjson", &lines), ("a/readme.md", b"x")]));
    assert_eq!(imported.shape, Shape::Zeeschuimer);
}
