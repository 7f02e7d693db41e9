const WORD_PATTERN = /[\p{L}\p{N}]{2,}/gu

/**
 * Removes from a text the words that also occur in the message, because values of a message may be
 * patient data. Names of members are kept. `message`: JSON text.
 */
export function redactEcho(text: string, message: string): string {
  const words = new Set(text.match(WORD_PATTERN))
  if (words.size === 0) return text
  const values = new RegExp(
    `(?<![\\p{L}\\p{N}])(?:${[...words].join('|')})(?![\\p{L}\\p{N}]|":)`,
    'giu',
  )
  const echoed = new Set(message.match(values)?.map((word) => word.toLowerCase()))
  return text.replace(WORD_PATTERN, (word) => (echoed.has(word.toLowerCase()) ? '…' : word))
}
