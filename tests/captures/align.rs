//! Two sequences of messages side by side: runs of the same message become one item with a count, and items that are there on
//! both sides are matched so that as much as possible agrees.

/// A message, or openOrder and orderStatus together, so many times in a row.
#[derive(Clone, Debug)]
pub(crate) struct Item<M> {
    /// Kind and the word that tells one from another: "orderStatus Cancelled".
    pub(crate) key: String,
    /// One message, or the two of a pair; more where a list of rows became one item.
    pub(crate) messages: Vec<M>,
    pub(crate) times: usize,
}

/// What is needed of a message to put it into an item.
pub(crate) trait Entry: Clone {
    fn kind(&self) -> &str;
    /// "Cancelled", "202": empty where the kind says it all.
    fn word(&self) -> String;
    fn is_same(&self, other: &Self) -> bool;
}

/// The items of a sequence. `lists` are kinds whose rows become one item.
pub(crate) fn items<M: Entry>(messages: &[M], lists: &[String]) -> Vec<Item<M>> {
    let mut items: Vec<Item<M>> = Vec::new();
    let mut at = 0;
    while at < messages.len() {
        let first = &messages[at];
        let follower = messages.get(at + 1);
        let is_pair =
            first.kind() == "openOrder" && follower.is_some_and(|m| m.kind() == "orderStatus");
        let is_row = lists.iter().any(|list| list == first.kind());
        let item = if is_pair {
            let status = &messages[at + 1];
            Item {
                key: format!("openOrder+orderStatus {}", status.word()),
                messages: vec![first.clone(), status.clone()],
                times: 1,
            }
        } else {
            let word = if is_row { String::new() } else { first.word() };
            Item {
                key: format!("{} {word}", first.kind()).trim_end().to_owned(),
                messages: vec![first.clone()],
                times: 1,
            }
        };
        at += item.messages.len();
        match items.last_mut() {
            Some(last) if is_row && last.key == item.key => last.messages.extend(item.messages),
            Some(last) if last.key == item.key && is_same(last, &item) => last.times += 1,
            _ => items.push(item),
        }
    }
    items
}

fn is_same<M: Entry>(left: &Item<M>, right: &Item<M>) -> bool {
    left.messages.len() == right.messages.len()
        && left
            .messages
            .iter()
            .zip(&right.messages)
            .all(|(left, right)| left.is_same(right))
}

/// One step through both sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Both(usize, usize),
    Wanted(usize),
    Got(usize),
}

/// The longest common subsequence by key; among equals the one in which `agrees` holds most often.
pub(crate) fn align<A, B>(
    wanted: &[Item<A>],
    got: &[Item<B>],
    agrees: impl Fn(&Item<A>, &Item<B>) -> bool,
) -> Vec<Step> {
    let (rows, columns) = (wanted.len(), got.len());
    let weight = |row: usize, column: usize| match (&wanted[row], &got[column]) {
        (wanted, got) if wanted.key != got.key => 0,
        (wanted, got) => 1000 + usize::from(agrees(wanted, got)),
    };
    let mut best = vec![vec![0_usize; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            let both = match weight(row, column) {
                0 => 0,
                weight => weight + best[row + 1][column + 1],
            };
            best[row][column] = both.max(best[row + 1][column]).max(best[row][column + 1]);
        }
    }
    let (mut row, mut column, mut steps) = (0, 0, Vec::new());
    while row < rows && column < columns {
        let weight = weight(row, column);
        if weight > 0 && best[row][column] == weight + best[row + 1][column + 1] {
            steps.push(Step::Both(row, column));
            row += 1;
            column += 1;
        } else if best[row][column] == best[row + 1][column] {
            steps.push(Step::Wanted(row));
            row += 1;
        } else {
            steps.push(Step::Got(column));
            column += 1;
        }
    }
    steps.extend((row..rows).map(Step::Wanted));
    steps.extend((column..columns).map(Step::Got));
    steps
}
