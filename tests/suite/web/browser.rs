//! The web app in Chromium, against the real server: `tests/web`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use blackbox_tests::server::command;
use blackbox_tests::{Backup, Database, Server, on_both_databases};
use serde_json::json;
use tempfile::TempDir;

use super::drive::{Steps, built, free_port};
use crate::mail::SmtpServer;
use crate::oauth::{Provider, age};

/// A server that serves the app at the address that its links name.
async fn serving(database: Database, more: &[(&str, &str)]) -> Server {
    let port = free_port().to_string();
    serving_at(database, &port, more).await
}

async fn serving_at(database: Database, port: &str, more: &[(&str, &str)]) -> Server {
    let (folder, address) = (built(), format!("http://localhost:{port}"));
    let folder = folder.to_str().expect("UTF-8");
    let settings = [("PORT", port), ("PUBLIC_URL", &address), ("WEB_DIR", folder), ("FRONTEND_URL", "")];
    Server::start_with(database, &settings.iter().chain(more).copied().collect::<Vec<_>>()).await
}

/// Runs one file of `tests/web/test` against the server.
async fn drive(server: &Server, file: &str, variables: &[(&str, &Path)]) {
    crate::web::drive::drive(file, &address(server), variables, &mut ()).await;
}

/// The server's address as its links name it.
fn address(server: &Server) -> String {
    server.base_url.replace("127.0.0.1", "localhost")
}

on_both_databases! {
    async fn devices_of_one_user_agree_online_and_offline(database: Database) {
        let server = serving(database, &[]).await;
        drive(&server, "sync", &[]).await;
    }
}

/// A server that a browser test stops, and restores from copies of its database.
struct Host {
    server: Server,
    copies: Vec<Backup>,
}

impl Steps for Host {
    async fn step(&mut self, name: &str) {
        match name {
            "stop the server" => {
                self.server.terminate();
                assert!(self.server.ended().await.success(), "{}", self.server.logs());
            }
            "start the server" => self.server.crash_and_restart().await,
            "install a new version" => {
                let folder = self.server.folder().join("new-version");
                copy_folder(&built(), &folder);
                let worker = folder.join("sw.js");
                let script = std::fs::read_to_string(&worker).expect("the service worker");
                std::fs::write(worker, format!("{script}\n// newer")).expect("it is written");
                self.server.set("WEB_DIR", folder.to_str().expect("UTF-8"));
                self.server.crash_and_restart().await;
            }
            "copy the database" => self.copies.push(self.server.back_up().await),
            "put the copy in place" | "put the copy in place as a new history" => {
                let copy = self.copies.last_mut().expect("a copy was made");
                if name.ends_with("history") {
                    copy.begin_epoch();
                }
                self.server.restore(copy).await;
            }
            _ => panic!("nobody does {name}"),
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let copy = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            std::fs::copy(&path, &copy).expect("a copy");
        }
    }
}

on_both_databases! {
    async fn open_pages_outlive_restarts_and_restores_of_the_server(database: Database) {
        let mut host = Host { server: serving(database, &[]).await, copies: Vec::new() };
        let address = address(&host.server);
        crate::web::drive::drive("disasters", &address, &[], &mut host).await;
    }

    async fn mornings_end_with_the_same_list_on_all_devices(database: Database) {
        let server = serving(database, &[]).await;
        drive(&server, "mornings", &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unexpected_input_breaks_no_layout_and_loses_nothing() {
    let limit = "20";
    let server = serving(Database::Sqlite, &[("MAX_TODOS_PER_USER", limit)]).await;
    drive(&server, "input", &[("LIMIT", limit.as_ref())]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_opens_the_page_that_registers_its_address() {
    let server = serving(Database::Sqlite, &[("REGISTRATION", "invite")]).await;
    let invited = "invited@example.com";
    let mut command = command(server.folder(), server.settings());
    let output = command.args(["user", "invite", invited]).output().expect("it runs");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let link = printed.lines().next().expect("a link");
    drive(&server, "invited", &[("INVITED", invited.as_ref()), ("LINK", link.as_ref())]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_does_what_one_does_every_day() {
    let server = serving(Database::Sqlite, &[]).await;
    drive(&server, "everyday", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_in_light_and_dark() {
    let server = serving(Database::Sqlite, &[]).await;
    drive(&server, "accessibility", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_is_small_and_a_long_list_is_smooth() {
    let server = serving(Database::Sqlite, &[]).await;
    drive(&server, "budget", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_offers_what_the_server_offers() {
    let server = serving(Database::Sqlite, &[("REGISTRATION", "closed"), ("PASSWORD_LOGIN", "off")]).await;
    drive(&server, "closed", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_says_so_where_nobody_can_log_in() {
    let server = serving(Database::Sqlite, &[("PASSWORD_LOGIN", "off"), ("MAIL", "off")]).await;
    drive(&server, "nowhere", &[]).await;
}

/// A server with a provider.
struct Accounts {
    server: Server,
    provider: Provider,
}

impl Steps for Accounts {
    async fn step(&mut self, name: &str) {
        match name {
            "be somebody else at the provider" => {
                let bob = json!({"sub": "bob-1", "email": "bob@example.com", "email_verified": true});
                self.provider.log_in_as(bob).await;
            }
            "let all logins be long ago" => age(&self.server, "sessions", "created_at", 1),
            _ => panic!("nobody does {name}"),
        }
    }
}

on_both_databases! {
    async fn accounts_work_by_mail_and_by_provider(database: Database) {
        let port = free_port().to_string();
        let callback = format!("http://localhost:{port}/api/v1/auth/oauth/example/callback");
        let client = json!({"client": {"redirect_uris": [callback]}});
        let provider = Provider::openid_with("example", client).await;
        let smtp = SmtpServer::open(&[]).await;
        let mail_port = smtp.port.to_string();
        let settings = provider.settings();
        let mut more: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        more.extend([
            ("SMTP_HOST", "127.0.0.1"),
            ("SMTP_PORT", &mail_port),
            ("SMTP_TLS", "none"),
            ("EMAILS_FROM", "Todos <todos@example.com>"),
            ("MAIL_RETRY_SECONDS", "1"),
        ]);
        let server = serving_at(database, &port, &more).await;
        let mails = TempDir::new().expect("a folder");
        let (folder, done) = (mails.path().to_owned(), Arc::new(AtomicBool::new(false)));
        let ended = Arc::clone(&done);
        let writer = std::thread::spawn(move || {
            while !ended.load(Ordering::Acquire) {
                write_mails(&smtp, &folder);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let address = address(&server);
        let mut accounts = Accounts { server, provider };
        crate::web::drive::drive("accounts", &address, &[("MAILS", mails.path())], &mut accounts).await;
        done.store(true, Ordering::Release);
        writer.join().expect("the mails were written");
    }
}

/// Writes what the SMTP server has received into files, which appear complete.
fn write_mails(smtp: &SmtpServer, folder: &Path) {
    for (n, mail) in smtp.accepted().iter().enumerate() {
        let file = folder.join(format!("{n}.json"));
        if !file.exists() {
            let part = folder.with_extension(n.to_string());
            std::fs::write(&part, mail.0.to_string()).expect("a mail is written");
            std::fs::rename(part, file).expect("it gets its name");
        }
    }
}
