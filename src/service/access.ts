import { createAgain } from './people/again.ts'
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
  const secondFactor = createSecondFactor(deps)
  const proof = createProof(deps, secondFactor)
  return Object.assign(createSignIn(deps, proof), createWelcome(deps), {
    again: createAgain(proof),
    sessions: createSessions(deps),
    passwords: createPasswords(deps),
    tokens: createTokens(deps),
    secondFactor,
  })
}

export type Access = ReturnType<typeof createAccess>
