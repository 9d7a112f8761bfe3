//! Who holds a run, and what becomes of it when the holder dies, lets go, or is taken for dead.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use super::{completed, create, database, ended, new_run, open, sql, started};
use crate::checkpoint::{Created, Kind, Notice, Postgres, Store, Urgency};
use crate::run::{Entry, Status};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// Waits for a notice.
async fn heard(notices: &mut UnboundedReceiver<Notice>, wanted: Notice) {
    let wait = async {
        while let Some(notice) = notices.recv().await {
            if notice == wanted {
                return;
            }
        }
        panic!("{wanted:?} never comes");
    };
    timeout(LONG, wait).await.unwrap_or_else(|_| panic!("{wanted:?} does not come"));
}

/// Who has held a run, and under which epoch each of its events was written.
fn history(settings: &super::Settings, run: &str) -> (Vec<String>, Vec<String>) {
    let lines = |text: &str| sql(settings, text).lines().map(str::to_owned).collect::<Vec<_>>();
    let holders = format!("SELECT epoch, instance FROM holders WHERE run_id = '{run}' ORDER BY epoch");
    let events = format!("SELECT epoch FROM log WHERE run_id = '{run}' ORDER BY seq");
    (lines(&holders), lines(&events))
}

fn is_held<T>(answer: &Result<T, crate::checkpoint::Error>) -> bool {
    answer.as_ref().is_err_and(|error| error.kind() == Kind::Held)
}

#[tokio::test]
async fn a_run_has_one_holder_at_a_time() {
    let settings = database();
    let (a, b) = (open(&settings).await, open(&settings).await);
    let key = create(&a, &new_run("r")).await;
    let Created::Existing(run) = b.create(new_run("r")).await.unwrap() else { panic!("it was made twice") };
    assert_eq!(run.key, key);
    assert!(is_held(&b.claim("r").await));
    assert!(is_held(&b.append(key, vec![started(0, 1)], Urgency::Now).await));
    assert!(is_held(&b.rebase(key, "d-2".into(), new_run("r").definition, Vec::new()).await));
    assert!(b.open_runs().recv().await.is_none(), "nothing is free");
    assert!(b.claim("s").await.unwrap().is_none());

    a.append(key, vec![started(0, 1)], Urgency::Now).await.unwrap();
    a.release(key).await.unwrap();
    assert!(is_held(&a.append(key, vec![completed(0, "1")], Urgency::Now).await));
    let record = b.claim("r").await.unwrap().unwrap();
    assert_eq!(record.log, [started(0, 1)]);
    b.append(key, vec![completed(0, "1")], Urgency::Now).await.unwrap();
    assert!(is_held(&a.append(key, vec![completed(0, "2")], Urgency::Now).await));
    assert_eq!(a.find("r").await.unwrap().unwrap().log, [started(0, 1), completed(0, "1")]);
    let (holders, epochs) = history(&settings, "r");
    assert_eq!(holders.len(), 2);
    assert_eq!(epochs, ["1", "2"]);
}

#[tokio::test]
async fn each_free_run_is_taken_by_one() {
    let settings = database();
    let first = open(&settings).await;
    for number in 0..300 {
        create(&first, &new_run(&number.to_string())).await;
    }
    first.close().await.unwrap();
    let mut takers = Vec::new();
    for _ in 0..3 {
        takers.push(open(&settings).await);
    }
    let take = async |store: &Postgres| {
        let mut records = store.open_runs();
        let mut taken = Vec::new();
        while let Some(record) = records.recv().await {
            taken.push(record.unwrap().run.key);
        }
        assert!(taken.is_sorted(), "oldest first");
        taken
    };
    let taken = tokio::join!(take(&takers[0]), take(&takers[1]), take(&takers[2]));
    let mut all = [taken.0, taken.1, taken.2].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 300);
}

#[tokio::test]
async fn runs_of_a_dead_process_are_taken_over() {
    let settings = database().lease(Duration::from_millis(600));
    let (a, b) = (open(&settings).await, open(&settings).await);
    let mut notices = b.notices().unwrap();
    let key = create(&a, &new_run("r")).await;
    // A process that will die takes it from there: it does not let go, and it does not renew its lease.
    sql(
        &settings,
        "WITH dying AS (INSERT INTO instance (name, expires_at) \
             VALUES ('dying', clock_timestamp() + interval '1 second') RETURNING key) \
         UPDATE run SET holder = dying.key, epoch = 2 FROM dying; NOTIFY \"{schema}\", 'began dying'",
    );
    assert!(is_held(&b.claim("r").await), "its lease is not over yet");
    heard(&mut notices, Notice::Free).await;
    assert_eq!(take_free(&b).await, [key]);
    b.append(key, vec![started(0, 1)], Urgency::Now).await.unwrap();
    // Who held it before may not know, but its writes are refused.
    assert!(is_held(&a.append(key, vec![started(0, 1)], Urgency::Now).await));
    assert_eq!(b.find("r").await.unwrap().unwrap().log, [started(0, 1)]);
}

