import type { SurfaceFailure } from '../domain/failure.ts'
import type { Authenticate } from '../service/authenticate.ts'
import type { SurfaceDialect } from './dialect.ts'
import type { Gate } from './forward-auth.ts'

/** A credential that comes with every request, where a proxy asks about it. */
export const surfaceGate = (dialect: SurfaceDialect, authenticate: Authenticate): Gate => ({
  name: dialect.name,
  claims: dialect.claims,
  mayClaim: dialect.mayClaim ?? (() => false),
  async judge(headers, caller) {
    const credential = dialect.read(headers)
    return credential.ok ? authenticate(credential.value, caller) : credential
  },
  // It is handed what its own judge has answered, and nothing else.
  refuse: (failure, path) => dialect.refuse(failure as SurfaceFailure, path),
  broken: dialect.broken,
})
