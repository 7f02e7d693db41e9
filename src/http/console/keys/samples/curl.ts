import { type Piece, type Sample, SECRET, VARIABLE } from './request.ts'

/** For a POSIX shell. An id that another system issued may hold any printable character. */
export function curl({ url, headers, username, fields }: Sample): string {
  const options = [
    ...headers.map(({ name, value }) => `-H ${quoted([`${name}: `, ...value])}`),
    ...(username === null ? [] : [`-u ${quoted([`${username}:`, SECRET])}`]),
    ...fields.map(({ name, value }) => `--data-urlencode ${quoted([`${name}=`, ...value])}`),
  ]
  return `${[`curl -sS ${quoted([url])}`, ...options].join(' \\\n  ')}\n`
}

/** One word: in single quotes nothing means anything, and the secret stands between them. */
const quoted = (pieces: readonly Piece[]): string =>
  joined(pieces)
    .map((piece) => (piece === SECRET ? `"$${VARIABLE}"` : `'${piece.replaceAll("'", `'\\''`)}'`))
    .join('')

/** Texts beside each other are one. */
function joined(pieces: readonly Piece[]): Piece[] {
  const whole: Piece[] = []
  for (const piece of pieces) {
    const before = whole.at(-1)
    if (typeof piece === 'string' && typeof before === 'string')
      whole[whole.length - 1] = before + piece
    else whole.push(piece)
  }
  return whole
}
