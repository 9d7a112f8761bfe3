//! How the tables come to be, and which are left alone.

use super::{Postgres, create, database, new_run, open, sql};
use crate::checkpoint::{Filter, Kind, Store};

#[tokio::test]
async fn one_of_many_first_processes_makes_the_tables() {
    let settings = database();
    let opened = futures_util::future::join_all((0..8).map(|_| open(&settings))).await;
    for (number, store) in opened.iter().enumerate() {
        create(store, &new_run(&number.to_string())).await;
    }
    assert_eq!(opened[0].list(Filter::default()).await.unwrap().len(), 8);
    assert_eq!(sql(&settings, "SELECT count(*), max(format) FROM store"), "1|1");
}

#[tokio::test]
async fn another_versions_tables_are_not_touched() {
    let settings = database();
    open(&settings).await.close().await.unwrap();
    for (format, told) in [(2, "later version of Oneiric (format 2"), (0, "has format 0, which no version")] {
        sql(&settings, &format!("UPDATE store SET format = {format}"));
        for opened in [Postgres::open(settings.clone()).await, Postgres::open_reader(settings.clone()).await]
        {
            let error = opened.map(drop).unwrap_err();
            assert_eq!(error.kind(), Kind::Version);
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}

#[tokio::test]
async fn another_programs_schema_is_not_touched() {
    let settings = database();
    let schema = &settings.schema;
    sql(&settings, &format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.run (id integer)"));
    let error = Postgres::open(settings.clone()).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), Kind::Version);
    assert!(error.to_string().contains("belongs to another program"), "{error}");
}

#[tokio::test]
async fn a_changed_row_is_told_from_a_sound_one() {
    use crate::checkpoint::Urgency;
    use crate::checkpoint::conformance::{completed, started};

    let settings = database();
    let store = open(&settings).await;
    for run in ["event", "gap", "input", "sound"] {
        let key = create(&store, &new_run(run)).await;
        store.append(key, vec![started(0, 1), completed(0, "1")], Urgency::Now).await.unwrap();
    }
    let of = |run: &str| format!("(SELECT key FROM run WHERE run_id = '{run}')");
    sql(&settings, &format!("UPDATE event SET data = '2' WHERE seq = 2 AND run = {}", of("event")));
    sql(&settings, &format!("DELETE FROM event WHERE seq = 1 AND run = {}", of("gap")));
    sql(&settings, "UPDATE run SET input = '0' WHERE run_id = 'input'");
    for run in ["event", "gap", "input"] {
        let error = store.find(run).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
        assert!(error.to_string().contains("is damaged"), "{error}");
    }
    store.close().await.unwrap();

    let store = open(&settings).await;
    let mut records = store.open_runs();
    let mut sound = Vec::new();
    let mut damaged = 0;
    while let Some(record) = records.recv().await {
        match record {
            Ok(record) => sound.push(record.run.run_id),
            Err(error) => damaged += i32::from(error.kind() == Kind::Corrupt),
        }
    }
    assert_eq!((sound, damaged), (vec!["sound".to_owned()], 3));
}
