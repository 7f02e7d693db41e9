import type { Failure, SurfaceRefusal } from '../domain/failure.ts'
import type { Key } from '../domain/key.ts'
import type { Sunset } from '../domain/sunset.ts'

/** The caller, as the connection identifies them. */
export interface Caller {
  readonly address: string
  readonly requestId: string
  /** The route pattern of the request, which contains no text of the caller. */
  readonly path: string
  /** The key of the request, set when its credential is verified. A verified token identifies its key. */
  keyId?: string
  /** True if the request has a genuine token of an OAuth client. */
  isClient?: boolean
  /** The plan to retire the key that the caller has proven, if there is one. */
  sunset?: Sunset
  readUserAgent?(): string | undefined
}

/** Notes the key that the caller has proven. From then on, each answer to the caller announces its sunset. */
export function identifyKey(caller: Caller, { id, sunset }: Pick<Key, 'id' | 'sunset'>): void {
  caller.keyId = id
  if (sunset !== null) caller.sunset = sunset
}

/** Finds the key that a refusal is about: the one that it names, or the caller's. */
export const findRefusedKeyId = (
  failure: Failure | SurfaceRefusal,
  caller: Caller,
): string | undefined => ('keyId' in failure ? failure.keyId : caller.keyId)
