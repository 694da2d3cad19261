//! scratch
use townkeeper_knowledge::*;
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let mut v = vec![];
    let mut names: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for p in names { let t = std::fs::read_to_string(&p).unwrap(); match parse(p.to_str().unwrap(), &t) { Ok(e) => v.push((p.display().to_string(), e)), Err(e) => println!("{e}") } }
    let t = std::time::Instant::now();
    let b = Base::build(v).unwrap();
    println!("{} entries, threshold {:.3}, built {:?}", b.len(), b.threshold(), t.elapsed());
    for q in std::io::stdin().lines() { let q = q.unwrap(); if q.is_empty() {println!(); continue;} let l = b.look_up(&q);
        print!("{:.2} {:24} | {q} |", l.hits.first().map_or(0.0,|h|h.score)-0.5*l.hits.get(1).map_or(0.0,|h|h.score), l.answer.map_or("-", |e| e.id.as_str()));
        for h in l.hits.iter().take(3) { print!(" {} {:.2}", h.entry.id, h.score); } println!(); }
}
