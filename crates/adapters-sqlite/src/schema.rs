//! The tables, with the columns that statements name.

diesel::table! {
    epochs (ordinal) {
        ordinal -> BigInt,
        epoch -> Text,
    }
}

diesel::table! {
    todo_numbers (id) {
        id -> BigInt,
        next -> BigInt,
    }
}

diesel::table! {
    users (id) {
        id -> Binary,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        display_name -> Nullable<Text>,
        email_verified -> Bool,
        is_active -> Bool,
        created_at -> BigInt,
        updated_at -> BigInt,
        last_login_at -> Nullable<BigInt>,
        email_changed_at -> Nullable<BigInt>,
        password_reset_at -> Nullable<BigInt>,
        sync_clock -> BigInt,
        sync_horizon -> BigInt,
        live_todos -> BigInt,
        deleted_at -> Nullable<BigInt>,
        digest -> BigInt,
        stored_bytes -> BigInt,
        tombstones -> BigInt,
        epoch_ordinal -> BigInt,
        epoch_counter -> BigInt,
        partings -> Nullable<Text>,
    }
}

diesel::table! {
    todos (user_id, id) {
        key -> BigInt,
        user_id -> Binary,
        id -> Binary,
        number -> BigInt,
        completed_at -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
        deleted_at -> Nullable<BigInt>,
        version -> BigInt,
        title_version -> BigInt,
        description_version -> BigInt,
        completed_version -> BigInt,
        deleted_version -> BigInt,
        client_id -> Nullable<Text>,
        title -> Nullable<Text>,
        description -> Nullable<Text>,
        metadata -> Nullable<Text>,
        metadata_versions -> Nullable<Text>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Binary,
        user_id -> Binary,
        client_id -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        ip -> Nullable<Text>,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
        revoked_at -> Nullable<BigInt>,
        revoke_reason -> Nullable<Text>,
        access_until -> BigInt,
        late_repeat_at -> Nullable<BigInt>,
        trusted_from -> BigInt,
    }
}

diesel::table! {
    refresh_tokens (id) {
        id -> Binary,
        session_id -> Binary,
        user_id -> Binary,
        token_hash -> Binary,
        generation -> BigInt,
        issued_at -> BigInt,
        expires_at -> BigInt,
        replaced_at -> Nullable<BigInt>,
        replaced_by -> Nullable<Binary>,
        located -> Bool,
    }
}

diesel::table! {
    revoked_tokens (id) {
        id -> BigInt,
        jti -> Nullable<Binary>,
        session_id -> Nullable<Binary>,
        user_id -> Binary,
        reason -> Text,
        revoked_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    external_identities (user_id, provider, subject) {
        provider -> Text,
        subject -> Text,
        user_id -> Binary,
        email -> Nullable<Text>,
        key_id -> Nullable<Text>,
        access_token -> Nullable<Binary>,
        refresh_token -> Nullable<Binary>,
        created_at -> BigInt,
    }
}

diesel::table! {
    one_time_tokens (id) {
        id -> Binary,
        kind -> Text,
        token_hash -> Binary,
        user_id -> Nullable<Binary>,
        payload -> Text,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    mail_outbox (id) {
        id -> Binary,
        user_id -> Nullable<Binary>,
        #[sql_name = "to"]
        recipient -> Text,
        template -> Text,
        token_id -> Nullable<Binary>,
        attempts -> BigInt,
        next_attempt_at -> Nullable<BigInt>,
        sent_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        providers -> Nullable<Text>,
        given_up_at -> Nullable<BigInt>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(users, epochs, sessions);
