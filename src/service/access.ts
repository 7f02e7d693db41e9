import type { AccessDeps } from './people/deps.ts'
import { createPasswords } from './people/passwords.ts'
import { createProof } from './people/prove.ts'
import { createSecondFactor } from './people/second-factor.ts'
import { createSessions } from './people/sessions.ts'
import { createSignIn } from './people/sign-in.ts'
import { createTokens } from './people/tokens.ts'
import { createWelcome } from './people/welcome.ts'

/** How people come in, stay in, and look after their own access. What they may do then is their role's. */
export function createAccess(deps: AccessDeps) {
  const proof = createProof(deps)
  const secondFactor = createSecondFactor(deps, proof)
  return Object.assign(createSignIn(deps, proof, secondFactor), createWelcome(deps), {
    sessions: createSessions(deps),
    passwords: createPasswords(deps, proof),
    tokens: createTokens(deps),
    secondFactor,
  })
}

export type Access = ReturnType<typeof createAccess>
