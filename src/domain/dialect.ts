/** Whose wire format a key is spoken for in. */
export type Dialect = keyof typeof DIALECTS

/** What a dialect's keys are like, as far as it is no matter of the wire. */
export interface Traits {
  /**
   * How the secret is kept. `exchanged` for tokens: as an argon2id hash. `presented` at every request:
   * as a keyed digest. `viewable` again: as a digest to find it by, and sealed to be read.
   */
  readonly secret: 'exchanged' | 'presented' | 'viewable'
  /** What a key is made for, beside its owner. */
  readonly belongsTo: 'source' | 'site' | 'developer' | 'owner'
  /** `checked`: ours, with a checksum. `code`: 16 of A–Z and 0–9, because the format leaves no more room. */
  readonly form: 'checked' | 'code'
  /** Whether a key can be removed from the lists. The audit keeps it. */
  readonly deletable: boolean
}

export const DIALECTS = {
  redox: { secret: 'exchanged', belongsTo: 'source', form: 'checked', deletable: false },
  xenrad: { secret: 'presented', belongsTo: 'site', form: 'checked', deletable: false },
  /** A customer key: opens one office's data. */
  opendental: { secret: 'viewable', belongsTo: 'developer', form: 'code', deletable: false },
  /** A developer's own key: opens the list of his customer keys. */
  'opendental-portal': {
    secret: 'presented',
    belongsTo: 'developer',
    form: 'code',
    deletable: false,
  },
  xdent: { secret: 'presented', belongsTo: 'owner', form: 'checked', deletable: true },
  practice: { secret: 'viewable', belongsTo: 'owner', form: 'checked', deletable: true },
} as const satisfies Record<string, Traits>

export const DIALECT_NAMES = Object.keys(DIALECTS) as readonly Dialect[]

export const traitsOf = (dialect: Dialect): Traits => DIALECTS[dialect]
