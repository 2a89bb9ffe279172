//! Search in a list.

use domain::todo::query::{Filter, ListQuery, Search};
use domain::todo::{Base, Edit, NewTodo};
use domain::{TodoId, UserId};

use crate::Harness;
use crate::build::{
    complete, content, create, create_as, delete, description, edit, retitle, title, todo_id,
};

async fn found(h: &Harness, user: UserId, text: &str) -> Vec<String> {
    let query = ListQuery { search: Search::parse(text), ..ListQuery::default() };
    let page = h.list(user, &query).await;
    assert_eq!(page.total, page.todos.len() as u64, "the total counts the todos found by {text:?}");
    let mut titles: Vec<_> = page.todos.iter().map(|todo| todo.title().as_str().to_owned()).collect();
    titles.sort_unstable();
    titles
}

async fn with_titles(h: &Harness, titles: &[&str]) -> UserId {
    let user = h.user().await;
    h.apply(user, titles.iter().map(|title| create(todo_id(), title))).await;
    user
}

/// Characters with a special meaning in a database are searched literally.
pub async fn wildcards_are_searched_literally(h: Harness) {
    let titles = [
        "100% sure",
        "100 sure",
        "snake_case",
        "snakeXcase",
        r"back\slash",
        "back/slash",
        "it's",
        "a*b?[c]",
        "$1",
    ];
    let user = with_titles(&h, &titles).await;
    let expected: [(&str, &[&str]); 12] = [
        ("%", &["100% sure"]),
        ("0%", &["100% sure"]),
        ("_", &["snake_case"]),
        ("e_c", &["snake_case"]),
        ("\\", &[r"back\slash"]),
        (r"\s", &[r"back\slash"]),
        (r"\%", &[]),
        ("'", &["it's"]),
        ("*", &["a*b?[c]"]),
        ("?[c]", &["a*b?[c]"]),
        ("%%", &[]),
        ("$1", &["$1"]),
    ];
    for (text, titles) in expected {
        assert_eq!(found(&h, user, text).await, titles, "searched for {text:?}");
    }
}

/// Every word has to occur, each in the title or the description, in any order.
pub async fn every_word_has_to_occur(h: Harness) {
    let user = h.user().await;
    let with = |text: &str, more: &str| {
        create_as(todo_id(), NewTodo { description: Some(description(more)), ..content(text) })
    };
    h.apply(
        user,
        [
            with("buy oat milk", "at the corner shop"),
            with("buy bread", "milk bread, if they have it"),
            with("call the shop", ""),
            create(todo_id(), "milkshake"),
        ],
    )
    .await;
    let expected: [(&str, &[&str]); 9] = [
        ("milk", &["buy bread", "buy oat milk", "milkshake"]),
        ("milk buy", &["buy bread", "buy oat milk"]),
        ("shop oat", &["buy oat milk"]),
        ("  oat\t\n milk  ", &["buy oat milk"]),
        ("shop", &["buy oat milk", "call the shop"]),
        ("milk milk", &["buy bread", "buy oat milk", "milkshake"]),
        ("bread corner", &[]),
        ("shopmilk", &[]),
        ("milkat", &[]),
    ];
    for (text, titles) in expected {
        assert_eq!(found(&h, user, text).await, titles, "searched for {text:?}");
    }
    assert_eq!(found(&h, user, "").await.len(), 4, "an empty search finds every todo");
    assert_eq!(found(&h, user, " \t ").await.len(), 4);
}

/// Case does not matter in any script.
pub async fn case_does_not_matter(h: Harness) {
    let titles = ["ÄPFEL und Öl", "МОЛОКО", "Ελλάδα", "İstanbul", "Straße", "plain", "ｗｉｄｅ"];
    let user = with_titles(&h, &titles).await;
    let expected: [(&str, &[&str]); 13] = [
        ("äpfel", &["ÄPFEL und Öl"]),
        ("ÖL ÄPF", &["ÄPFEL und Öl"]),
        ("apfel", &[]),
        ("молоко", &["МОЛОКО"]),
        ("Молок", &["МОЛОКО"]),
        ("ΕΛΛΆΔ", &["Ελλάδα"]),
        ("İSTANBUL", &["İstanbul"]),
        ("i\u{307}stan", &["İstanbul"]),
        ("STRAßE", &["Straße"]),
        ("STRASSE", &[]),
        ("PLAIN", &["plain"]),
        ("ＷＩＤＥ", &["ｗｉｄｅ"]),
        ("wide", &[]),
    ];
    for (text, titles) in expected {
        assert_eq!(found(&h, user, text).await, titles, "searched for {text:?}");
    }
}

/// Emoji, characters beyond the basic plane and both forms of a letter can be searched.
pub async fn any_character_can_be_searched(h: Harness) {
    let user = with_titles(&h, &["🦀 crab", "👩‍👩‍👧 family", "cafe\u{301}", "café", "𝒻ancy"]).await;
    let both: &[&str] = &["cafe\u{301}", "café"];
    let expected: [(&str, &[&str]); 5] = [
        ("🦀", &["🦀 crab"]),
        ("👧", &["👩‍👩‍👧 family"]),
        ("CAFE\u{301}", both),
        ("CAFÉ", both),
        ("𝒻", &["𝒻ancy"]),
    ];
    for (text, titles) in expected {
        assert_eq!(found(&h, user, text).await, titles, "searched for {text:?}");
    }
}

/// A search looks at the current texts.
pub async fn an_edited_todo_is_found_by_its_new_words_only(h: Harness) {
    let user = h.user().await;
    let id: TodoId = todo_id();
    let new = NewTodo { description: Some(description("at the Corner")), ..content("Milk") };
    h.applied(user, create_as(id, new)).await;
    assert_eq!(found(&h, user, "milk corner").await, ["Milk"]);
    h.applied(user, retitle(id, Base::Current, "BREAD")).await;
    assert_eq!(found(&h, user, "milk").await, [""; 0]);
    assert_eq!(found(&h, user, "bread corner").await, ["BREAD"]);
    let clear = Edit { title: Some(title("EGGS")), description: Some(None), ..Edit::default() };
    h.apply(user, [edit(id, Base::Current, clear)]).await;
    assert_eq!(found(&h, user, "corner").await, [""; 0]);
    assert_eq!(found(&h, user, "eggs").await, ["EGGS"]);
    h.applied(user, delete(id)).await;
    assert_eq!(found(&h, user, "eggs").await, [""; 0]);
}

/// Search, filter and tombstones narrow the list together.
pub async fn a_search_respects_the_filter(h: Harness) {
    let user = h.user().await;
    let [open, done, gone] = [(); 3].map(|()| todo_id());
    h.apply(user, [create(open, "open milk"), create(done, "done milk"), create(gone, "gone milk")]).await;
    h.apply(user, [complete(done, true), delete(gone), create(todo_id(), "bread")]).await;
    let ids = async |filter, include_deleted| {
        let search = Search::parse("MILK");
        let query = ListQuery { search, filter, include_deleted, ..ListQuery::default() };
        h.list(user, &query).await.todos.iter().map(domain::todo::Todo::id).collect::<Vec<_>>()
    };
    assert_eq!(ids(Filter::All, false).await, [done, open]);
    assert_eq!(ids(Filter::Active, false).await, [open]);
    assert_eq!(ids(Filter::Completed, false).await, [done]);
    assert_eq!(ids(Filter::All, true).await, [gone, done, open]);
    assert_eq!(ids(Filter::Active, true).await, [gone, open]);
}
