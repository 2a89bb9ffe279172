//! The tables, for diesel's query builder. Todos are absent: their statements are written with [`crate::sql`].

diesel::table! {
    users (id) {
        id -> Uuid,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        display_name -> Nullable<Text>,
        email_verified -> Bool,
        is_active -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        last_login_at -> Nullable<Timestamptz>,
        email_changed_at -> Nullable<Timestamptz>,
        password_reset_at -> Nullable<Timestamptz>,
        sync_clock -> Timestamptz,
        sync_horizon -> Timestamptz,
        live_todos -> Integer,
        deleted_at -> Nullable<Timestamptz>,
        digest -> BigInt,
        epoch_ordinal -> BigInt,
    }
}

diesel::table! {
    epochs (ordinal) {
        ordinal -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        user_id -> Uuid,
        client_id -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        ip -> Nullable<Text>,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        revoke_reason -> Nullable<Text>,
        access_until -> Timestamptz,
        late_repeat_at -> Nullable<Timestamptz>,
        trusted_from -> Timestamptz,
    }
}

diesel::table! {
    refresh_tokens (id) {
        id -> Uuid,
        session_id -> Uuid,
        user_id -> Uuid,
        generation -> BigInt,
        token_hash -> Binary,
        issued_at -> Timestamptz,
        expires_at -> Timestamptz,
        replaced_at -> Nullable<Timestamptz>,
        replaced_by -> Nullable<Uuid>,
        located -> Bool,
    }
}

diesel::table! {
    revoked_tokens (id) {
        id -> BigInt,
        session_id -> Nullable<Uuid>,
        jti -> Nullable<Uuid>,
        user_id -> Uuid,
        reason -> Text,
        revoked_at -> Timestamptz,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    external_identities (provider, subject) {
        provider -> Text,
        subject -> Text,
        user_id -> Uuid,
        email -> Nullable<Text>,
        key_id -> Nullable<Text>,
        access_token -> Nullable<Binary>,
        refresh_token -> Nullable<Binary>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    one_time_tokens (id) {
        id -> Uuid,
        kind -> Text,
        token_hash -> Binary,
        user_id -> Nullable<Uuid>,
        payload -> Text,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    mail_outbox (id) {
        id -> Uuid,
        user_id -> Nullable<Uuid>,
        #[sql_name = "to"]
        recipient -> Text,
        template -> Text,
        token_id -> Nullable<Uuid>,
        attempts -> Integer,
        next_attempt_at -> Nullable<Timestamptz>,
        sent_at -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        providers -> Nullable<Text>,
        given_up_at -> Nullable<Timestamptz>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(users, epochs, sessions);
