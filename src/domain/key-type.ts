/** The type of a key, which selects its wire format. */
export type KeyType = keyof typeof KEY_TYPES

/** The properties of a key type that do not depend on its wire format. */
export interface KeyTypeTraits {
  /**
   * The storage of the secret. `exchanged` for tokens: an argon2id hash. `presented` at every request:
   * a keyed digest. `viewable`: a digest for lookups, and a sealed copy for display. (An OAuth client
   * that signs assertions has no secret.)
   */
  readonly secret: 'exchanged' | 'presented' | 'viewable'
  /** The resource that a key belongs to, besides its owner. */
  readonly belongsTo: 'source' | 'site' | 'developer' | 'owner'
  /**
   * `checked`: created here, with a checksum. `code`: 16 of A–Z and 0–9, because the wire format has
   * no more room.
   */
  readonly form: 'checked' | 'code'
  /** True if the secret alone finds the key, so that an imported hash of it must not have a salt. */
  readonly foundBySecret?: true
  /** True if a key can be deleted from the lists. The audit keeps its events. */
  readonly deletable: boolean
}

export const KEY_TYPES = {
  redox: { secret: 'exchanged', belongsTo: 'source', form: 'checked', deletable: false },
  xenrad: {
    secret: 'presented',
    belongsTo: 'site',
    form: 'checked',
    foundBySecret: true,
    deletable: false,
  },
  /** A customer key: gives access to one office's data. */
  opendental: { secret: 'viewable', belongsTo: 'developer', form: 'code', deletable: false },
  /** A developer's own key: gives access to the list of their customer keys. */
  'opendental-portal': {
    secret: 'presented',
    belongsTo: 'developer',
    form: 'code',
    deletable: false,
  },
  xdent: { secret: 'presented', belongsTo: 'owner', form: 'checked', deletable: true },
  practice: { secret: 'viewable', belongsTo: 'owner', form: 'checked', deletable: true },
  /** An OAuth client (RFC 6749 §2), which may use several sources and sites. */
  oauth: { secret: 'exchanged', belongsTo: 'owner', form: 'checked', deletable: false },
} as const satisfies Record<string, KeyTypeTraits>

export const KEY_TYPE_NAMES = Object.keys(KEY_TYPES) as readonly KeyType[]

export const getKeyTypeTraits = (keyType: KeyType): KeyTypeTraits => KEY_TYPES[keyType]

/** The credential that a caller presents at every request, by key type. */
export type Credential =
  /** The secret alone. The server finds the key, and with it the site. */
  | { readonly keyType: 'xenrad'; readonly secret: string }
  /** A secret under a developer's key. It gives no access under another developer's key. */
  | { readonly keyType: 'opendental'; readonly developerKey: string; readonly secret: string }
  /** An id and a secret. The secret is null if the request has only the id. */
  | { readonly keyType: 'xdent'; readonly publicId: string; readonly secret: string | null }
  /** The owner's username and a secret. */
  | { readonly keyType: 'practice'; readonly username: string; readonly secret: string }

/** The guarded surfaces. Each has one upstream service. */
export const SURFACES = ['fhir', 'hl7', 'mpps', 'opendental', 'xdent', 'practice'] as const

export type Surface = (typeof SURFACES)[number]

/** Returns the name of the setting that configures a surface's upstream. */
export const getUpstreamSettingName = <S extends Surface>(surface: S) =>
  `LATCHKEY_UPSTREAM_${surface.toUpperCase() as Uppercase<S>}` as const
