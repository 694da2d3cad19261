//! What is ours, and by which everything else is measured.

/// Fed by the canonical base and by the directory of staff.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Our hosts, lower-case punycode; what lies below one of them is ours too.
    pub hosts: Vec<String>,
    /// Our contracts and wallets, byte for byte.
    pub addresses: Vec<String>,
    /// The names we go by: `lumen`, `LUM`. Matched folded, in hosts and in texts.
    pub brands: Vec<String>,
    /// Moderators and our bots, by whom others may not pass themselves off.
    pub staff: Vec<Staff>,
}

/// One of us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Staff {
    /// The platform's ids of this person: who carries one is no impostor.
    pub ids: Vec<String>,
    /// Names and handles, as given by whoever knows them: whatever is like one is taken for a copy.
    pub names: Vec<String>,
    /// What platforms show of their accounts, names and handles: of those only what is hardly anybody else's counts.
    pub shown: Vec<String>,
}
