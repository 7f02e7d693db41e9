import { fail, ok, type Result } from '../../domain/failure.ts'
import type { SignedIn } from '../ports/people.ts'
import type { NotSo } from './failures.ts'

/** What changes how somebody signs in takes himself: a program's token is no way to more tokens. */
export const inPerson = ({ session }: SignedIn): Result<void, NotSo> =>
  session.kind === 'browser'
    ? ok(undefined)
    : fail({ reason: 'conflict', message: 'a token cannot do this: sign in with the password' })
