/** The end of a command's help: command lines that work. */
export const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  $ latchkey ${line}`).join('\n')}`
