import type { Interface } from 'node:readline/promises'

/** One line from a terminal; empty where the person ends the input (Ctrl-D) or leaves (Ctrl-C). */
export async function answerTo(terminal: Interface, question: string): Promise<string> {
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
  const typed = terminal.question(question).catch(() => '')
  const answer = await Promise.race([typed, closed])
  terminal.close()
  return answer
}
