import type { Operation } from '../../operations/define.ts'

/**
 * The messages that a page shows after a form, by the operation that the form performed. The URL carries
 * only the operation's name, so that the author of a link cannot choose the text.
 */
const FLASH_TEXTS = {
  saved: 'The change was saved.',
  'password-set': 'Your password is set. Sign in with it.',
  'password-changed':
    'Your password is changed. All your other sessions and API tokens have ended.',
  'session-ended': 'The session or API token has ended. Its next request is refused.',
  'second-factor-removed': 'The second factor was removed. You sign in with your password alone.',
  'keys.create': 'The key was created.',
  'keys.edit': 'The key was changed.',
  'keys.disable': 'The key is disabled. Its next request is refused.',
  'keys.enable': 'The key is enabled.',
  'keys.revoke': 'The key is revoked permanently. Its next request is refused.',
  'keys.delete': 'The key was deleted. The audit keeps its record.',
  'keys.rotateSecret': 'The secret was replaced with yours.',
  'keys.assign': 'The key is assigned.',
  'keys.unassign': 'The key is unassigned.',
  'sites.delete': 'The site was deleted. The audit keeps its events.',
  'developers.delete': 'The developer was deleted. The audit keeps its events.',
  'users.delete': 'The user was deleted. The audit keeps their events.',
  'accounts.delete': 'The account was deleted. The audit keeps its events.',
  'sources.delete': 'The source was deleted. The audit keeps its events.',
  'destinations.delete': 'The destination was deleted. The audit keeps its events.',
  'subscriptions.delete': 'The subscription was deleted. The audit keeps its events.',
  'sites.create': 'The site was added. You can create keys for it.',
  'developers.create': 'The developer was added. Create customer keys next.',
  'users.create': 'The user was added. Create a one-time link to set the first password.',
  'users.setRole':
    'The role is changed, and takes effect at the next request. Earlier one-time links no longer work.',
  'users.deactivate': 'The user is deactivated, signed out, and cannot sign in again.',
  'users.signOut': 'Every browser is signed out, and every API token has ended.',
  'users.resetSecondFactor':
    'The second factor was removed. The user signs in with the password alone.',
  'ip-allowlist.add': 'The address was added to the list.',
  'ip-allowlist.delete': 'The address was removed from the list.',
  'ip-allowlist.enforce': 'The list is enforced. Requests from other addresses are refused.',
  'ip-allowlist.stopEnforcing': 'The list is no longer enforced. Keys work from any address.',
  'accounts.create': 'The account was created. Add its users next.',
  'accounts.close': 'The account is closed: its keys are refused, and its users are signed out.',
  'accounts.reopen': 'The account is open again.',
  'sources.create': 'The source was added. Create a key for it, and subscribe it to a destination.',
  'destinations.create': 'The destination was added. Verify it: until then, nothing is sent to it.',
  'destinations.setUrl': 'The URL is changed. Verify the destination again.',
  'destinations.setToken': 'The token is changed. Verify the destination again.',
  'destinations.markVerified': 'The destination is marked as verified.',
  'destinations.markUnverified':
    'The destination is marked as unverified. Messages to it are refused.',
  'subscriptions.create': 'The subscription was added.',
  'subscriptions.resume': 'The subscription is resumed. Queued messages are sent now.',
  'subscriptions.purge': 'The queue is empty. Its messages are marked as skipped.',
  'sunset.set': 'The sunset is set. Answers to the users of the keys announce it.',
  'sunset.cancel': 'The sunset is cancelled. The keys work as before.',
  'audit.acceptRestore': 'The restored database is accepted. Sealing resumes.',
  'messages.replay': 'The message is queued again.',
  'messages.skip': 'The message is skipped.',
} as const

export type FlashName = keyof typeof FLASH_TEXTS

/** The message after an operation: its own, or a general one. */
export const getFlash = ({ id }: Pick<Operation, 'id'>): FlashName =>
  Object.hasOwn(FLASH_TEXTS, id) ? (id as FlashName) : 'saved'

export const FLASH_PARAMETER = 'flash'

export const findFlashText = (name: string | null): string | null =>
  name !== null && Object.hasOwn(FLASH_TEXTS, name) ? FLASH_TEXTS[name as FlashName] : null
