//! `import`: adds the tasks of another program's export to a user's list.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use adapters_import::{Entry, Export};
use clap::Args;
use domain::UserId;
use domain::account::AccountStore;
use domain::todo::query::ListQuery;
use domain::todo::{ListOutcome, Outcome, Rejection, TodoService};
use domain::user::{Email, User};
use tokio::runtime::Builder;

use super::print;
use crate::settings::Settings;
use crate::wire::{self, CommandServices};

/// The number of characters of a title that are shown.
const SHOWN: usize = 60;

#[derive(Args)]
pub struct Arguments {
    /// The exported file
    file: PathBuf,
    /// The email address or the id of the user whose list the tasks are added to
    #[arg(long, value_name = "ADDRESS")]
    user: String,
    /// The name of the list that the tasks belong to, such as the project whose file this is
    #[arg(long, value_name = "NAME")]
    list: Option<String>,
    /// Show what would be imported, without writing anything
    #[arg(long)]
    dry_run: bool,
}

/// What becomes of a task.
enum Fate {
    Created,
    /// The task was imported before. Whatever became of the todo since, it stays as it is.
    Existing,
    Skipped(String),
}

pub fn run(arguments: &Arguments, settings: &Settings) -> Result<(), Box<dyn Error>> {
    let path = arguments.file.display();
    let file = fs::read(&arguments.file).map_err(|error| format!("{path} can't be read: {error}"))?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let services = wire::command_services(settings).await?;
        let imported = import(arguments, &file, &services).await;
        services.close().await;
        imported
    })
}

async fn import(
    arguments: &Arguments,
    file: &[u8],
    services: &CommandServices,
) -> Result<(), Box<dyn Error>> {
    let user = find(&*services.accounts, &arguments.user).await?.id;
    let Export { program, entries } = adapters_import::read(file, user, arguments.list.as_deref())?;
    let plural = if entries.len() == 1 { "" } else { "s" };
    print(format_args!("{program}: {} task{plural}", entries.len()));
    let fates = if arguments.dry_run {
        foresee(&services.todos, user, &entries, services.limits.live).await?
    } else {
        create(&services.todos, user, &entries).await?
    };
    report(&entries, &fates, arguments.dry_run);
    Ok(())
}

async fn find(accounts: &dyn AccountStore, name: &str) -> Result<User, Box<dyn Error>> {
    let found = match (name.parse::<UserId>(), Email::parse(name)) {
        (Ok(id), _) => accounts.by_id(id).await?,
        (_, Ok(email)) => accounts.by_email(&email).await?,
        _ => None,
    };
    Ok(found.ok_or_else(|| format!("there is no user {name}"))?)
}

async fn create(todos: &TodoService, user: UserId, entries: &[Entry]) -> Result<Vec<Fate>, Box<dyn Error>> {
    let readable = entries.iter().filter_map(|entry| entry.todo.as_ref().ok());
    let creations = readable.map(|(id, new)| (*id, new.clone(), None)).collect();
    let outcomes = todos.create_each(user, creations).await.map_err(|error| {
        format!("{error}; some tasks may be imported: run the command again, which creates nothing twice")
    })?;
    let mut outcomes = outcomes.ok_or("the user was deleted meanwhile")?.into_iter();
    let fate = |entry: &Entry| match &entry.todo {
        Err(reason) => Fate::Skipped(reason.clone()),
        Ok(_) => match outcomes.next() {
            Some(Outcome::Applied { .. }) => Fate::Created,
            Some(Outcome::Rejected(reason)) => Fate::Skipped(refusal(reason)),
            _ => Fate::Existing,
        },
    };
    Ok(entries.iter().map(fate).collect())
}

fn refusal(reason: Rejection) -> String {
    match reason {
        Rejection::Quota { limit } => format!("the user has {limit} todos, and may have no more"),
        Rejection::ByteQuota { limit } => format!("the user's todos would take more than {limit} bytes"),
        Rejection::Metadata(error) => format!("the metadata {error}"),
        Rejection::TitleRequired | Rejection::UpdatedAtRequired => "the todo is incomplete".to_owned(),
    }
}

/// What [`create`] would do, as far as the number of todos is concerned.
async fn foresee(
    todos: &TodoService,
    user: UserId,
    entries: &[Entry],
    limit: u32,
) -> Result<Vec<Fate>, Box<dyn Error>> {
    let list = todos.list(user, &ListQuery { limit: 1, ..ListQuery::default() }).await?;
    let mut live = if let ListOutcome::Done(page) = list { page.total } else { 0 };
    let mut fates = Vec::with_capacity(entries.len());
    for entry in entries {
        fates.push(match &entry.todo {
            Err(reason) => Fate::Skipped(reason.clone()),
            Ok((id, _)) if todos.get(user, *id, true).await?.is_some() => Fate::Existing,
            Ok(_) if live >= limit.into() => Fate::Skipped(refusal(Rejection::Quota { limit })),
            Ok(_) => {
                live += 1;
                Fate::Created
            }
        });
    }
    Ok(fates)
}

/// Prints what was changed and what was skipped, task by task, and the totals.
fn report(entries: &[Entry], fates: &[Fate], dry_run: bool) {
    let (mut created, mut existing, mut skipped) = (0, 0, 0);
    for (entry, fate) in entries.iter().zip(fates) {
        // Quoted, so that no character of a title controls the terminal.
        let title: String = entry.title.chars().take(SHOWN).collect();
        let place = format!("{}, {title:?}", entry.place);
        match fate {
            Fate::Created => {
                created += 1;
                for change in &entry.changes {
                    print(format_args!("{place}: {change}"));
                }
            }
            Fate::Existing => existing += 1,
            Fate::Skipped(reason) => {
                skipped += 1;
                print(format_args!("{place}: skipped, {reason}"));
            }
        }
    }
    let would = if dry_run { "would be " } else { "" };
    print(format_args!("{created} {would}created, {existing} imported before, {skipped} {would}skipped"));
}
