//! Files as they come, whole and broken, and stores with and without room.

use super::store::{MediaStore, Note, StoreError};
use super::{Label, PictureFormat, PictureRecipe, Recipe, make};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult,
};
use proptest::prelude::*;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tidelake_schemas::MediaKind::{Slide, Thumbnail, Video};

/// A picture whose colours change from corner to corner.
fn picture(width: u32, height: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, ((x + y) % 256) as u8])
    }))
}

fn file(picture: &DynamicImage, format: ImageFormat) -> Bytes {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("encodes");
    bytes.into_inner().into()
}

fn recipe(width: u32, format: PictureFormat, label: Option<Label>) -> Recipe {
    Recipe::Picture(PictureRecipe { width, format, quality: 80, label })
}

#[test]
fn thumbnails_have_the_wanted_size_and_format() {
    for source in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let file = file(&picture(576, 1024), source);
        for format in PictureFormat::ALL {
            let made = make(Thumbnail, &file, &recipe(144, format, None)).expect("made");
            let decoded = image::load_from_memory(&made.bytes).expect("decodes");
            assert_eq!((made.format, made.width, made.height), (format.name(), Some(144), Some(256)));
            assert_eq!((decoded.width(), decoded.height()), (144, 256), "{source:?} to {format:?}");
            assert_eq!(
                image::guess_format(&made.bytes).expect("known").extensions_str()[0].replace("jpg", "jpeg"),
                made.format
            );
        }
    }
    let small = make(Thumbnail, &file(&picture(50, 40), ImageFormat::Png), &recipe(100, PictureFormat::Png, None));
    assert_eq!(small.map(|made| (made.width, made.height)), Ok((Some(50), Some(40))), "nothing is enlarged");
    let clear = DynamicImage::ImageRgba8(RgbaImage::from_pixel(8, 8, Rgba([9, 9, 9, 0])));
    let made = make(Thumbnail, &file(&clear, ImageFormat::Png), &recipe(8, PictureFormat::Jpeg, None)).expect("made");
    assert!(image::load_from_memory(&made.bytes).expect("decodes").to_rgb8().get_pixel(4, 4).0[0] > 250, "on white");
}

#[test]
fn quality_decides_how_much_is_lost() {
    let file = file(&picture(300, 300), ImageFormat::Png);
    for format in [PictureFormat::WebP, PictureFormat::Jpeg] {
        let length = |quality| {
            let recipe = Recipe::Picture(PictureRecipe { width: 300, format, quality, label: None });
            make(Thumbnail, &file, &recipe).expect("made").bytes.len()
        };
        assert!(length(20) < length(60) && length(60) < length(95), "{format:?}");
    }
}

#[test]
fn labels_are_written_on_the_lower_edge() {
    let file = file(&picture(360, 640), ImageFormat::Png);
    let pixels = |label| {
        let made = make(Thumbnail, &file, &recipe(360, PictureFormat::Png, label)).expect("made");
        image::load_from_memory(&made.bytes).expect("decodes").to_rgb8()
    };
    let label = |product: &str, price: &str| Some(Label { product: Some(product.into()), price: Some(price.into()) });
    let (plain, labelled) = (pixels(None), pixels(label("Glow Serum", "$24.90")));
    assert_eq!(plain.get_pixel(180, 100), labelled.get_pixel(180, 100), "the upper half is left alone");
    let is_tag = |pixel: &Rgb<u8>| pixel.0 == [255, 214, 64];
    assert!(labelled.pixels().filter(|pixel| is_tag(pixel)).count() > 1_000, "the price has a plate");
    assert!(
        labelled.pixels().filter(|pixel| pixel.0.iter().all(|part| *part > 235)).count() > 200,
        "letters are white"
    );
    // What cannot be written is left out, what is too long is cut, and a picture too small for it stays as it is.
    assert_eq!(pixels(label("🧴", "")), plain);
    pixels(label(&"a very long name of a product ".repeat(9), &"9".repeat(99)));
    let tiny = self::file(&picture(20, 12), ImageFormat::Png);
    make(Thumbnail, &tiny, &recipe(20, PictureFormat::Png, label("Glow Serum", "$24.90"))).expect("made");
}

#[test]
fn broken_pictures_are_told() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif] {
        let whole = file(&picture(200, 200), format);
        assert_eq!(make(Slide, &whole, &Recipe::AsItCame).expect("whole").bytes, whole);
        for part in [2, 3, 10] {
            let cut = whole.slice(..whole.len() - whole.len() / part);
            let error = make(Slide, &cut, &Recipe::AsItCame).expect_err("cut");
            assert!(error.to_string().contains("cut"), "{format:?} {part}: {error}");
        }
    }
    for text in ["", "<html>", "GIF89a"] {
        make(Thumbnail, &Bytes::from(text), &recipe(9, PictureFormat::WebP, None)).expect_err("no picture");
    }
    // A header may promise any size.
    let mut bomb = file(&picture(1, 1), ImageFormat::Png).to_vec();
    bomb[16..24].copy_from_slice(&[0, 0, 0x3F, 0xFF, 0, 0, 0x3F, 0xFF]);
    make(Thumbnail, &bomb.into(), &recipe(9, PictureFormat::WebP, None)).expect_err("too large");
}

fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], name, content].concat()
}

