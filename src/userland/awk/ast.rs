//! A program as the parser leaves it: names are places already, and nothing is left to look up by name.

use std::rc::Rc;

use super::{lexer::Builtin, value::Value};

/// Where a variable is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Global(usize),
    /// In the frame of the function that is running.
    Local(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug)]
pub enum Expr {
    Constant(Value),
    /// On its own: whether the record matches.
    Pattern(Rc<super::regex::Regex>),
    Variable(Slot),
    /// An element; several subscripts are joined.
    Element(Slot, Vec<Expr>),
    Field(Box<Expr>),
    /// Several in brackets: what `print` and `in` take, and else one joined subscript.
    Group(Vec<Expr>),
    /// One in brackets: a value, and neither a place nor a list.
    Bracketed(Box<Expr>),
    Assign(Box<Expr>, Box<Expr>),
    Update(Operator, Box<Expr>, Box<Expr>),
    /// `++` and `--`: what is added, and whether the value is the one before.
    Step(f64, bool, Box<Expr>),
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Positive(Box<Expr>),
    Calculate(Operator, Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Join(Box<Expr>, Box<Expr>),
    /// `~`, and `!~` where the answer is turned.
    Matches(bool, Box<Expr>, Box<Expr>),
    In(Vec<Expr>, Slot),
    Call(usize, Vec<Expr>),
    Builtin(Builtin, Vec<Expr>),
    Getline(From, Option<Box<Expr>>),
}

/// Where `getline` reads.
#[derive(Debug)]
pub enum From {
    Main,
    File(Box<Expr>),
    Command(Box<Expr>),
}

/// Where `print` writes.
#[derive(Debug)]
pub enum To {
    Output,
    File(Expr),
    Append(Expr),
    Command(Expr),
}

#[derive(Debug)]
pub struct Stmt {
    pub line: u32,
    pub kind: Kind,
}

#[derive(Debug)]
pub enum Kind {
    Expr(Expr),
    Print(Vec<Expr>, To),
    Printf(Vec<Expr>, To),
    If(Expr, Box<Stmt>, Option<Box<Stmt>>),
    While(Expr, Box<Stmt>),
    Do(Box<Stmt>, Expr),
    For(Option<Box<Stmt>>, Option<Expr>, Option<Box<Stmt>>, Box<Stmt>),
    Walk(Slot, Slot, Box<Stmt>),
    Block(Vec<Stmt>),
    Next,
    NextFile,
    Exit(Option<Expr>),
    Return(Option<Expr>),
    Break,
    Continue,
    Delete(Slot, Option<Vec<Expr>>),
}

#[derive(Debug)]
pub enum When {
    Begin,
    End,
    Always,
    If(Expr),
    /// From a record to a record; which of the program's ranges it is.
    Range(Expr, Expr, usize),
}

#[derive(Debug)]
pub struct Rule {
    pub when: When,
    pub line: u32,
    /// Without a body the record is printed.
    pub body: Option<Stmt>,
}

#[derive(Debug, Default)]
pub struct Function {
    pub parameters: usize,
    /// Missing while the function is only called.
    pub body: Option<Stmt>,
}

#[derive(Debug, Default)]
pub struct Program {
    pub rules: Vec<Rule>,
    pub functions: Vec<Function>,
    /// The names of the variables, by their places.
    pub globals: Vec<String>,
    pub ranges: usize,
}

/// The variables that awk itself knows, by their places.
pub const SPECIAL: &[&str] = &[
    "NF",
    "NR",
    "FNR",
    "FS",
    "OFS",
    "RS",
    "ORS",
    "FILENAME",
    "SUBSEP",
    "CONVFMT",
    "OFMT",
    "RSTART",
    "RLENGTH",
    "ENVIRON",
    "ARGC",
    "ARGV",
    "IGNORECASE",
];
pub const NF: usize = 0;
pub const NR: usize = 1;
pub const FNR: usize = 2;
pub const FS: usize = 3;
pub const OFS: usize = 4;
pub const RS: usize = 5;
pub const ORS: usize = 6;
pub const FILENAME: usize = 7;
pub const SUBSEP: usize = 8;
pub const CONVFMT: usize = 9;
pub const OFMT: usize = 10;
pub const RSTART: usize = 11;
pub const RLENGTH: usize = 12;
pub const ENVIRON: usize = 13;
pub const ARGC: usize = 14;
pub const ARGV: usize = 15;
pub const IGNORECASE: usize = 16;
