/**
 * The messages of pages that a form leads to. The URL carries only the name, so that a link cannot show
 * words of its author.
 */
const FLASH_TEXTS = {
  'password-set': 'Your password is set. Sign in with it.',
  'password-changed': 'Your password is changed. Every other session and token of yours has ended.',
  'session-ended': 'The session or token has ended. Its next request is refused.',
  'second-factor-removed':
    'The second factor was removed. Your password alone is enough to sign in.',
  'key-created': 'The key was created.',
  'key-edited': 'The key was changed.',
  'key-disabled': 'The key is disabled. Its next request is refused.',
  'key-enabled': 'The key is enabled.',
  'key-revoked': 'The key is revoked permanently. Its next request is refused.',
  'key-removed': 'The key was deleted. The audit keeps its record.',
  'key-rotated': 'The secret was replaced with yours.',
  'key-assigned': 'The key is assigned.',
  'site-added': 'The site was added. You can create keys for it.',
  'site-removed': 'The site was removed. The audit keeps its history.',
  renamed: 'The name was changed.',
  'developer-added': 'The developer was added. Create customer keys next.',
  'developer-removed': 'The developer was removed. The audit keeps its history.',
  'user-added': 'The person was added. Create a one-time link for a first password.',
  'user-role-changed':
    'The role is changed, from the next click on. A one-time link made before is good no longer.',
  'user-username-set': 'The username is set.',
  'user-email-set': 'The e-mail address is set.',
  'user-left': 'The person was deactivated. They are signed out and cannot sign in again.',
  'user-signed-out': 'Every browser is signed out, and every API token has ended.',
  'user-second-factor-reset':
    'The second factor was reset. The password alone is enough to sign in.',
  'address-added': 'The address was added to the list.',
  'address-removed': 'The address was removed from the list.',
  'addresses-enforced': 'The list is enforced. Requests from other addresses are refused.',
  'addresses-open': 'The list is no longer enforced. Keys work from anywhere.',
  'account-created': 'The account was created. Add its people next.',
  'account-closed':
    'The account is closed: every key of it is refused, and its people are signed out.',
  'account-opened': 'The account was reopened.',
  'offboarding-policy-set': 'The setting was saved.',
  'key-unassigned': 'The key is unassigned.',
  'source-added': 'The source was added. Create a key for it, and subscribe it to a destination.',
  'source-renamed': 'The source was renamed.',
  'destination-added': 'The destination was added. Verify it: until then, nothing is sent to it.',
  'destination-renamed': 'The destination was renamed.',
  'destination-moved': 'The URL is set. Verify the destination again.',
  'destination-token-set': 'The token is set. Verify the destination again.',
  'destination-vouched': 'The destination is marked as verified.',
  'destination-doubted': 'The destination is marked as unverified. Messages to it are refused.',
  'subscription-added': 'The subscription was added.',
  'subscription-removed': 'The subscription was deleted.',
  'feed-resumed': 'The subscription is resumed. Queued messages are sent now.',
  'feed-purged': 'The queue is empty. Its messages are marked as skipped.',
  'message-replayed': 'The message is queued again.',
  'message-skipped': 'The message is skipped.',
} as const

export type FlashName = keyof typeof FLASH_TEXTS

export const FLASH_PARAMETER = 'said'

export const findFlashText = (name: string | null): string | null =>
  name !== null && Object.hasOwn(FLASH_TEXTS, name) ? FLASH_TEXTS[name as FlashName] : null
