//! The order in which lookups that read other lookups are made.

use etlplus_core::Mistake;
use etlplus_core::pipeline::Lookup;

/// For each lookup the names that it reads. Returns the numbers of the lookups in an order in which each comes after what
/// it reads, and a mistake for each circle.
pub(crate) fn lookup_order(lookups: &[Lookup], reads: &[Vec<String>]) -> Result<Vec<usize>, Vec<Mistake>> {
    let mut walk =
        Walk { lookups, reads, marks: vec![Mark::New; lookups.len()], order: Vec::new(), circles: Vec::new() };
    for index in 0..lookups.len() {
        walk.visit(index, &mut Vec::new());
    }
    if walk.circles.is_empty() { Ok(walk.order) } else { Err(walk.circles) }
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

struct Walk<'a> {
    lookups: &'a [Lookup],
    reads: &'a [Vec<String>],
    marks: Vec<Mark>,
    order: Vec<usize>,
    circles: Vec<Mistake>,
}

impl Walk<'_> {
    /// Depth first; `path` leads from the lookup where the walk began to this one.
    fn visit(&mut self, index: usize, path: &mut Vec<usize>) {
        match self.marks[index] {
            Mark::Done => return,
            Mark::Open => {
                self.circles.push(self.circle(index, path));
                return;
            }
            Mark::New => {}
        }
        self.marks[index] = Mark::Open;
        path.push(index);
        for name in &self.reads[index] {
            if let Some(read) = self.lookups.iter().position(|lookup| lookup.name == *name) {
                self.visit(read, path);
            }
        }
        path.pop();
        self.marks[index] = Mark::Done;
        self.order.push(index);
    }

    fn circle(&self, index: usize, path: &[usize]) -> Mistake {
        let lookup = &self.lookups[index];
        let start = path.iter().position(|step| *step == index).unwrap_or(0);
        let names = path[start..].iter().chain([&index]).map(|step| self.lookups[*step].name.as_str());
        Mistake {
            position: lookup.position,
            key: format!("lookups.{}", lookup.name),
            message: format!("lookups lead in a circle: {}", names.collect::<Vec<_>>().join(" -> ")),
            remedy: "let one of them read a file, or the other lookups only".to_owned(),
        }
    }
}
