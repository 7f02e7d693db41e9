import { ok } from '../../domain/failure.ts'
import type { Guard } from '../../service/guard.ts'
import { bearerToken } from '../bearer.ts'
import type { Gate } from '../forward-auth.ts'
import { type Refusal, refuse, refuseBroken } from './refusals.ts'

export interface RedoxGateDeps {
  readonly guard: Guard
  readonly serial: () => number
  readonly subscriptionsUrl: string
}

/** An access token, where a proxy asks about it. */
export function redoxGate({ guard, serial, subscriptionsUrl }: RedoxGateDeps): Gate {
  const refusal = (): Refusal => ({ echo: undefined, serial: serial(), subscriptionsUrl })
  return {
    name: 'redox',
    claims: (headers) => /^bearer(?: |$)/i.test(headers.get('authorization') ?? ''),
    async judge(headers, caller) {
      const token = bearerToken(headers.get('authorization'))
      if (!token.ok) return token
      const principal = await guard(token.value, caller.address)
      if (!principal.ok) return principal
      caller.keyId = principal.value.key.id
      return ok(principal.value.key)
    },
    refuse: (failure) => refuse(failure, refusal()),
    broken: () => refuseBroken(refusal()),
  }
}
