use proptest::prelude::*;

use super::*;

fn key(text: &str) -> MetadataKey {
    MetadataKey::parse(text).expect("a key")
}

fn value(text: &str) -> MetadataValue {
    MetadataValue::from_canonical(text).expect("a value")
}

fn any_key() -> impl Strategy<Value = MetadataKey> {
    prop_oneof!["[a-c]", r"[^\p{Cc}]{1,64}", r#"["\\:,{}]{1,4}"#].prop_map(|text| key(&text))
}

/// Any JSON value in a form without white space.
fn any_value() -> impl Strategy<Value = MetadataValue> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    let json = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    });
    json.prop_map(|json: serde_json::Value| json.to_string())
        .prop_filter("within the limit", |text| text.chars().count() <= MetadataValue::MAX)
        .prop_map(|text| value(&text))
}

fn any_edits() -> impl Strategy<Value = Vec<(MetadataKey, Option<MetadataValue>)>> {
    prop::collection::vec((any_key(), prop::option::of(any_value())), 0..20)
}

fn after(edits: &[(MetadataKey, Option<MetadataValue>)]) -> Metadata {
    let mut metadata = Metadata::default();
    for ((key, value), version) in edits.iter().zip(1..) {
        metadata.set(key, value.as_ref(), version);
    }
    metadata
}

fn read(values: Option<&str>, versions: Option<&str>) -> Option<Metadata> {
    Metadata::from_columns([values, versions], 9)
}

proptest! {
    #[test]
    fn metadata_survives_a_store(edits in any_edits()) {
        let metadata = after(&edits);
        let columns = metadata.to_columns();
        prop_assert_eq!(columns[0].is_none(), metadata.is_empty());
        let bytes: usize = columns.iter().flatten().map(String::len).sum();
        prop_assert_eq!(metadata.stored_bytes(), bytes);
        let read = Metadata::from_columns(columns.each_ref().map(Option::as_deref), 20).expect("written so");
        prop_assert_eq!(&read, &metadata);
        prop_assert_eq!(read.to_columns(), columns);
    }

    #[test]
    fn a_key_has_the_value_and_the_version_of_its_last_change(edits in any_edits()) {
        let metadata = after(&edits);
        for (key, value) in &edits {
            let changes = edits.iter().zip(1..).filter(|((other, _), _)| other == key);
            // A removal of an absent key is no change.
            let (mut held, mut at) = (None, 1);
            for ((_, value), version) in changes {
                if value.is_some() || held != *value {
                    (held, at) = (value.clone(), version);
                }
            }
            prop_assert_eq!(metadata.get(key.as_str()), held.as_ref());
            prop_assert_eq!(metadata.version_of(key.as_str()), at, "{:?}", value);
        }
    }
}

#[test]
fn nothing_is_stored_for_a_todo_without_metadata() {
    let mut metadata = Metadata::default();
    metadata.set(&key("due"), None, 2);
    assert_eq!(metadata, Metadata::default());
    assert!(metadata.0.is_none(), "nothing is allocated");
    assert_eq!(metadata.to_columns(), [None, None]);
}

#[test]
fn the_newest_fifty_removed_keys_keep_their_version_and_older_ones_share_one() {
    let mut metadata = Metadata::default();
    for n in 1..=60 {
        metadata.set(&key(&n.to_string()), Some(&value("1")), n);
    }
    for n in 1..=60 {
        metadata.set(&key(&n.to_string()), None, 60 + n);
    }
    assert_eq!((metadata.floor(), metadata.removed().count()), (70, 50));
    let versions = ["10", "11", "60", "61"].map(|key| metadata.version_of(key));
    assert_eq!(versions, [70, 71, 120, 70], "an unknown key may be one of the forgotten");
    metadata.set(&key("10"), Some(&value("2")), 121);
    assert_eq!((metadata.version_of("10"), metadata.version_of("9")), (121, 70));
}

#[test]
fn keys_and_values_have_limits() {
    let refused = |text: &str| MetadataKey::parse(text).map_err(|error| error.to_string()).err();
    assert_eq!(refused("tag:ünï cödé"), None);
    assert_eq!(refused(" "), None);
    assert_eq!(refused(&"é".repeat(64)), None);
    assert_eq!(refused(&"é".repeat(65)).as_deref(), Some("must be at most 64 characters long; it has 65"));
    assert_eq!(refused("").as_deref(), Some("must not be blank"));
    assert_eq!(refused("a\tb").as_deref(), Some("must not contain the control character U+0009"));

    let longest = format!("\"{}\"", "é".repeat(1998));
    assert!(MetadataValue::from_canonical(&longest).is_ok());
    let longer = format!("\"{}\"", "é".repeat(1999));
    let error = MetadataError::ValueTooLong { max: 2000, got: 2001 };
    assert_eq!(MetadataValue::from_canonical(&longer), Err(error));
    for text in ["", "1\n", "[1,\t2]", "\0"] {
        assert_eq!(MetadataValue::from_canonical(text), Err(MetadataError::NotCanonical), "{text:?}");
    }
}

#[test]
fn only_growth_beyond_a_limit_is_refused() {
    let with = |keys: usize, length: usize| {
        let mut metadata = Metadata::default();
        for n in 0..keys {
            metadata.set(&key(&format!("{n:03}")), Some(&value(&"1".repeat(length))), 1);
        }
        metadata
    };
    let none = Metadata::default();
    assert_eq!(with(50, 1).check_growth(&none), Ok(()));
    assert_eq!(with(51, 1).check_growth(&none), Err(MetadataError::TooManyKeys { max: 50, got: 51 }));
    assert_eq!(with(51, 1).check_growth(&with(52, 1)), Ok(()));
    assert_eq!(with(4, 2000).check_growth(&none), Ok(()));
    assert_eq!(with(8, 1021).check_growth(&none), Ok(()), "8 KiB");
    assert_eq!(with(8, 1022).check_growth(&none), Err(MetadataError::TooLarge { max: 8192, got: 8200 }));
    assert_eq!(with(8, 1022).check_growth(&with(8, 1023)), Ok(()));
}

#[test]
fn nonsense_in_a_store_is_noticed() {
    assert_eq!(read(None, None), Some(Metadata::default()));
    let read_back = read(Some("a\t1\nc\t[\"\\t\"]\n"), Some("\t2\na\t3\nb\t9\nc\t4\n")).expect("as written");
    let versions = ["a", "b", "c", "d"].map(|key| read_back.version_of(key));
    assert_eq!((versions, read_back.len(), read_back.get("b")), ([3, 9, 4, 2], 2, None));
    for (values, versions) in [
        (Some("a\t1\n"), None),
        (Some("a\t1\n"), Some("b\t1\n")),
        (Some("a\t1"), Some("a\t1\n")),
        (Some("a1\n"), Some("a\t1\n")),
        (Some("a\t1\nx"), Some("a\t1\n")),
        (Some("a\t1\na\t2\n"), Some("a\t1\n")),
        (None, Some("a\t0\n")),
        (None, Some("a\t10\n")),
        (None, Some("a\tb\n")),
    ] {
        assert_eq!(read(values, versions), None, "{values:?} {versions:?}");
    }
}
