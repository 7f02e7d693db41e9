import { isPending } from './instant.ts'

/** So often somebody may be wrong in a row before each further time costs a wait: from one place, or from anywhere. */
export const FREE_FAILURES = { here: 4, anywhere: 49 } as const

/**
 * So often the owner may be wrong in a row at a browser that is known to be his, whatever strangers do.
 * Then it is a browser like any other, for a day or until he has signed in.
 */
export const KNOWN_DEVICE_FAILURES = 5

/** How many usernames the holder of an invitation may try before an administrator must set one. */
export const MAX_USERNAME_TRIES = 5

/** What is counted of a name: from one neighbourhood of addresses, or from all of them. */
export type Counted = keyof typeof FREE_FAILURES

const FIRST_WAIT_MS = 1000
const LONGEST_WAIT_MS = 15 * 60 * 1000

/** Without another one for so long, failures are forgotten. */
export const FAILURES_FORGOTTEN_MS = 24 * 60 * 60 * 1000

/**
 * The wait after so many failures in a row: none at first, then a second, doubled each time. NIST
 * SP 800-63B §5.2.2 wants the rate of guesses limited; a lock for good would be the guesser's to use.
 */
export function waitAfter(failures: number, counted: Counted): number {
  const costly = failures - FREE_FAILURES[counted]
  if (costly <= 0) return 0
  // Past 2^10 the longest wait is reached: an exponent has no business being larger.
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(costly - 1, 10))
}

/** How long from now until the next try is taken; 0 where it may be now. */
export function lockedFor(
  { count, lastAt }: { readonly count: number; readonly lastAt: number },
  counted: Counted,
  now: number,
): number {
  const wait = waitAfter(count, counted)
  // Without a wait, a failure that a faster clock has written would lock until this clock is there.
  if (wait === 0) return 0
  const endsAt = lastAt + wait
  return isPending(endsAt, wait, now) ? endsAt - now : 0
}
