//! Writes emails as files: the default, for development and tests.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use domain::mail::{MailError, Mailer, OutgoingMail};

use crate::message::{Sender, compose};

/// Writes each email to `FOLDER/ID.eml`, readable only by the server's user.
pub struct FolderMailer {
    folder: PathBuf,
    sender: Sender,
    log_links: bool,
}

impl FolderMailer {
    /// The first mail creates the folder. `log_links` also logs each link, which is for development
    /// only.
    #[must_use]
    pub const fn new(folder: PathBuf, sender: Sender, log_links: bool) -> Self {
        Self { folder, sender, log_links }
    }
}

#[async_trait]
impl Mailer for FolderMailer {
    async fn send(&self, mail: &OutgoingMail) -> Result<(), MailError> {
        let message = compose(mail, &self.sender)?.formatted();
        let path = self.folder.join(format!("{}.eml", mail.id));
        let partial = path.with_extension("partial");
        let failed = |e: std::io::Error| MailError::Temporary(e.to_string());
        create_private(&self.folder).await.map_err(failed)?;
        write_private(&partial, &message).await.map_err(failed)?;
        tokio::fs::rename(&partial, &path).await.map_err(failed)?;
        // The link is a secret; only a developer's log may show it.
        let link = mail.link.as_deref().filter(|_| self.log_links);
        tracing::info!(file = %path.display(), link, "mail written");
        Ok(())
    }
}

/// Creates a folder and those above it, for the server's user only. One that exists stays as it is.
async fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = tokio::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder).await
}

async fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use tokio::io::AsyncWriteExt;
    let mut options = tokio::fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(path).await?;
    file.write_all(bytes).await?;
    file.flush().await
}

#[cfg(test)]
mod tests {
    use domain::mail::Template;
    use domain::user::Email;
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn a_mail_that_is_sent_twice_is_one_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let sender = Sender::parse("todos@example.com").expect("a mailbox");
        let mailer = FolderMailer::new(folder.path().join("outbox"), sender, false);
        let mail = OutgoingMail {
            id: Uuid::nil(),
            to: Email::parse("ann@example.com").expect("an address"),
            template: Template::MagicLink,
            link: Some("https://todos.example.com/magic?token=x".into()),
            providers: Vec::new(),
        };
        mailer.send(&mail).await.expect("written");
        mailer.send(&mail).await.expect("written again");
        let files: Vec<_> = std::fs::read_dir(folder.path().join("outbox")).expect("it is there").collect();
        assert_eq!(files.len(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let outbox = std::fs::metadata(folder.path().join("outbox")).expect("the folder");
            assert_eq!(outbox.permissions().mode() & 0o777, 0o700);
        }
    }
}
