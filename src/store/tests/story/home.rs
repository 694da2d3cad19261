//! Where a story is told: a store on either engine.

use tempfile::TempDir;
use townkeeper_store::Store;

/// Where a story is told.
pub(crate) enum Home {
    Sqlite(TempDir),
    Postgres(String),
}

impl Home {
    pub(crate) async fn open(&self) -> Store {
        match self {
            Self::Sqlite(folder) => Store::open(folder.path()).await.unwrap(),
            Self::Postgres(url) => Store::connect(url).await.unwrap(),
        }
    }
}

/// Tells each story on both engines. On PostgreSQL all in one test, each in a database of its own: a cluster takes a
/// second to make.
macro_rules! stories {
    ($($story:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $story() {
                super::$story(&$crate::home::Home::Sqlite(tempfile::tempdir().unwrap())).await;
            })*
        }

        #[tokio::test]
        async fn the_same_on_postgres() {
            let cluster = townkeeper_fakes::postgres::Cluster::start(false);
            $(
                // Names of databases end after 63 bytes.
                let name: String = stringify!($story).chars().take(60).collect();
                println!("{name}");
                $story(&$crate::home::Home::Postgres(cluster.database(&name))).await;
            )*
        }
    };
}

pub(crate) use stories;
