/** One part of a header or a field: text as it stands, or the secret, wherever it comes from. */
export type Piece = string | typeof SECRET

export const SECRET = Symbol('the secret')

/** One request, before it is written in a language. */
export interface Sample {
  /** What it does, as a sentence. */
  readonly does: string
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: readonly { readonly name: string; readonly value: readonly Piece[] }[]
  /** HTTP Basic: who, before the secret. */
  readonly username: string | null
  /** A form, field by field. */
  readonly fields: readonly { readonly name: string; readonly value: readonly Piece[] }[]
}

/** Where each sample reads the secret. */
export const VARIABLE = 'LATCHKEY_SECRET'
