//! Objects of a bucket, uploaded whole or not at all.

use super::{Export, ExportError, ExportedFile, SUCCESS, Tally};
use crate::place::Place;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};

/// Parts of an upload that are on their way at the same time.
const PARALLEL: usize = 4;

/// Objects of a bucket. What a killed export had uploaded of one is never seen; buckets remove it by their own rules for
/// incomplete uploads.
pub(in crate::export) struct Bucket {
    shown: String,
    place: Place,
    /// The object, where there is one.
    name: Option<String>,
    open: Option<(WriteMultipart, Tally)>,
    done: Vec<ExportedFile>,
}

impl Bucket {
    pub(super) async fn open(export: &Export) -> Result<Self, ExportError> {
        let shown = export.to.trim_end_matches('/').to_owned();
        let many = export.partition.is_some();
        let (parent, name) = if many {
            (shown.as_str(), None)
        } else {
            let parted = shown.rsplit_once('/').filter(|(parent, name)| !parent.ends_with('/') && !name.is_empty());
            let Some((parent, name)) = parted else {
                return Err(ExportError::place(&shown, &"it names no file below a bucket"));
            };
            (parent, Some(name.to_owned()))
        };
        let place = Place::at(parent, &export.storage).map_err(|why| ExportError::place(&shown, &why))?;
        let bucket = Self { shown, place, name, open: None, done: Vec::new() };
        bucket.make_way(export.force).await?;
        Ok(bucket)
    }

    fn failed(&self, error: &dyn std::error::Error) -> ExportError {
        ExportError::place(&self.shown, error)
    }

    /// Refuses what is there, or removes it: of a directory every file, so that none stays among the new ones.
    async fn make_way(&self, force: bool) -> Result<(), ExportError> {
        if let Some(name) = &self.name {
            return match self.place.store.head(&self.place.path(name)).await {
                Ok(_) if !force => Err(ExportError::Exists(self.shown.clone())),
                Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(self.failed(&error)),
            };
        }
        let listed: Vec<_> =
            self.place.store.list(Some(&self.place.root)).try_collect().await.map_err(|e| self.failed(&e))?;
        let success = self.place.path(SUCCESS);
        if listed.is_empty() {
            return Ok(());
        }
        if !force {
            return Err(ExportError::Exists(self.shown.clone()));
        }
        if !listed.iter().any(|object| object.location == success) {
            return Err(ExportError::NotOurs(self.shown.clone()));
        }
        // First, so that what is left of it never looks complete.
        self.place.store.delete(&success).await.map_err(|e| self.failed(&e))?;
        for object in listed.iter().filter(|object| object.location != success) {
            self.place.store.delete(&object.location).await.map_err(|e| self.failed(&e))?;
        }
        Ok(())
    }

    /// Names of parts are encoded already.
    fn key(&self, name: &str) -> Result<Key, ExportError> {
        match &self.name {
            Some(name) => Ok(self.place.path(name)),
            None => Key::parse(format!("{}/{name}", self.place.root)).map_err(|e| self.failed(&e)),
        }
    }

    pub(super) async fn begin(&mut self, name: &str) -> Result<(), ExportError> {
        let upload = self.place.store.put_multipart(&self.key(name)?).await.map_err(|e| self.failed(&e))?;
        let name = self.name.as_deref().unwrap_or(name);
        self.open = Some((WriteMultipart::new(upload), Tally::of(name)));
        Ok(())
    }

    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), ExportError> {
        let Some((upload, tally)) = &mut self.open else { return Ok(()) };
        tally.add(&bytes);
        let room = upload.wait_for_capacity(PARALLEL).await;
        upload.put(bytes);
        room.map_err(|e| self.failed(&e))
    }

    pub(super) async fn end(&mut self, rows: u64) -> Result<(), ExportError> {
        let Some((upload, tally)) = self.open.take() else { return Ok(()) };
        upload.finish().await.map_err(|e| self.failed(&e))?;
        self.done.push(tally.done(rows));
        Ok(())
    }

    pub(super) async fn publish(self) -> Result<(String, Vec<ExportedFile>), ExportError> {
        if self.name.is_none() {
            let whole = self.place.store.put(&self.place.path(SUCCESS), PutPayload::new()).await;
            whole.map_err(|e| self.failed(&e))?;
        }
        Ok((self.shown, self.done))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sink;
    use super::*;
    use crate::export::encode::Piece;
    use std::collections::HashMap;
    use std::path::Path;

    /// A bucket that is a directory.
    fn bucket(dir: &Path, name: Option<&str>) -> Bucket {
        let place = Place::at(dir.to_str().unwrap(), &HashMap::new()).unwrap();
        Bucket { shown: "s3://b/x".into(), place, name: name.map(str::to_owned), open: None, done: Vec::new() }
    }

    async fn fill(bucket: Bucket, name: &str) -> Vec<ExportedFile> {
        let mut sink = Sink::Bucket(bucket);
        for piece in [Piece::Begin(name.into()), Piece::Bytes("a\n".into()), Piece::Bytes("1\n".into()), Piece::End(1)]
        {
            sink.take(piece).await.unwrap();
        }
        sink.publish().await.unwrap().1
    }

    #[tokio::test]
    async fn objects_are_uploaded_whole_and_directories_end_with_their_mark() {
        let dir = tempfile::tempdir().unwrap();
        let one = fill(bucket(dir.path(), Some("a.csv")), "").await;
        assert_eq!((one[0].path.as_str(), one[0].bytes, one[0].rows), ("a.csv", 4, 1));
        assert_eq!(std::fs::read_to_string(dir.path().join("a.csv")).unwrap(), "a\n1\n");
        let again = bucket(dir.path(), Some("a.csv"));
        assert!(matches!(again.make_way(false).await, Err(ExportError::Exists(_))));
        again.make_way(true).await.unwrap();

        let many = dir.path().join("many");
        fill(bucket(&many, None), "region=a%2Fb/part-0.csv").await;
        assert!(many.join(SUCCESS).exists() && many.join("region=a%2Fb/part-0.csv").exists());
        let again = bucket(&many, None);
        assert!(matches!(again.make_way(false).await, Err(ExportError::Exists(_))));
        again.make_way(true).await.unwrap();
        assert!(!many.join(SUCCESS).exists() && !many.join("region=a%2Fb/part-0.csv").exists());
        std::fs::write(many.join("mine"), "").unwrap();
        assert!(matches!(again.make_way(true).await, Err(ExportError::NotOurs(_))));
    }
}
