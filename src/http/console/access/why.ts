import type { AgainFailure } from '../../../service/people/again.ts'
import type { Busy, Unfit } from '../../../service/people/failures.ts'
import { span } from '../parts/time.ts'

/** Why nothing was changed, for who is signed in. */
export function why(failure: AgainFailure | Unfit | Busy): string {
  switch (failure.reason) {
    case 'wrong':
      return 'that is not your password'
    case 'code_wrong':
      return 'that is not the code of this moment, or it was used before: wait for the next one'
    case 'locked':
      return `too many tries were wrong: the next one is taken in ${span(failure.retryAfterSeconds * 1000)}`
    case 'busy':
      return 'many people sign in at this moment: try again in a few seconds'
    default:
      return failure.message
  }
}
