/** Whose wire format a key is spoken for in. */
export type KeyType = keyof typeof KEY_TYPES

/** What a dialect's keys are like, as far as it is no matter of the wire. */
export interface KeyTypeTraits {
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

export const KEY_TYPES = {
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
} as const satisfies Record<string, KeyTypeTraits>

export const KEY_TYPE_NAMES = Object.keys(KEY_TYPES) as readonly KeyType[]

export const getKeyTypeTraits = (keyType: KeyType): KeyTypeTraits => KEY_TYPES[keyType]

/** What a caller presents at every request, one shape a dialect. */
export type Credential =
  /** The secret alone: the server finds the key, and with it the site. */
  | { readonly dialect: 'xenrad'; readonly secret: string }
  /** A secret under a developer's key; it opens nothing under another's. */
  | { readonly dialect: 'opendental'; readonly developerKey: string; readonly secret: string }
  /** An id and a secret. The secret is null where only the id came. */
  | { readonly dialect: 'xdent'; readonly publicId: string; readonly secret: string | null }
  /** The owner's username and a secret. */
  | { readonly dialect: 'practice'; readonly username: string; readonly secret: string }

/** What is guarded on behalf of a service that stands behind: each surface has one upstream. */
export const SURFACES = ['fhir', 'hl7', 'mpps', 'opendental', 'xdent', 'practice'] as const

export type Surface = (typeof SURFACES)[number]

/** The setting in which the operator names a surface's upstream. */
export const getUpstreamSettingName = <S extends Surface>(surface: S) =>
  `LATCHKEY_UPSTREAM_${surface.toUpperCase() as Uppercase<S>}` as const
