import type { Busy, NotSo, Unfit, Unproven } from '../../../service/people/failures.ts'
import { span } from '../parts/time.ts'

/** Why nothing was changed, for who is signed in. */
export function why(failure: Unproven | Unfit | NotSo | Busy): string {
  switch (failure.reason) {
    case 'wrong':
      return 'that is not your password'
    case 'locked':
      return `too many tries were wrong: the next one is taken in ${span(failure.retryAfterSeconds * 1000)}`
    case 'busy':
      return 'many people sign in at this moment: try again in a few seconds'
    default:
      return failure.message
  }
}
