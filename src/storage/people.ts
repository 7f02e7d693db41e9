import type { PeopleStorage } from '../service/ports/people.ts'
import type { Audit } from './audit.ts'
import type { Compiler, Engine } from './engine.ts'
import { createFailures } from './people/failures.ts'
import { createFirstOperator } from './people/first-operator.ts'
import { createPasswords } from './people/passwords.ts'
import { createSecondFactor } from './people/second-factor.ts'
import { createSessions } from './people/sessions.ts'

/** People who sign in. */
export const createPeople = (engine: Engine, compiler: Compiler, audit: Audit): PeopleStorage => ({
  ...createSessions(engine, compiler),
  ...createPasswords(engine, compiler, audit),
  ...createFirstOperator(engine, compiler, audit),
  ...createSecondFactor(engine, compiler, audit),
  ...createFailures(engine, compiler),
})
