import { z } from 'zod'
import { DAY_MS } from '../domain/instant.ts'
import { KEY_TYPE_NAMES } from '../domain/key-type.ts'
import {
  AUTHENTICATION_METHODS,
  MAX_TOKEN_LIFETIME_SECONDS,
  MIN_TOKEN_LIFETIME_SECONDS,
  type OAuthClient,
  type OAuthClientSettings,
  REPEATED_ASSERTIONS,
  SIGNING_ALGORITHMS,
  TOKEN_TYPE_HEADERS,
} from '../domain/oauth-client.ts'
import { NEW_CLIENT } from '../service/keys/oauth-client.ts'
import type { KeySetReport, ReportedKey } from '../service/oauth/client-keys.ts'
import type { KeySummary } from '../service/ports/keys.ts'
import type { KeyCriteria, KeyListItem, KeyOrder } from '../service/ports/lists.ts'
import {
  accountFilter,
  accountId,
  createdAt,
  existingId,
  id,
  instant,
  instantOrNull,
  name,
  optionalBooleanParameter,
  optionalIdParameter,
} from './fields.ts'

export const keyType = z.enum(KEY_TYPE_NAMES)
export const keyStatus = z.enum(['enabled', 'disabled', 'revoked'])
export const access = z.enum(['read', 'standard', 'enterprise']).meta({
  description: 'What the key may do. `enterprise` is for `opendental` only',
})

export const party = z.enum(['developer', 'customer', 'operator'])

const jsonWebKeySet = z
  .codec(z.looseObject({}), z.string(), {
    decode: (set) => JSON.stringify(set),
    encode: (text) => JSON.parse(text) as Record<string, unknown>,
  })
  .nullable()
  .meta({
    type: ['object', 'null'],
    title: 'JWK Set',
    description: 'A JWK Set with the public keys of the client; null for none',
  })

const oauthClientSettings = {
  authenticationMethod: z
    .enum(AUTHENTICATION_METHODS)
    .meta({ description: 'How the client proves its identity' }),
  jwksUrl: z
    .string()
    .nullable()
    .meta({
      type: ['string', 'null'],
      title: 'JWK Set URL',
      description:
        'Address of the JWK Set of the client, used instead of a pasted one; null for none',
    }),
  jwks: jsonWebKeySet,
  scopes: z.array(z.string()).readonly().meta({
    description: 'Scopes that the client may request, such as `fhir:production system/Patient.rs`',
  }),
  sourceIds: z.array(existingId).readonly().meta({
    title: 'Sources',
    description: 'Ids of the sources that it may send as',
  }),
  siteIds: z.array(existingId).readonly().meta({
    title: 'Sites',
    description: 'Ids of the sites whose data it may access',
  }),
  audience: z
    .string()
    .nullable()
    .meta({
      type: ['string', 'null'],
      description: 'Audience of its access tokens; null for this server',
    }),
  tokenStrategy: z.enum(['jwt', 'opaque']).meta({ description: 'Form of its access tokens' }),
  signingAlgorithm: z
    .enum(SIGNING_ALGORITHMS)
    .meta({ description: 'Algorithm that signs its JWT access tokens' }),
  tokenTypeHeader: z
    .enum(TOKEN_TYPE_HEADERS)
    .meta({ description: 'Type in the header of its JWT access tokens' }),
  tokenLifetimeSeconds: z
    .number()
    .int()
    .min(MIN_TOKEN_LIFETIME_SECONDS)
    .max(MAX_TOKEN_LIFETIME_SECONDS)
    .meta({
      title: 'Token lifetime in seconds',
      description: 'Lifetime of its access tokens',
    }),
  repeatedAssertions: z
    .enum(REPEATED_ASSERTIONS)
    .meta({ description: 'Whether an assertion may be used for several token requests' }),
} satisfies Record<keyof OAuthClientSettings, z.ZodType>

export const newOAuthClient = z
  .strictObject({
    ...oauthClientSettings,
    authenticationMethod: withDefault('authenticationMethod'),
    tokenStrategy: withDefault('tokenStrategy'),
    signingAlgorithm: withDefault('signingAlgorithm'),
    tokenTypeHeader: withDefault('tokenTypeHeader'),
    tokenLifetimeSeconds: withDefault('tokenLifetimeSeconds'),
    repeatedAssertions: withDefault('repeatedAssertions'),
  })
  .partial()
  .meta({ id: 'NewOAuthClient', description: 'What you omit has its default' })
  .optional()

/** Without defaults, which a generated client would send with an edit. */
export const oauthClientChanges = z
  .strictObject(oauthClientSettings)
  .partial()
  .meta({ id: 'OAuthClientChanges', description: 'What you omit stays unchanged' })
  .optional()

function withDefault<Name extends keyof typeof oauthClientSettings>(name: Name) {
  const schema: (typeof oauthClientSettings)[Name] = oauthClientSettings[name]
  return schema.meta({ default: NEW_CLIENT[name] }) as typeof schema
}

const oauthClient = z
  .object({
    ...oauthClientSettings,
    lastRefusal: z
      .object({ at: instant('Time of the refusal'), why: z.string() })
      .nullable()
      .meta({ description: 'The last client assertion that was refused' }),
  } satisfies Record<keyof OAuthClient, z.ZodType>)
  .meta({ id: 'OAuthClient' })

