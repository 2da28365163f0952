//! Rows on their way out of the database: one COPY after another, decoded where it is read.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use etlplus_core::{Failure, Type};
use futures::stream::{BoxStream, unfold};
use futures::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::catalog::{Place, TableColumn};
use super::connect::Session;
use super::decode::{Decoded, Decoder};
use super::failure::failure;
use super::quoted;
use super::source::declarable_field;
use super::types::PgType;
use crate::check::{arrow_type, cast_without_loss};
use crate::failure::arrow_failure;
use crate::target::Values;

/// Batches that wait to be taken: the sessions work ahead by so many.
pub(super) const WAITING_BATCHES: usize = 2;
/// What is read of each row.
#[derive(Clone)]
pub(super) struct Shape {
    pub(super) schema: SchemaRef,
    pub(super) types: Vec<PgType>,
}

/// What the tasks send. One that panicked sent no end, and what came is not all.
pub(super) fn received<T: Send + 'static>(
    receiver: mpsc::Receiver<Result<T, Failure>>,
    tasks: JoinSet<()>,
) -> BoxStream<'static, Result<T, Failure>> {
    let next = |state| async {
        let (mut receiver, mut tasks): (mpsc::Receiver<_>, JoinSet<()>) = state?;
        if let Some(sent) = receiver.recv().await {
            return Some((sent, Some((receiver, tasks))));
        }
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                return Some((Err(Failure::bug(format!("a session that reads: {error}"))), None));
            }
        }
        None
    };
    unfold(Some((receiver, tasks)), next).boxed()
}

/// Reads one COPY to its end, and sends what `make` makes of its batches; false where nobody listens any more.
pub(super) async fn read_copy<T: Send + 'static>(
    session: &mut Session,
    statement: &str,
    shape: &Shape,
    make: &(impl Fn(Decoded) -> Result<T, Failure> + Sync),
    sender: &mpsc::Sender<Result<T, Failure>>,
) -> Result<bool, Failure> {
    let watch = session.watch();
    let url = session.url().to_owned();
    let wrong = |error: sqlx::Error| failure(&format!("read from {url}"), &error);
    let mut decoder = Decoder::new(shape.schema.clone(), &shape.types);
    let begun = session.connection.copy_out_raw(statement);
    let mut messages = watch.over(begun).await?.map_err(wrong)?;
    loop {
        // Most of the time the next row has come already, and needs no timer.
        let message = match messages.next().now_or_never() {
            Some(message) => message,
            None => watch.over(messages.next()).await?,
        };
        let Some(message) = message else { break };
        decoder.feed(&message.map_err(wrong)?)?;
        if decoder.is_full()
            && let Some(decoded) = decoder.batch()?
            && sender.send(Ok(make(decoded)?)).await.is_err()
        {
            return Ok(false);
        }
    }
    decoder.ensure_ended()?;
    match decoder.batch()? {
        Some(decoded) => Ok(sender.send(Ok(make(decoded)?)).await.is_ok()),
        None => Ok(true),
    }
}

/// The values of a column of a table, as `ty`; what is none of it is left out.
pub(super) fn values(mut session: Session, place: &Place, column: &TableColumn, ty: Type) -> Values {
    let field = declarable_field(column);
    let name = quoted(&column.name);
    let statement =
        format!("COPY (SELECT {name} FROM {} WHERE {name} IS NOT NULL) TO STDOUT (FORMAT binary)", place.sql());
    let shape = Shape { schema: Arc::new(Schema::new(vec![field])), types: vec![column.ty] };
    let (sender, receiver) = mpsc::channel(WAITING_BATCHES);
    let make = move |decoded: Decoded| {
        let (values, _) = cast_without_loss(decoded.batch.column(0), &arrow_type(ty))?;
        let there = arrow::compute::is_not_null(&values).map_err(arrow_failure)?;
        arrow::compute::filter(&values, &there).map_err(arrow_failure)
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        if let Err(failure) = read_copy(&mut session, &statement, &shape, &make, &sender).await {
            // A receiver that is gone has stopped listening on purpose.
            let _ = sender.send(Err(failure)).await;
        }
    });
    received(receiver, tasks)
}
