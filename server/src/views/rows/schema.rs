//! The tables of the views. All that is in them can be built anew from the log, so another shape drops the old one.

/// Version of the tables. Another version drops them all, and the views are rebuilt.
pub(super) const FORMAT: i64 = 3;

pub(super) const DROP: &str = "
    DROP TABLE IF EXISTS generations;
    DROP TABLE IF EXISTS view_rows;
    DROP TABLE IF EXISTS view_terms;
    DROP TABLE IF EXISTS view_counts;
";

/// The paused views with their positions. Pauses cannot be rebuilt from the log, so this table stays when the others are
/// dropped.
pub(super) const PAUSES: &str =
    "CREATE TABLE IF NOT EXISTS view_pauses (view VARCHAR(100) PRIMARY KEY, position BIGINT NOT NULL);";

/// The tables. `text` is the text type that the database compares by bytes, and `own_index` the clause for a table that is its
/// own primary index.
///
/// * `generations`: the generations of each view. One is live; a rebuild fills the next.
/// * `view_rows`: the rows of a view, by key.
/// * `view_terms`: the terms of rows, in the order of their rank.
/// * `view_counts`: number of rows with a term, or with a word that has a prefix of a few letters, in total and per group.
pub(super) fn create(text: &str, own_index: &str) -> String {
    format!(
        "CREATE TABLE generations (
            view {text} NOT NULL,
            generation BIGINT NOT NULL,
            state {text} NOT NULL CHECK (state IN ('live', 'building', 'old')),
            version BIGINT NOT NULL,
            position BIGINT NOT NULL,
            event_id {text} NOT NULL,
            failures BIGINT NOT NULL,
            failed_position BIGINT NOT NULL,
            failure {text} NOT NULL,
            PRIMARY KEY (view, generation)
        ) {own_index};
        CREATE UNIQUE INDEX one_is_live ON generations (view) WHERE state = 'live';
        CREATE UNIQUE INDEX one_is_being_built ON generations (view) WHERE state = 'building';
        CREATE TABLE view_rows (
            view {text} NOT NULL,
            generation BIGINT NOT NULL,
            key {text} NOT NULL,
            words {text} NOT NULL,
            body {text} NOT NULL,
            PRIMARY KEY (view, generation, key)
        ) {own_index};
        CREATE TABLE view_terms (
            view {text} NOT NULL,
            generation BIGINT NOT NULL,
            term {text} NOT NULL,
            rank BIGINT NOT NULL,
            key {text} NOT NULL,
            PRIMARY KEY (view, generation, term, rank, key)
        ) {own_index};
        CREATE TABLE view_counts (
            view {text} NOT NULL,
            generation BIGINT NOT NULL,
            term {text} NOT NULL,
            rows_with_it BIGINT NOT NULL,
            PRIMARY KEY (view, generation, term)
        ) {own_index};"
    )
}
