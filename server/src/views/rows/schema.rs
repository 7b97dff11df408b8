//! The tables of the views. All that is in them can be built anew from the log, so another shape drops the old one.

/// Which shape the tables have. Another number drops them all, and the views are built anew.
pub(super) const FORMAT: i64 = 3;

pub(super) const DROP: &str = "
    DROP TABLE IF EXISTS generations;
    DROP TABLE IF EXISTS view_rows;
    DROP TABLE IF EXISTS view_terms;
    DROP TABLE IF EXISTS view_counts;
";

/// Which views are paused, and up to where each has come. What a person has asked for cannot be built anew from the log, so
/// this table stays when the others are dropped.
pub(super) const PAUSES: &str =
    "CREATE TABLE IF NOT EXISTS view_pauses (view VARCHAR(100) PRIMARY KEY, position BIGINT NOT NULL);";

/// The tables, for a database that compares this kind of text by bytes and takes these words after a table that is its own
/// primary index.
///
/// * `generations`: each view's rows stand in a generation. One is live; a rebuild fills the next.
/// * `view_rows`: what a view knows, by key.
/// * `view_terms`: by what rows are found, ready to be read in the order of their rank.
/// * `view_counts`: how many rows have a term, or a word with a beginning of a few letters, in all and in each group.
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
