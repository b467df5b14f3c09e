//! Indexes over a text that answer the lexer's questions without another scan.

/// Finds the next byte of a kind; cheap when asked in rising order.
pub struct Finder<'t> {
    bytes: &'t [u8],
    wanted: fn(u8) -> bool,
    /// The last answer holds for every question in this range.
    from: usize,
    found: Option<usize>,
    asked: bool,
}

impl<'t> Finder<'t> {
    pub fn new(text: &'t str, wanted: fn(u8) -> bool) -> Self {
        Finder { bytes: text.as_bytes(), wanted, from: 0, found: None, asked: false }
    }

    /// The first place at or after `from`.
    pub fn next(&mut self, from: usize) -> Option<usize> {
        if self.asked && from >= self.from && self.found.is_none_or(|f| f >= from) {
            return self.found;
        }
        self.asked = true;
        self.from = from;
        self.found = self.bytes.get(from..).and_then(|b| b.iter().position(|b| (self.wanted)(*b))).map(|n| from + n);
        self.found
    }
}

/// For each `[` the `]` that balances it, escapes and code notwithstanding.
pub struct Brackets {
    /// In rising order of the opening bracket.
    pairs: Vec<(usize, usize)>,
}

impl Brackets {
    pub fn new(text: &str) -> Self {
        let mut pairs = Vec::new();
        let mut open = Vec::new();
        for at in memchr::memchr2_iter(b'[', b']', text.as_bytes()) {
            if text.as_bytes()[at] == b'[' {
                open.push(at);
            } else if let Some(start) = open.pop() {
                pairs.push((start, at));
            }
        }
        pairs.sort_unstable();
        Brackets { pairs }
    }

    pub fn close(&self, open: usize) -> Option<usize> {
        self.pairs.binary_search_by_key(&open, |p| p.0).ok().map(|i| self.pairs[i].1)
    }
}

/// The runs of three or more backticks or tildes that end a line: where a fence may close.
pub struct Fences {
    backticks: Runs,
    tildes: Runs,
    /// The last end that was asked for, and the end of its text without final spaces.
    tail: (usize, usize),
}

impl Fences {
    pub fn new(text: &str) -> Self {
        Fences { backticks: Runs::new(text.as_bytes(), b'`'), tildes: Runs::new(text.as_bytes(), b'~'), tail: (0, 0) }
    }

    /// The end of the first closing mark of `length` bytes that starts at or after `from`. `bytes` is cut where the text ends: a
    /// run there counts too.
    pub fn close(&mut self, bytes: &[u8], byte: u8, length: usize, from: usize) -> Option<usize> {
        let runs = if byte == b'`' { &self.backticks } else { &self.tildes };
        runs.first(from + length, length).filter(|end| *end <= bytes.len()).or_else(|| {
            if self.tail.0 != bytes.len() {
                self.tail = (bytes.len(), bytes.len() - bytes.iter().rev().take_while(|b| **b == b' ').count());
            }
            let end = self.tail.1;
            let run = bytes[..end].iter().rev().take(length).take_while(|b| **b == byte).count();
            (run == length && end >= from + length).then_some(end)
        })
    }
}

/// Ends and lengths of runs, with the greatest length of every stretch (a segment tree).
struct Runs {
    ends: Vec<usize>,
    tree: Vec<usize>,
    leaves: usize,
}

impl Runs {
    fn new(bytes: &[u8], byte: u8) -> Self {
        let mut ends = Vec::new();
        let mut lengths = Vec::new();
        // Many decks have only one of the two marks.
        let lines = if memchr::memmem::find(bytes, &[byte; 3]).is_some() { bytes } else { &[] };
        for line_end in memchr::memchr_iter(b'\n', lines).chain([lines.len()]) {
            // Nearly every line ends otherwise.
            if !bytes[..line_end].last().is_some_and(|b| *b == byte || *b == b' ') {
                continue;
            }
            let end = line_end - bytes[..line_end].iter().rev().take_while(|b| **b == b' ').count();
            let length = bytes[..end].iter().rev().take_while(|b| **b == byte).count();
            if length >= 3 {
                ends.push(end);
                lengths.push(length);
            }
        }
        let leaves = lengths.len().next_power_of_two();
        let mut tree = vec![0; leaves];
        tree.extend(&lengths);
        tree.resize(2 * leaves, 0);
        for i in (1..leaves).rev() {
            tree[i] = tree[2 * i].max(tree[2 * i + 1]);
        }
        Runs { ends, tree, leaves }
    }

    /// The first run that ends at or after `from` and has at least `length` bytes.
    fn first(&self, from: usize, length: usize) -> Option<usize> {
        let index = self.ends.partition_point(|end| *end < from);
        if index >= self.ends.len() {
            return None;
        }
        let mut node = self.leaves + index;
        while self.tree[node] < length {
            // Up while this is a right child, then over to the next stretch.
            while node & 1 == 1 {
                node >>= 1;
            }
            if node == 0 {
                return None;
            }
            node += 1;
            if node & (node - 1) == 0 {
                return None;
            }
        }
        while node < self.leaves {
            node *= 2;
            if self.tree[node] < length {
                node += 1;
            }
        }
        Some(self.ends[node - self.leaves])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_balance_as_remark_counts_them() {
        let brackets = Brackets::new("]a[b[c]d");
        assert_eq!((brackets.close(2), brackets.close(4)), (None, Some(6)));
    }

    #[test]
    fn the_first_long_enough_run_closes() {
        let text = "```\n`````\n````\n```";
        let runs = Runs::new(text.as_bytes(), b'`');
        assert_eq!(runs.first(0, 3), Some(3));
        assert_eq!(runs.first(4, 4), Some(9));
        assert_eq!(runs.first(10, 4), Some(14));
        assert_eq!(runs.first(15, 4), None);
        assert_eq!(runs.first(15, 3), Some(18));
    }
}