export const key = z
  .object({
    id,
    accountId,
    ownerId: z.string().meta({ description: 'Id of the user who is responsible for the key' }),
    keyType,
    sourceId: z.string().nullable(),
    siteId: z.string().nullable(),
    developerId: z.string().nullable(),
    name,
    description: z.string(),
    reference: z.string().meta({ description: 'Name in another system' }),
    publicId: z
      .string()
      .meta({ description: 'Public id, which is presented with the secret or identifies it' }),
    status: keyStatus,
    disabledBy: party.nullable().meta({
      description: 'The only party that can enable it again',
    }),
    access,
    createdAt,
    assignedAt: instantOrNull('Time of assignment to an office'),
    expiresAt: instantOrNull('Time of expiry'),
    disabledAt: instantOrNull('Time of disabling'),
    revokedAt: instantOrNull('Time of revocation, which is final'),
    secretRotatedAt: instantOrNull('Time of the last secret rotation'),
    previousSecretEndsAt: instantOrNull('Time until which the previous secret works too'),
    lastUsedAt: instantOrNull('Time of the last use, to the minute'),
    sunsetAt: instantOrNull('Time from which its sunset refuses it; null if it has none'),
    oauthClient: oauthClient.nullable(),
    eventId: z.string().meta({
      description:
        'Id of the last change. Send it as `seen` with an edit, to overwrite no other change',
    }),
  } satisfies Record<keyof KeySummary, z.ZodType>)
  .meta({ id: 'Key' })

const nullableText = z.string().nullable()

/** A key in a list, with the names of the resources that it belongs to. */
export const keyListItem = z
  .object({
    ...key.shape,
    accountName: z.string(),
    owner: z.object({
      email: z.string(),
      username: nullableText,
      deactivatedAt: instantOrNull('Time of deactivation; null if the user is active'),
    }),
    siteName: nullableText,
    sourceName: nullableText,
    developerName: nullableText,
  } satisfies Record<keyof KeyListItem, z.ZodType>)
  .meta({ id: 'ListedKey' })

export const keyWithSecret = z
  .object({
    secret: z.string().nullable().meta({
      description:
        'Shown once, unless its type can be viewed again. Null if you sent it, or the key has none',
    }),
    credential: z
      .object({
        as: z.string().meta({ description: 'The header, or the body' }),
        value: z.string(),
      })
      .nullable()
      .meta({ description: 'The secret as the vendor’s program sends it' }),
    endedOverlapAt: instantOrNull('End of the overlap that this rotation cut short').optional(),
    key,
  })
  .meta({ id: 'RevealedKey' })

/** Days since 1970, as a date of RFC 3339. */
export const day = z
  .codec(z.iso.date(), z.number(), {
    decode: (text) => Date.parse(text) / DAY_MS,
    encode: (number) => new Date(number * DAY_MS).toISOString().slice(0, 10),
  })
  .meta({ type: 'string', format: 'date', description: 'In UTC' })

export const dailyKeyUses = z.object({ day, uses: z.number().int() }).meta({ id: 'UsesOfDay' })

/** The highest count; counting more would read the whole table. */
export const KEY_COUNT_LIMIT = 10_000

const KEY_ORDER_NAMES = [
  'newest',
  'oldest',
  'name',
  'lastUsed',
  'leastUsed',
  'expiry',
] as const satisfies readonly KeyOrder[]

export const order = z.enum(KEY_ORDER_NAMES).optional().meta({ default: 'newest' })

/** The filters of key lists and counts. */
export const keyFilterFields = {
  ...accountFilter,
  text: z.string().min(1).max(200).optional().meta({
    description: 'Part of the name, public id, reference, or the owner’s e-mail address',
  }),
  keyType: keyType.optional(),
  status: keyStatus.optional(),
  siteId: optionalIdParameter,
  ownerId: optionalIdParameter,
  developerId: optionalIdParameter,
  unusedSince: instant('Not used since this time').optional(),
  expiresAfter: instant('Expires after this time and before `expiresBefore`').optional(),
  expiresBefore: instant('Expires before this time').optional(),
  ownerLeft: optionalBooleanParameter.meta({
    description: 'True for keys whose owner is deactivated',
  }),
}

type KeyFilterInput = z.output<z.ZodObject<typeof keyFilterFields>>

export function toKeyCriteria({
  expiresAfter,
  expiresBefore,
  ownerLeft,
  ...criteria
}: KeyFilterInput): KeyCriteria {
  const expires =
    expiresBefore === undefined ? undefined : { now: expiresAfter ?? 0, before: expiresBefore }
  return {
    ...criteria,
    expires,
    ownerLeft: ownerLeft === undefined ? undefined : ownerLeft === 'true',
  }
}

export const keySetReport = z
  .object({
    url: z.string().nullable().meta({ description: 'The URL of the set; null for a pasted set' }),
    problem: z.string().nullable().meta({ description: 'Why no key can be used; null if one can' }),
    cacheSeconds: z
      .number()
      .int()
      .nullable()
      .meta({ description: 'Time that the fetched set is kept; null if it was not fetched' }),
    keys: z
      .array(
        z.object({
          kid: z.string().nullable(),
          type: z.string().meta({ description: 'Curve, or RSA with its length' }),
          algorithms: z.array(z.string()).readonly().meta({ description: 'What it can verify' }),
          problem: z
            .string()
            .nullable()
            .meta({ description: 'Why it is refused; null if it is not' }),
        } satisfies Record<keyof ReportedKey, z.ZodType>),
      )
      .readonly(),
  } satisfies Record<keyof KeySetReport, z.ZodType>)
  .meta({ id: 'KeySetReport' })
