# The everyday commands; https://just.systems. Each is one line one could type instead.

# Lists the commands.
default:
    @just --list

# Serves on http://127.0.0.1:8000 with SQLite under ./data.
serve:
    cargo run --release

# Runs every test, installing or starting what they need: `just test -p domain`, `just test -- a_name`.
test *arguments:
    cargo xtask test {{ arguments }}

# Measures the server and its floors; the table is docs/benchmarks.md.
bench *arguments:
    cargo xtask bench {{ arguments }}

# Formats the code.
fmt:
    cargo fmt --all

# Lints the code as CI does.
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# Renews openapi/openapi.json from the code.
openapi:
    cargo xtask openapi

# Starts a throw-away PostgreSQL with an empty database, prints its URLs, and ends it on Ctrl-D.
postgres:
    cargo run --quiet --package postgres-testbed

# Everything CI checks.
check:
    .ci/run
