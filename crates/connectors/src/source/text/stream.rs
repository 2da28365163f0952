//! Text files as a stream of checked blocks: one thread cuts, several parse, and the order stays that of the input.

use std::sync::Arc;

use etlplus_core::Failure;
use futures::stream::{BoxStream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::{Block, BlockReader, Malformed, TextInput};
use crate::check::{CheckPlan, Checked};
use crate::source::{Reader, SourceFile, parallel_blocks, received};

/// Blocks that wait for a parser. Two let the cutter work ahead of a parser that is late, and cost two blocks of memory.
const WAITING_BLOCKS: usize = 2;

/// What a text format adds to blocks of records.
pub(crate) trait TextFormat: Send + Sync + 'static {
    /// What a file says about itself before its first record.
    type Layout: Send + Sync + 'static;

    /// What each row keeps.
    fn plan(&self) -> Arc<CheckPlan>;

    /// What a file that begins with the record `header` says about itself; the rows in `file` came from it.
    fn layout(&self, header: Option<&str>, file: &SourceFile) -> Result<Self::Layout, Failure>;

    /// Looks at a text that should be one record.
    fn one_record(&self, raw: &[u8]) -> OneRecord;

    /// The fewest bytes that a row without a mistake has, with its line end.
    fn least_row_bytes(&self) -> u64;

    /// Opens a file and passes over what is no record.
    fn start(&self, file: &SourceFile) -> Result<(BlockReader<TextInput>, Self::Layout), Failure>;

    /// Takes the records of a block apart and checks them.
    fn check(
        &self,
        file: Arc<SourceFile>,
        layout: Arc<Self::Layout>,
        block: Block,
        plan: &CheckPlan,
    ) -> Result<Checked, Failure>;
}

/// What a text that should be one record is.
pub(crate) enum OneRecord {
    /// One record without what follows `end`, a line end; with the reason why it cannot be read, if so.
    Ends { end: usize, malformed: Option<Malformed> },
    /// More than one.
    Several,
}

/// Reads text files one after another.
pub(crate) struct TextReader<F> {
    format: F,
    files: Vec<Arc<SourceFile>>,
    is_as_it_is: bool,
}

impl<F: TextFormat> TextReader<F> {
    /// Looks at the start of each file.
    pub(crate) fn new(format: F, files: Vec<Arc<SourceFile>>) -> Result<Self, Failure> {
        let mut is_as_it_is = true;
        for file in &files {
            is_as_it_is &= format.start(file)?.0.is_as_it_is();
        }
        Ok(Self { format, files, is_as_it_is })
    }
}

type Cut<L> = Result<(Arc<SourceFile>, Arc<L>, Block), Failure>;

impl<F: TextFormat> Reader for TextReader<F> {
    fn least_row_bytes(&self) -> Option<u64> {
        self.is_as_it_is.then(|| self.format.least_row_bytes())
    }

    fn read(self: Box<Self>, plan: Arc<CheckPlan>) -> BoxStream<'static, Result<Checked, Failure>> {
        let Self { format, files, .. } = *self;
        let format = Arc::new(format);
        let (sender, receiver) = mpsc::channel(WAITING_BLOCKS);
        let cutter = format.clone();
        let cutting = spawn_blocking(move || {
            if let Err(failure) = cut(&*cutter, files, &sender) {
                // A receiver that is gone has stopped listening on purpose.
                let _ = sender.blocking_send(Err(failure));
            }
        });
        let blocks = received(receiver, cutting, |reason| Failure::bug(format!("a reader ended early: {reason}")));
        blocks.map(move |cut| check(format.clone(), plan.clone(), cut)).buffered(parallel_blocks()).boxed()
    }
}

/// Cuts every file into blocks, until all are read or nobody listens.
fn cut<F: TextFormat>(
    format: &F,
    files: Vec<Arc<SourceFile>>,
    sender: &mpsc::Sender<Cut<F::Layout>>,
) -> Result<(), Failure> {
    for file in files {
        let (mut reader, layout) = format.start(&file)?;
        let layout = Arc::new(layout);
        while let Some(block) = reader.next().map_err(|error| file.read_failure(&error))? {
            if sender.blocking_send(Ok((file.clone(), layout.clone(), block))).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn check<F: TextFormat>(format: Arc<F>, plan: Arc<CheckPlan>, cut: Cut<F::Layout>) -> Result<Checked, Failure> {
    let (file, layout, block) = cut?;
    let checked = spawn_blocking(move || format.check(file, layout, block, &plan)).await;
    checked.map_err(|error| Failure::bug(format!("a parser ended early: {error}")))?
}
