//! One server: what the journal stores and what it refuses.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy};
use ibkr_orders::journal::jetstream::{JetStream, JetStreamSettings};
use ibkr_orders::journal::{Journal, JournalError};
use test_support::nats::{self, Nats};

pub(crate) fn settings(nats: &Nats, replicas: usize) -> JetStreamSettings {
    JetStreamSettings {
        servers: nats.servers(),
        name: "desk".to_owned(),
        credentials: None,
        ca: None,
        replicas,
        timeout: Duration::from_secs(2),
    }
}

pub(crate) fn bytes(text: &str) -> Arc<[u8]> {
    Arc::from(text.as_bytes())
}

#[tokio::test]
async fn records_are_appended_behind_the_last_and_read_in_order() {
    let Some(program) = nats::program("records_are_appended") else {
        return;
    };
    let nats = Nats::start(program, 1, "").await;
    let journal = JetStream::open(settings(&nats, 1)).await.unwrap();
    assert_eq!(journal.last().await, Ok(0));
    assert_eq!(journal.append(bytes("one"), "1", Some(0)).await, Ok(1));
    assert_eq!(journal.append(bytes("two"), "2", Some(1)).await, Ok(2));
    assert_eq!(
        journal.append(bytes("late"), "3", Some(1)).await,
        Err(JournalError::WrongLast)
    );
    // Without an expectation it goes behind whatever is there.
    assert_eq!(journal.append(bytes("fence"), "4", None).await, Ok(3));
    // The same once more is known.
    assert_eq!(journal.append(bytes("fence"), "4", None).await, Ok(3));
    assert_eq!(journal.last().await, Ok(3));
    assert_eq!(*journal.read(2).await.unwrap().unwrap().bytes, *b"two");
    assert_eq!(journal.read(4).await, Ok(None));
    let mut following = journal.follow(1).await.unwrap();
    for (sequence, text) in [(2, "two"), (3, "fence")] {
        let entry = following.next().await.unwrap();
        assert_eq!((entry.sequence, &*entry.bytes), (sequence, text.as_bytes()));
    }
    // Another handle's append wakes who waits.
    let other = JetStream::open(settings(&nats, 1)).await.unwrap();
    let (appended, read) =
        tokio::join!(other.append(bytes("five"), "5", Some(3)), following.next());
    assert_eq!(appended, Ok(4));
    assert_eq!(*read.unwrap().bytes, *b"five");
}

#[tokio::test]
async fn the_lease_is_written_by_revision() {
    let Some(program) = nats::program("the_lease_is_written") else {
        return;
    };
    let nats = Nats::start(program, 1, "").await;
    let journal = JetStream::open(settings(&nats, 1)).await.unwrap();
    assert_eq!(journal.lease().await, Ok(None));
    assert_eq!(journal.put_lease(b"a".to_vec(), 0).await, Ok(1));
    assert_eq!(
        journal.put_lease(b"b".to_vec(), 0).await,
        Err(JournalError::WrongLast)
    );
    assert_eq!(journal.put_lease(b"b".to_vec(), 1).await, Ok(2));
    let lease = journal.lease().await.unwrap().unwrap();
    assert_eq!((lease.revision, lease.value.as_slice()), (2, &b"b"[..]));
    // The stream of the bucket, not the one of the records.
    assert_eq!(journal.last().await, Ok(0));
}

type Change = fn(&mut Config);

