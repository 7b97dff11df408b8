//! A copy of a database that replaces it later, like a restore, or a replica that lacks the last commits.

use tokio_postgres::{Client, NoTls};

/// A copy of a database.
pub(crate) struct DatabaseCopy {
    /// Connected to another database of the same server.
    client: Client,
    name: String,
}

impl DatabaseCopy {
    /// Copies the database at an address `host=… user=… dbname=…`; its connections are cut.
    pub(crate) async fn create(address: &str) -> Self {
        let (elsewhere, name) = address.rsplit_once(" dbname=").unwrap();
        let (client, connection) =
            tokio_postgres::connect(&format!("{elsewhere} dbname=postgres"), NoTls).await.unwrap();
        tokio::spawn(connection);
        let copy = Self { client, name: name.to_owned() };
        copy.run("CREATE DATABASE {name}_copy TEMPLATE {name}").await;
        copy
    }

    /// Replaces the database by the copy; its connections are cut.
    pub(crate) async fn take_over(self) {
        self.run("ALTER DATABASE {name} RENAME TO {name}_lost").await;
        self.client.batch_execute(&format!("ALTER DATABASE {0}_copy RENAME TO {0}", self.name)).await.unwrap();
    }

    /// Runs a statement that needs exclusive use of the database.
    async fn run(&self, statement: &str) {
        let name = &self.name;
        let on = |allow: bool| format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allow}");
        self.client.batch_execute(&on(false)).await.unwrap();
        let cut = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1";
        self.client.execute(cut, &[name]).await.unwrap();
        self.client.batch_execute(&statement.replace("{name}", name)).await.unwrap();
        let renamed = statement.contains("RENAME");
        if !renamed {
            self.client.batch_execute(&on(true)).await.unwrap();
        }
    }
}
