//! Environment files as similar servers have them start this one as they are.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use blackbox_tests::launch::command;
use tempfile::TempDir;

const SYNC: &str = "\
DATABASE_URL=sqlite:///./todos.db
SECRET_KEY=your-secret-key-change-in-production
REDIS_URL=redis://localhost:6379/0
SENTRY_DSN=
ALLOWED_ORIGINS=http://localhost:3000, http://localhost:5000
ACCESS_TOKEN_EXPIRE_MINUTES=15
REFRESH_TOKEN_EXPIRE_DAYS=7
GOOGLE_CLIENT_ID=
GOOGLE_CLIENT_SECRET=
DEBUG=True
";

const TOKEN: &str = "\
# Database
DATABASE_URL=sqlite+aiosqlite:///./app.db
# Security
JWT_SECRET_KEY=\"change this to a random string\"
JWT_ALGORITHM=HS256
ACCESS_TOKEN_EXPIRE_MINUTES=60
BCRYPT_COST_FACTOR=12
ALLOWED_ORIGINS=[\"http://localhost:3000\", \"http://localhost:8080\"]  # the frontends
LOG_LEVEL=INFO
SENTRY_DSN=https://key@o1.ingest.sentry.io/2
OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317
";

const TASKS: &str = "\
BETTER_AUTH_SECRET=a shared secret with spaces
BETTER_AUTH_URL=http://localhost:3000
NEXT_PUBLIC_API_URL=http://localhost:8000
CORS_ORIGINS=http://localhost:3000
ENVIRONMENT=development
SMTP_PORT=tcp://10.0.0.1:25
KUBERNETES_SERVICE_HOST=10.0.0.1
";

#[test]
fn environment_files_of_the_contracts_start_the_server() {
    for (file, warned) in [
        (SYNC, &["REDIS_URL is ignored: an SQLite file belongs to one instance, which shares nothing"][..]),
        (TOKEN, &[]),
        (TASKS, &["SMTP_PORT is ignored: it is the address of a Kubernetes service"]),
    ] {
        let folder = TempDir::new().expect("a folder");
        std::fs::write(folder.path().join(".env"), file).expect("written");
        let settings = [("PORT".to_owned(), "0".to_owned())];
        let checked = command(folder.path(), &settings).arg("check-config").output().expect("it runs");
        let printed = String::from_utf8_lossy(&checked.stdout);
        assert!(checked.status.success(), "{file}\n{}", String::from_utf8_lossy(&checked.stderr));
        let mut server = command(folder.path(), &settings)
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.path().join("log")).expect("a log"))
            .spawn()
            .expect("it starts");
        let mut first = String::new();
        let mut lines = BufReader::new(server.stdout.take().expect("piped"));
        lines.read_line(&mut first).expect("a line");
        let _ = server.kill();
        let _ = server.wait();
        let logs = std::fs::read_to_string(folder.path().join("log")).expect("the log");
        assert!(first.starts_with("listening on "), "{file}\n{logs}");
        for sentence in warned {
            assert!(printed.contains(&format!("warning: {sentence}")), "{printed}");
            assert!(logs.contains(sentence), "{logs}");
        }
        // A relative path stays in the working directory.
        assert!(
            !file.contains("///./")
                || folder.path().join("todos.db").exists()
                || folder.path().join("app.db").exists()
        );
    }
}
