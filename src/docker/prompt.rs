//! Questions to the user: a line that is typed, shown or not, and the answer yes. Whoever interrupts one has answered, and nothing is done.

use super::context::Context;
use super::failure::Failure;
use super::signals::Ending;
use super::terminal::NoEcho;

/// Asks for a line.
pub async fn line(c: &Context, question: &str) -> Result<String, Failure> {
    c.print(question);
    let mut ending = Ending::new();
    // The thread is left behind in its `read` when the program ends.
    let typed = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    tokio::select! {
        biased;
        _ = ending.next() => {
            c.line("");
            Err(Failure::silent(0))
        }
        line = typed => match line {
            Ok(line) => Ok(line?.trim().to_owned()),
            Err(_) => Err(Failure::new("standard input could not be read")),
        }
    }
}

/// Asks for a line that is not shown while it is typed.
pub async fn hidden_line(c: &Context, question: &str) -> Result<String, Failure> {
    let _hidden = NoEcho::enter();
    let typed = line(c, question).await?;
    // What the terminal did not show when the line ended.
    c.line("");
    Ok(typed)
}

/// Whether the answer to `question` is yes.
pub async fn confirm(c: &Context, question: &str) -> Result<bool, Failure> {
    Ok(line(c, &format!("{question} [y/N] ")).await?.eq_ignore_ascii_case("y"))
}