#[tokio::test]
async fn a_lease_is_renewed_as_long_as_something_is_held() {
    let settings = database().lease(Duration::from_millis(600));
    let (a, b) = (open(&settings).await, open(&settings).await);
    let mut notices = b.notices().unwrap();
    let key = create(&a, &new_run("r")).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(is_held(&b.claim("r").await), "after more than two leases");
    assert_eq!(notices.try_recv().ok(), None);

    a.append(key, vec![ended(1, Status::Completed)], Urgency::Now).await.unwrap();
    heard(&mut notices, Notice::Over(key)).await;
    heard(&mut notices, Notice::Free).await;
    let alive = "SELECT count(*) FROM instance WHERE ended_at IS NULL";
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(sql(&settings, alive), "0", "who holds nothing needs no lease");
}

#[tokio::test]
async fn who_is_taken_for_dead_hears_that_all_is_lost() {
    let settings = database().lease(Duration::from_millis(900));
    let store = open(&settings).await;
    let mut notices = store.notices().unwrap();
    let key = create(&store, &new_run("r")).await;
    sql(&settings, "UPDATE instance SET ended_at = clock_timestamp()");
    heard(&mut notices, Notice::Lost).await;
    assert!(is_held(&store.append(key, vec![started(0, 1)], Urgency::Now).await));
    // It can begin again, as another.
    let record = store.claim("r").await.unwrap().unwrap();
    store.append(record.run.key, vec![started(0, 1)], Urgency::Now).await.unwrap();
    let (holders, _) = history(&settings, "r");
    assert_eq!(holders.len(), 2);
    assert_ne!(holders[0].split('|').next_back(), holders[1].split('|').next_back());
}

#[tokio::test]
async fn closing_lets_others_go_on_at_once() {
    let settings = database();
    let (a, b) = (open(&settings).await, open(&settings).await);
    let mut notices = b.notices().unwrap();
    let key = create(&a, &new_run("r")).await;
    a.close().await.unwrap();
    heard(&mut notices, Notice::Free).await;
    assert_eq!(take_free(&b).await, [key]);
}

#[tokio::test]
async fn a_wish_to_cancel_reaches_the_holder_whoever_that_is() {
    let settings = database();
    let (a, b) = (open(&settings).await, open(&settings).await);
    let mut notices = a.notices().unwrap();
    let key = create(&a, &new_run("r")).await;
    b.ask_to_cancel(key).await.unwrap();
    heard(&mut notices, Notice::Cancel(key)).await;
    a.release(key).await.unwrap();
    assert!(b.claim("r").await.unwrap().unwrap().run.cancel_requested, "it is not forgotten");
    let over: Vec<Entry> = vec![ended(1, Status::Cancelled)];
    b.append(key, over, Urgency::Now).await.unwrap();
    heard(&mut notices, Notice::Over(key)).await;
    assert!(!a.claim("r").await.unwrap().unwrap().run.cancel_requested, "and not granted twice");
}

#[tokio::test]
async fn an_idle_store_sends_nothing() {
    let settings = database().lease(Duration::from_millis(500));
    let store = open(&settings).await;
    let _notices = store.notices().unwrap();
    let key = create(&store, &new_run("r")).await;
    store.append(key, vec![ended(1, Status::Completed)], Urgency::Now).await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    let last = || {
        let select = "SELECT count(*), max(query_start) FROM pg_stat_activity WHERE application_name = 'oneiric {schema}'";
        sql(&settings, select)
    };
    let before = last();
    assert!(before.starts_with("1|"), "one connection, since nobody read: {before}");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(last(), before);
}

/// The runs that are free, without letting go of any first.
async fn take_free(store: &Postgres) -> Vec<crate::checkpoint::RunKey> {
    let mut records = store.open_runs();
    let mut keys = Vec::new();
    while let Some(record) = records.recv().await {
        keys.push(record.unwrap().run.key);
    }
    keys
}
