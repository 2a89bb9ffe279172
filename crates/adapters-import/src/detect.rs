//! Recognises the program that wrote a file.

use csv::ReaderBuilder;
use domain::UserId;
use serde_json::Value;

use crate::export::{Export, Program, ReadError};
use crate::row::Row;
use crate::task::Task;
use crate::{google, microsoft, super_productivity, tasks_org, ticktick, todo, todoist};

/// Reads an export. Its tasks become todos of `user`, whom their ids depend on. `list` is the name that the person
/// gives to the list in the file: files that don't name it need one, as far as their tasks have no ids.
pub fn read(file: &[u8], user: UserId, list: Option<&str>) -> Result<Export, ReadError> {
    let text = std::str::from_utf8(file).map_err(|_| ReadError::NotText)?;
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let (program, tasks) = if text.starts_with(['{', '[']) { of_json(text)? } else { of_csv(text)? };
    Ok(todo::export(program, tasks, user, list))
}

fn of_json(text: &str) -> Result<(Program, Vec<Task>), ReadError> {
    let file: Value = serde_json::from_str(text).map_err(|error| ReadError::NotJson(error.to_string()))?;
    let at = |pointer: &str| file.pointer(pointer);
    if let Some(state) =
        [at(""), at("/data")].into_iter().flatten().find(|state| state.pointer("/task/entities").is_some())
    {
        return Ok((Program::SuperProductivity, super_productivity::tasks(state)));
    }
    if at("/data/tasks").is_some_and(Value::is_array) {
        return Ok((Program::TasksOrg, tasks_org::tasks(&file)?));
    }
    if at("/kind").and_then(Value::as_str).is_some_and(|kind| kind.starts_with("tasks#")) {
        return Ok((Program::GoogleTasks, google::tasks(&file)?));
    }
    let found = at("/value").unwrap_or(&file);
    if let Some(found) = found.as_array().filter(|found| microsoft::is_known(found)) {
        return Ok((Program::MicrosoftToDo, microsoft::tasks(found)));
    }
    Err(ReadError::Unknown)
}

/// The first lines of some exports are no part of the table.
fn of_csv(text: &str) -> Result<(Program, Vec<Task>), ReadError> {
    // The reader would count the lines of places from the character between CR and LF.
    let text = text.replace("\r\n", "\n");
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    // Reading from memory, and without a fixed number of columns, no record fails.
    let mut records = reader.records().map_while(Result::ok);
    for header in records.by_ref().take(PREAMBLE) {
        let has = |names: &[&str]| names.iter().all(|name| header.iter().any(|found| found == *name));
        if has(todoist::COLUMNS) {
            return Ok((Program::Todoist, todoist::tasks(records.map(|record| Row::new(&header, record)))));
        }
        if has(ticktick::COLUMNS) {
            return Ok((Program::TickTick, ticktick::tasks(records.map(|record| Row::new(&header, record)))));
        }
    }
    Err(ReadError::Unknown)
}

/// The maximum number of records before the names of the columns.
const PREAMBLE: usize = 20;