#[test]
fn films_are_whole_or_not() {
    let header = [vec![0; 76], vec![2, 64, 0, 0, 4, 0, 0, 0]].concat();
    let index = boxed(b"moov", &boxed(b"trak", &boxed(b"tkhd", &header)));
    let film = [boxed(b"ftyp", b"isom"), index, boxed(b"mdat", &[7; 99])].concat();
    let made = make(Video, &film.clone().into(), &Recipe::AsItCame).expect("whole");
    assert_eq!((made.format, made.width, made.height), ("mp4", Some(576), Some(1024)));
    for end in 0..film.len() {
        make(Video, &film[..end].to_vec().into(), &Recipe::AsItCame).expect_err("cut");
    }
    make(Video, &boxed(b"ftyp", b"isom").into(), &Recipe::AsItCame).expect_err("empty");
}

proptest! {
    #[test]
    fn no_bytes_make_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), head in 0_usize..5) {
        let heads: [&[u8]; 5] = [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBPVP8 ", b"\0\0\0\x0cftypisom"];
        let file: Bytes = [heads[head], &bytes].concat().into();
        _ = make(Video, &file, &Recipe::AsItCame);
        _ = make(Thumbnail, &file, &recipe(20, PictureFormat::WebP, None));
    }
}

/// A store with room for so many bytes.
#[derive(Debug)]
struct Disk {
    inner: InMemory,
    room: AtomicUsize,
}

impl std::fmt::Display for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("disk")
    }
}

#[async_trait]
impl ObjectStore for Disk {
    async fn put_opts(&self, at: &Path, content: PutPayload, how: PutOptions) -> object_store::Result<PutResult> {
        let length = content.content_length();
        let takes = |room: usize| room.checked_sub(length);
        if self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, takes).is_err() {
            let source = Box::new(std::io::Error::from(std::io::ErrorKind::StorageFull));
            return Err(object_store::Error::Generic { store: "disk", source });
        }
        self.inner.put_opts(at, content, how).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        how: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, how).await
    }

    async fn get_opts(&self, at: &Path, how: GetOptions) -> object_store::Result<GetResult> {
        self.inner.get_opts(at, how).await
    }

    fn delete_stream(
        &self,
        which: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(which)
    }

    fn list(&self, below: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(below)
    }

    async fn list_with_delimiter(&self, below: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(below).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, how).await
    }
}

fn note(event: &str) -> Note {
    Note { event_id: event.into(), status: "stored".into(), ..Note::default() }
}

#[tokio::test]
async fn equal_files_are_stored_once_and_events_that_come_again_find_themselves() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = MediaStore::at(dir.path().to_str().expect("UTF-8"), &Default::default()).expect("a store");
    let file = Bytes::from_static(b"abc");
    let first = store.keep(&file, "webp", &note("one")).await.expect("kept");
    // SHA-256 of "abc": FIPS 180-2, appendix B.1.
    let sha = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!((first.sha256.as_str(), first.path.as_str()), (sha, &*format!("media/sha256/ba/{sha}.webp")));
    assert_eq!(std::fs::read(dir.path().join(&first.path)).expect("there"), b"abc");
    assert_eq!(store.keep(&file, "webp", &note("one")).await.expect("kept"), first, "interrupted, and again");
    let second = store.keep(&file, "webp", &note("two")).await.expect("kept");
    assert_eq!((second.path, second.duplicate_of.as_deref()), (first.path, Some("one")));
    assert_eq!(store.recall("tiktok/7/thumbnail").await.expect("asked"), None);
    store.remember("tiktok/7/thumbnail", &note("one")).await.expect("noted");
    assert_eq!(store.recall("tiktok/7/thumbnail").await.expect("asked"), Some(note("one")));
}

#[tokio::test]
async fn a_full_disk_is_told_from_other_trouble_and_keeps_no_part() {
    let disk = Arc::new(Disk { inner: InMemory::new(), room: AtomicUsize::new(1_000) });
    let store = MediaStore::over(disk.clone(), Path::default(), "disk");
    store.keep(&Bytes::from(vec![1; 500]), "png", &note("one")).await.expect("room");
    let error = store.keep(&Bytes::from(vec![2; 500]), "png", &note("two")).await.expect_err("no room");
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(error.to_string().contains("is full"), "{error}");
    let files = futures::TryStreamExt::try_collect::<Vec<_>>(disk.list(None)).await.expect("listed");
    assert_eq!(files.len(), 2, "a file and its note");
}

/// A store that writes into a bucket of one connection: what it was asked.
async fn asked_of_a_bucket(options: &[(&str, &str)]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", server.local_addr().expect("an address"));
    let usual = [("aws_endpoint", endpoint.as_str()), ("allow_http", "true")];
    let options = options.iter().chain(&usual).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let store = MediaStore::at("s3://bucket/some/where", &options).expect("a store");
    let write = tokio::spawn(async move { store.remember("tiktok/7/x", &Note::default()).await });
    let (mut asked, _) = server.accept().await.expect("a connection");
    let mut request = vec![0; 4096];
    let read = asked.read(&mut request).await.expect("a request");
    asked.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await.expect("answered");
    drop(asked);
    let refused = write.await.expect("no panic").expect_err("refused");
    assert!(matches!(refused, StoreError::Store { .. }) && !refused.to_string().contains("hush"), "{refused}");
    String::from_utf8_lossy(&request[..read]).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_is_reached_as_the_lake_is() {
    let asked = asked_of_a_bucket(&[
        ("aws_access_key_id", "we"),
        ("aws_secret_access_key", "hush"),
        ("aws_region", "eu-west-1"),
    ])
    .await;
    assert!(asked.starts_with("PUT /bucket/some/where/media/by-id/tiktok/7/x.json "), "{asked}");
    assert!(asked.contains("Credential=we/") && asked.contains("/eu-west-1/s3/") && !asked.contains("hush"), "{asked}");
    let unknown = MediaStore::at("ftp://host/there", &Default::default()).expect_err("no such store");
    assert!(matches!(unknown, StoreError::Location { .. }), "{unknown}");
}
