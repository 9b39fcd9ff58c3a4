//! The manual's longer texts.

/// What the program is.
pub(super) const ABOUT: &str = "\
Order gateway for Interactive Brokers.

Places, watches and cancels stock orders at one TWS or IB Gateway login, and remembers every order and every \
fill in a SQLite file. A command talks to TWS itself, calls a running gateway with --server, or runs on the \
built-in simulator with --simulate. Only paper accounts are traded unless --ib-allow-live is given.";

/// Conventions and first steps.
pub(super) const AFTER: &str = "\
Output:
  One JSON document on stdout per command; a field without a value is null.
  Logs, hints and progress go to stderr.

Exit codes:
  0   done
  1   the operation failed; the document says why
  2   the command line is wrong
  64  the configuration is wrong; every problem is named on stderr

Examples:
  Try it without TWS: place a simulated order and read it back
    ibkr-orders place --simulate --transmit \\
      --json '{\"action\": \"BUY\", \"symbol\": \"AAPL\", \"order_type\": \"MKT\", \"quantity\": 1}'
    ibkr-orders list --simulate --output table

  Check an order
    ibkr-orders validate --json-file order.json

  Place it at TWS on port 7497, then follow it to its end
    ibkr-orders place --json-file order.json --transmit --request-id rebalance-1
    ibkr-orders watch --order-id 100

  Keep a gateway running and use it from other programs
    ibkr-orders serve
    ibkr-orders health --server http://127.0.0.1:50051

'ibkr-orders COMMAND --help' is the manual of a command.";