/// Makes the stream beforehand, in one thing other than it has to be, and answers what opening says.
async fn refused(nats: &Nats, change: impl FnOnce(&mut Config)) -> String {
    let client = async_nats::connect(nats.server(0)).await.unwrap();
    let context = async_nats::jetstream::new(client);
    let _ = context.delete_stream("ORDERS_desk_1").await;
    let mut config = Config {
        name: "ORDERS_desk_1".to_owned(),
        subjects: vec!["orders.desk.journal.1".to_owned()],
        num_replicas: 1,
        discard: DiscardPolicy::New,
        deny_delete: true,
        deny_purge: true,
        max_messages: -1,
        max_bytes: -1,
        max_messages_per_subject: -1,
        max_message_size: -1,
        ..Config::default()
    };
    change(&mut config);
    context.create_stream(config).await.unwrap();
    match JetStream::open(settings(nats, 1)).await {
        Ok(_) => "accepted".to_owned(),
        Err(JournalError::Unfit(text)) => text,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_stream_that_promises_less_is_refused_by_the_field() {
    let Some(program) = nats::program("a_stream_that_promises_less") else {
        return;
    };
    let nats = Nats::start(program, 1, "").await;
    assert_eq!(refused(&nats, |_| ()).await, "accepted");
    let changes: [(&str, Change); 10] = [
        ("max_age", |c| c.max_age = Duration::from_secs(3600)),
        ("max_bytes", |c| c.max_bytes = 1 << 20),
        ("max_msgs", |c| c.max_messages = 1000),
        ("max_msgs_per_subject", |c| c.max_messages_per_subject = 5),
        ("max_msg_size", |c| c.max_message_size = 1 << 20),
        ("discard", |c| c.discard = DiscardPolicy::Old),
        ("deny_delete", |c| c.deny_delete = false),
        ("deny_purge", |c| c.deny_purge = false),
        ("storage", |c| {
            c.storage = async_nats::jetstream::stream::StorageType::Memory;
        }),
        ("subjects", |c| {
            c.subjects.push("orders.desk.more".to_owned());
        }),
    ];
    for (field, change) in changes {
        let text = refused(&nats, change).await;
        assert!(
            text.starts_with("JOURNAL_NAME: ") && text.contains(&format!("has {field} ")),
            "{field}: {text}"
        );
    }
    let text = {
        let mut settings = settings(&nats, 1);
        settings.replicas = 3;
        JetStream::open(settings).await.unwrap_err().to_string()
    };
    assert!(text.starts_with("JOURNAL_REPLICAS"), "{text}");
}

#[tokio::test]
async fn wrong_credentials_and_servers_that_are_not_there_are_told_apart() {
    let Some(program) = nats::program("wrong_credentials") else {
        return;
    };
    let users = "authorization { users: [ { user: gateway, password: right } ] }";
    let nats = Nats::start(program, 1, users).await;
    let with = |user: &str| JetStreamSettings {
        servers: vec![
            nats.server(0)
                .replace("nats://", &format!("nats://{user}@")),
        ],
        ..settings(&nats, 1)
    };
    let wrong = JetStream::open(with("gateway:wrong")).await.unwrap_err();
    assert!(
        matches!(&wrong, JournalError::Unfit(text) if text.starts_with("JOURNAL_CREDENTIALS")),
        "{wrong:?}"
    );
    JetStream::open(with("gateway:right")).await.unwrap();
    let nobody = test_support::ports::ClosedPort::new();
    let away = JetStream::open(JetStreamSettings {
        servers: vec![format!("nats://{}", nobody.address())],
        ..settings(&nats, 1)
    })
    .await
    .unwrap_err();
    assert!(
        matches!(&away, JournalError::Away(text) if text.contains("JOURNAL_SERVERS")),
        "{away:?}"
    );
}

#[tokio::test]
async fn a_server_with_small_messages_is_refused() {
    let Some(program) = nats::program("a_server_with_small_messages") else {
        return;
    };
    let nats = Nats::start(program, 1, "max_payload: 65536").await;
    let error = JetStream::open(settings(&nats, 1)).await.unwrap_err();
    assert!(
        matches!(&error, JournalError::Unfit(text) if text.starts_with("JOURNAL_SERVERS") && text.contains("max_payload")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_stream_made_anew_under_the_same_name_is_another_journal() {
    let Some(program) = nats::program("a_stream_made_anew") else {
        return;
    };
    let nats = Nats::start(program, 1, "").await;
    let journal = JetStream::open(settings(&nats, 1)).await.unwrap();
    journal.check().await.unwrap();
    refused(&nats, |_| ()).await;
    let error = journal.check().await.unwrap_err();
    assert!(error.to_string().contains("another journal"), "{error}");
}

#[tokio::test]
async fn a_full_server_says_that_it_is_full() {
    let Some(program) = nats::program("a_full_server") else {
        return;
    };
    // Accounts of their own, with a limit for this one.
    let accounts = "accounts { A { jetstream { max_file: 200KB, max_mem: 0 }, users: [ { user: a, password: a } ] } }\nno_auth_user: a";
    let nats = Nats::start(program, 1, accounts).await;
    let journal = JetStream::open(settings(&nats, 1)).await.unwrap();
    let large: Arc<[u8]> = vec![7; 60_000].into();
    let mut last = 0;
    let error = loop {
        let id = format!("large {last}");
        match journal.append(Arc::clone(&large), &id, Some(last)).await {
            Ok(sequence) => last = sequence,
            Err(error) => break error,
        }
        assert!(last < 100, "it never filled");
    };
    assert!(matches!(error, JournalError::Full(_)), "{error:?}");
    assert_eq!(journal.last().await, Ok(last));
}
