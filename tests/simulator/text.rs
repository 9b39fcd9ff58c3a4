//! The text protocol on the wire, where the clients that speak it cannot look: how a message is framed, how many fields it has,
//! and that nothing else than its form differs from protobuf.

use ibkr_orders::simulator::{Simulator, SimulatorConfig};

use super::peer::{Peer, start};

/// A client that speaks text: what it is told, field by field.
struct TextPeer {
    peer: Peer,
    version: u32,
}

impl TextPeer {
    async fn log_in(simulator: &Simulator, version: u32) -> Self {
        let mut peer = Peer::open(simulator).await;
        let answer = peer.introduce(&format!("v100..{version}")).await.unwrap();
        assert!(answer.starts_with(format!("{version}\0").as_bytes()));
        let mut peer = Self { peer, version };
        peer.send(71, &["2", "7", ""]).await;
        peer.until(|fields| fields[0] == "4" && fields.contains(&"2158".to_owned()))
            .await;
        peer
    }

    async fn send(&mut self, number: u32, fields: &[&str]) {
        let mut payload = if self.version < 201 {
            format!("{number}\0").into_bytes()
        } else {
            number.to_be_bytes().to_vec()
        };
        for field in fields {
            payload.extend_from_slice(field.as_bytes());
            payload.push(0);
        }
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        self.peer.write(&[&length[..], &payload].concat()).await;
    }

    /// The fields of the next message of text, its number first.
    async fn next(&mut self) -> Vec<String> {
        loop {
            let frame = self.peer.frame().await.expect("a message");
            let (mut fields, rest) = if self.version < 201 {
                (Vec::new(), &frame[..])
            } else {
                let number = u32::from_be_bytes(frame[..4].try_into().unwrap());
                if number > 200 {
                    continue;
                }
                (vec![number.to_string()], &frame[4..])
            };
            let text = std::str::from_utf8(rest).unwrap();
            let text = text.strip_suffix('\0').unwrap_or(text);
            if !rest.is_empty() {
                fields.extend(text.split('\0').map(str::to_owned));
            }
            return fields;
        }
    }

    async fn until(&mut self, wanted: impl Fn(&[String]) -> bool) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        loop {
            all.push(self.next().await);
            if wanted(all.last().unwrap()) {
                return all;
            }
        }
    }

    /// A limit order that rests, with every field that a client of the version sends.
    async fn place(&mut self, id: &str) {
        let contract = [
            id, "0", "AAPL", "STK", "", "0", "", "", "SMART", "", "USD", "", "", "", "",
        ];
        let terms = [
            "BUY", "10", "LMT", "100", "", "DAY", "", "", "", "0", "text", "1", "0", "0", "0",
        ];
        let zeros = ["0", "0", "0", "0", "", "0", "", ""];
        let adviser = ["", "", "", "", ""];
        let adviser = &adviser[..if self.version < 177 { 5 } else { 4 }];
        let auction = [
            "0", "", "-1", "0", "", "", "0", "", "", "0", "0", "", "0", "", "", "", "", "",
        ];
        let rest = [
            "0", "", "", "", "", "0", "", "", "", "", "", "", "", "", "", "", "0", "", "", "0",
        ];
        let last = [
            "0", "", "", "0", "", "0", "0", "0", "0", "0", "0", "", "", "", "", "", "0", "", "", "",
        ];
        let fields = [
            &contract[..],
            &terms,
            &zeros,
            adviser,
            &auction,
            &rest,
            &last,
        ]
        .concat();
        self.send(3, &fields).await;
    }
}

/// How many fields a message has is the layout of its version: one too few or too many shifts all that follow.
#[tokio::test]
async fn each_version_has_the_number_of_fields_that_its_clients_read() {
    for (version, open_order, completed_order, error) in [
        (157, 128, 96, 5),
        (158, 129, 96, 5),
        (160, 130, 96, 5),
        (162, 131, 96, 5),
        (163, 131, 96, 5),
        (164, 131, 96, 5),
        (166, 131, 96, 6),
        (169, 131, 96, 6),
        (170, 136, 101, 6),
        (177, 135, 100, 6),
        (178, 135, 100, 6),
        (183, 136, 101, 6),
        (185, 138, 102, 6),
        (189, 139, 102, 6),
        (193, 141, 102, 6),
        (194, 141, 102, 6),
        (195, 154, 102, 6),
        (198, 155, 103, 6),
        (199, 156, 103, 6),
        (202, 156, 103, 6),
    ] {
        let simulator = start(SimulatorConfig::on_free_port()).await;
        let mut peer = TextPeer::log_in(&simulator, version).await;
        peer.place("1").await;
        let told = peer
            .until(|fields| fields[0] == "3" && fields[2] == "Submitted")
            .await;
        let open = told.iter().find(|fields| fields[0] == "5").unwrap();
        assert_eq!(open.len(), open_order, "openOrder at {version}: {open:?}");
        assert_eq!(
            (&*open[1], &*open[3], &*open[7]),
            ("1", "AAPL", "?"),
            "{open:?}"
        );
        let cancel: &[&str] = match version {
            ..169 => &["1", "1"],
            169..192 => &["1", "1", ""],
            _ => &["1", "", "", ""],
        };
        peer.send(4, cancel).await;
        let told = peer
            .until(|fields| fields.contains(&"202".to_owned()))
            .await;
        let error_seen = told.last().unwrap();
        assert_eq!(
            error_seen.len(),
            error,
            "error at {version}: {error_seen:?}"
        );
        peer.send(99, &["0"]).await;
        let told = peer.until(|fields| fields[0] == "102").await;
        assert_eq!(
            told[0].len(),
            completed_order,
            "completedOrder at {version}: {:?}",
            told[0]
        );
        simulator.shutdown().await;
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_320_and_one_that_is_unknown_is_skipped() {
    let simulator = start(SimulatorConfig::on_free_port()).await;
    let mut peer = TextPeer::log_in(&simulator, 178).await;
    peer.send(3, &["1", "many"]).await;
    let told = peer.until(|fields| fields[0] == "4").await;
    assert_eq!(&told[0][2..4], ["-1", "320"], "{told:?}");
    peer.send(80, &[]).await;
    peer.send(8, &["1", "1"]).await;
    assert_eq!(peer.next().await, ["9", "1", "1"]);
    simulator.shutdown().await;
}

#[tokio::test]
async fn before_version_191_a_permanent_id_fits_into_31_bits_and_from_then_on_it_is_whole() {
    let simulator = start(SimulatorConfig::on_free_port()).await;
    let mut seen = Vec::new();
    for version in [190, 191] {
        let mut peer = TextPeer::log_in(&simulator, version).await;
        peer.place(&format!("{version}")).await;
        let told = peer
            .until(|fields| fields[0] == "3" && fields[2] == "Submitted")
            .await;
        seen.push(told.last().unwrap()[6].parse::<i64>().unwrap());
        drop(peer);
        simulator
            .control()
            .wait_until(|view| view.clients().is_empty())
            .await
            .unwrap();
    }
    assert!((1..1 << 31).contains(&seen[0]), "{seen:?}");
    assert!(seen[1] > 1 << 31, "{seen:?}");
    simulator.shutdown().await;
}