pub(super) const HEALTH: &str = "\
Prints:
  {\"connected\", \"next_valid_id\", \"error\", \"detail\", \"server_version\", \"accounts\", \"paper\",
   \"client_id\", \"tws_time\", \"ib_connected\", \"store_ok\", \"version\", \"unknown_orders\"}
  Exits 0 when connected, else 1.

Examples:
  ibkr-orders health --timeout 5
  ibkr-orders health --ib-port 4002
  ibkr-orders health --server https://orders.example:50051 --server-ca ca.pem --token-file token";

pub(super) const VALIDATE: &str = "\
The order:
  Required: action (BUY, SELL), symbol, order_type, quantity, and the prices of the type:
    MKT, MOC      none
    LMT, LOC      limit_price
    STP           stop_price
    STP_LMT       stop_price, limit_price
    TRAIL         trail_amount or trail_percent; stop_price if the stop is to begin there
    TRAIL_LIMIT   trail_amount or trail_percent, stop_price, limit_offset
  Optional: sec_type (STK), exchange (SMART), currency (USD), tif (DAY, GTC, IOC, FOK, OPG, GTD),
  good_till (the end of GTD, RFC 3339), transmit (false), primary_exch, client_tag, order_ref,
  account, outside_rth (false), oca_group with oca_type (CANCEL_WITH_BLOCK, REDUCE_WITH_BLOCK,
  REDUCE_NON_BLOCK), reference_price (for limits only).

Prints:
  {\"valid\", \"order_request\", \"effective_order_ref\", \"errors\", \"warnings\", \"unchecked\"}
  Each entry of errors is {\"type\", \"loc\", \"msg\", \"input\"}. Exits 0 when valid, else 1.

Examples:
  ibkr-orders validate \\
    --json '{\"action\": \"BUY\", \"symbol\": \"aapl\", \"order_type\": \"MKT\", \"quantity\": 1}'
  ibkr-orders validate --json-file - < order.json";

pub(super) const PLACE: &str = "\
The order:
  As 'ibkr-orders validate --help' says.

Prints:
  {\"submitted\", \"dry_run\", \"order_id\", \"state\", \"contract\", \"order_payload\", \"order_request\",
   \"effective_order_ref\", \"errors\", \"error\", \"request_id\", \"replayed\",
   \"warnings\", \"unchecked\"}
  Exits 0 when the order was placed (staged, working or filled), 1 when it was not or when TWS rejected it.
  Without --request-id do not run it again after a failure: look with 'list' first.

Examples:
  Stage an order, look at it in TWS, release it
    ibkr-orders place --json-file order.json
    ibkr-orders transmit --order-id 100

  Place at once, safe to repeat
    ibkr-orders place --json-file order.json --transmit --request-id rebalance-1

  See what would be sent; needs no TWS
    ibkr-orders place --json-file order.json --dry-run";

pub(super) const BRACKET: &str = "\
The bracket:
  {\"entry\": {...}, \"take_profit\": {...}, \"stop_loss\": {...}}, at least one of the last two.
  entry        an order as 'ibkr-orders validate --help' says: MKT, LMT, STP or STP_LMT for DAY, GTC or GTD;
               client_tag or order_ref of at most 36 characters; its transmit does not matter
  take_profit  limit_price
  stop_loss    stop_price; with a limit_price it is a stop-limit order
  Both may have tif (DAY, GTC; default GTC) and outside_rth (default: as the entry). They are of the entry's
  quantity on the other side, and lie where the profit and the loss are.

Prints:
  {\"submitted\", \"dry_run\", \"entry\", \"take_profit\", \"stop_loss\", \"entry_payload\",
   \"take_profit_payload\", \"stop_loss_payload\", \"errors\", \"error\", \"request_id\", \"replayed\",
   \"warnings\", \"unchecked\"}
  Each payload of a dry run is {\"contract\", \"order\"}. Exits 0 when the bracket was placed, 1 when it was
  not or when TWS rejected one of its orders. The loc of an error begins with the part: [\"stop_loss\", \"stop_price\"].

Examples:
  ibkr-orders bracket --json-file examples/brackets/limit_entry.json --request-id aapl-1
  ibkr-orders watch --placed-as aapl-1 --with-family
  ibkr-orders get --placed-as aapl-1 --output table

  See what would be sent; needs no TWS
    ibkr-orders bracket --json-file examples/brackets/limit_entry.json --dry-run";

pub(super) const WATCH: &str = "\
Prints:
  {\"order_id\", \"terminal\", \"status\", \"updates\", \"error\"}
  With --stream first one line per update: {\"sequence\", \"order\": {...}}, {\"sequence\", \"fill\": {...}},
  {\"sequence\", \"link\": {...}}, {\"sequence\", \"snapshot_end\": {}} or {\"sequence\", \"heartbeat\": {...}}.
  Exits 0 when the order reached a terminal state, else 1. An order that ended already needs no TWS.

Examples:
  ibkr-orders watch --order-id 100
  ibkr-orders watch --placed-as rebalance-1 --max-wait 30
  ibkr-orders watch --placed-as bracket-1 --with-family
  ibkr-orders watch --order-id 0 --stream --server http://127.0.0.1:50051";

pub(super) const TRANSMIT: &str = "\
Prints:
  {\"order\", \"error\"}: the order as it then is. Exits 0 when it was released, or had been before.

Examples:
  ibkr-orders transmit --order-id 100
  ibkr-orders transmit --placed-as rebalance-1";

pub(super) const CANCEL: &str = "\
Prints:
  {\"order\", \"error\"}: the order as it then is. Exits 0 when the cancel was asked for, or the order was
  cancelled before. Without a verdict of TWS within --timeout the order shows cancel_requested.

Examples:
  ibkr-orders cancel --order-id 100
  ibkr-orders cancel --placed-as rebalance-1 --timeout 10
  ibkr-orders cancel --order-id 102 --with-sibling";

pub(super) const REPLACE: &str = "\
Changes what is given; the rest stays as TWS last showed it. An order that TWS does not have is never made.

Prints:
  {\"order\", \"dry_run\", \"contract\", \"order_payload\", \"errors\", \"error\", \"request_id\", \"replayed\"}
  order.replacement says what became of it: PENDING, ACCEPTED, REFUSED or UNCONFIRMED.
  Exits 0 when TWS took the new terms or has not decided yet, 1 when it refused them or nothing was sent.

Examples:
  ibkr-orders replace --order-id 100 --limit-price 151.25
  ibkr-orders replace --placed-as rebalance-1 --quantity 20 --expected-revision 1 --request-id rebalance-1-more";

pub(super) const PREVIEW: &str = "\
The order:
  As 'ibkr-orders validate --help' says; its transmit does not matter.

Prints:
  {\"accepted\", \"account\", \"before\", \"change\", \"after\", \"margin_currency\", \"commission\", \"min_commission\",
   \"max_commission\", \"commission_currency\", \"warning_text\", \"error_code\", \"error\", \"contract\",
   \"order_payload\", \"errors\"}
  before, change and after are {\"initial\", \"maintenance\", \"equity_with_loan\"}; what TWS does not say is null.
  Exits 0 when TWS would take the order, else 1. Nothing is placed. IB asks for about one preview a minute.

Examples:
  ibkr-orders preview --json-file order.json
  ibkr-orders preview --server http://127.0.0.1:50051 --json-file - < order.json";

pub(super) const GET: &str = "\
Reads the store; needs no TWS and works beside a running gateway.

Prints:
  {\"order\", \"fills\", \"legs\", \"error\"}
  legs are the exits of a bracket's entry, else empty.

Examples:
  ibkr-orders get --order-id 100
  ibkr-orders get --placed-as rebalance-1 --output table";

pub(super) const LIST: &str = "\
Reads the store; needs no TWS and works beside a running gateway.

Prints:
  {\"orders\", \"next_page_token\", \"error\"}
  next_page_token is null on the last page.

Examples:
  ibkr-orders list --output table
  ibkr-orders list --status submitted,pre_submitted --symbol AAPL
  ibkr-orders list --page-size 1000 --page-token TOKEN";

pub(super) const POSITIONS: &str = "\
Asks TWS, or a running gateway with --server. Nothing of it is stored.

Prints:
  {\"positions\", \"as_of\", \"stale\", \"error\"}
  With \"stale\" true they may be old or not all: TWS has not said them since the link was lost. Exits 0 when there is an answer.

Examples:
  ibkr-orders positions --output table
  ibkr-orders positions --account DU1234567 --server http://127.0.0.1:50051";

pub(super) const ACCOUNT: &str = "\
Asks TWS, or a running gateway with --server. Nothing of it is stored.

Prints:
  {\"account\", \"values\": [{\"name\", \"currency\", \"value\"}], \"as_of\", \"stale\", \"error\"}
  The currency BASE is over all currencies, in the account's base currency; null stands for what has no unit.

Examples:
  ibkr-orders account --output table
  ibkr-orders account | jq -r '.values[] | select(.name == \"NetLiquidation\") | .value'";

pub(super) const LIMITS: &str = "\
Without --server it reads the store where no gateway holds it.

Prints:
  {\"state\", \"halts\", \"hash\", \"problem\", \"positions_stale\", \"limits\", \"error\"}
  state is ACTIVE or CANCEL_ONLY. Each entry of limits is {\"table\", \"rule\", \"warn\", \"limit\", \"of\",
  \"used\", \"left\"}.

Examples:
  ibkr-orders limits --server http://127.0.0.1:50051 --output table";

pub(super) const HALT: &str = "\
In force when it is answered, and across restarts: new orders and releases are refused with HALTED,
nothing but cancels is sent. Orders that wait for TWS's pacing are not sent. Without --server it halts
the store where no gateway holds it.

Prints:
  {\"state\", \"halts\", \"persisted\", \"cancelled\", \"error\"}

Examples:
  ibkr-orders halt --server http://127.0.0.1:50051 --reason 'runaway algo'
  ibkr-orders halt --server http://127.0.0.1:50051 --caller algo --cancel-open";

pub(super) const RESUME: &str = "\
Lifts every halt, or those of a caller or an account. Refused while HALT_FILE exists. Without --server
it works on the store where no gateway holds it.

Prints:
  {\"state\", \"halts\", \"error\"}";

pub(super) const CANCEL_ALL: &str = "\
Cancels each order by its own id, never with IB's global cancel. Exits of positions stay unless
--include-protective is given: orders of the other side up to the position's size, stops first.

Prints:
  {\"results\", \"still_open\", \"error\"}
  Each entry of results is {\"order_id\", \"status\", \"protective\", \"error\"}. Exits 0 when every cancel
  was sent.

Examples:
  ibkr-orders cancel-all --server http://127.0.0.1:50051 --symbol AAPL
  ibkr-orders cancel-all --include-protective --output table";

pub(super) const TOP: &str = "\
Keys: up and down choose an order, c cancels it after a question, h halts new orders and lifts the halt, p shows positions, a shows ended
orders too, q ends. The orders of a bracket stand together. The view goes on by itself after a broken link or a restart of the gateway.

Examples:
  ibkr-orders top --server http://127.0.0.1:50051";

pub(super) const COMPLETIONS: &str = "\
Examples:
  ibkr-orders completions bash > /etc/bash_completion.d/ibkr-orders
  ibkr-orders completions zsh > \"${fpath[1]}/_ibkr-orders\"
  ibkr-orders completions fish > ~/.config/fish/completions/ibkr-orders.fish";

pub(super) const MAN: &str = "\
Example:
  ibkr-orders man > /usr/local/share/man/man1/ibkr-orders.1";

pub(super) const SERVE: &str = "\
Prints nothing on stdout. Says on stderr where it listens ('listening on 127.0.0.1:50051'), then logs, a line per call.

Ends on SIGTERM or SIGINT: new calls are refused, watches end with a word that they can resume, calls in flight get five seconds,
the store is closed; exits 0. A second signal ends it at once. SIGHUP reads certificate and token files again; so does a change
of them, within seconds. Exits 1 when it cannot go on, for example because the store cannot be written safely.

Examples:
  Try it without TWS, with nothing else installed
    ibkr-orders serve --simulate

  At IB Gateway's paper port
    ibkr-orders serve --ib-port 4002

  For other machines, encrypted and with a token
    ibkr-orders serve --grpc-listen 0.0.0.0:50051 --tls-cert server.pem --tls-key server.key --auth-token-file tokens";

pub(super) const SIMULATE: &str = "\
A TWS on loopback for any client of the API's server versions 157 to 226. Says on stderr where it listens, ends on SIGTERM or SIGINT.

Examples:
  ibkr-orders simulate
  ibkr-orders simulate --listen 127.0.0.1:0 --seed 11 --state tws.state
  ibkr-orders simulate --fault drop-after-order=3 --fault duplicate";

pub(super) const EXPORT: &str = "\
Writes:
  With --format jsonl a JSON object a line: the order or execution as get prints it, or an event with its sequence.
  With --format csv the same in columns, a header first; what has no value is an empty field. Text is not changed, so
  open files with text from strangers in a program that does not run formulas.
  Nothing is left out: a row whose time nobody knows is written whatever --since and --until say.
  The store is read in small pages, so that a running gateway is not held up.

Exits 0 when everything was written, else 1 with the reason on stderr.

Examples:
  ibkr-orders export --what executions --format csv --since 2026-11-22T00:00:00-05:00 > executions.csv
  ibkr-orders export --what events | gzip > events.jsonl.gz";

pub(super) const BACKUP: &str = "\
Prints:
  {\"file\", \"bytes\", \"orders\", \"head_sequence\", \"error\"}

The copy is the store as it was at one moment. It is checked and on disk before it has its name, and only its owner can
read it. To go back to it, stop the gateway and start it with ORDER_DB_PATH on the copy: it asks TWS for what it missed.

Examples:
  ibkr-orders backup /backups/orders-2026-11-22.db
  ibkr-orders backup --simulate copy.db";

pub(super) const PRUNE: &str = "\
Prints:
  {\"archive\", \"orders\", \"executions\", \"events\", \"error\"}

No gateway may have the store: stop it first. Orders that ended before --before leave the store with their executions and
events, brackets only as a whole, and stand in the archive, which export reads with --order-db-path. It is on disk before
anything is taken out. Request ids with what was asked for, order ids, permanent ids and execution ids stay for good: a
request that is repeated is never sent again, it is answered that its order was pruned.

Examples:
  ibkr-orders prune --before 2026-01-01T00:00:00-05:00 --archive /archives/orders-2025.db
  ibkr-orders export --what executions --order-db-path /archives/orders-2025.db";

pub(super) const ACCOUNTS: &str = "\
Prints:
  {\"accounts\", \"error\"}

A store belongs to the accounts of its first login. At a login without one of them nothing is sent; further accounts
beside them are allowed. --pin says anew which they are, while no gateway has the store.

Examples:
  ibkr-orders accounts
  ibkr-orders accounts --pin DU1234567,DU1234568
  ibkr-orders accounts --pin";
