/**
 * The messages of pages that a form leads to. The URL carries only the name, so that a link cannot show
 * words of its author.
 */
const FLASH_TEXTS = {
  'password-set': 'Your password is set. Sign in with it.',
  'password-changed': 'Your password is changed. Every other session and token of yours has ended.',
  'session-ended': 'It has ended: the next request with it is refused.',
  'second-factor-removed':
    'The second factor is taken away: your password alone opens your account.',
  'key-created': 'The key was created.',
  'key-edited': 'The key was changed.',
  'key-disabled': 'The key is disabled. Its next request is refused.',
  'key-enabled': 'The key is enabled.',
  'key-revoked': 'The key is revoked permanently. Its next request is refused.',
  'key-removed': 'The key was deleted. The audit keeps its record.',
  'key-rotated': 'The secret was replaced with yours.',
  'key-assigned': 'The key is assigned.',
  'site-added': 'The site is there: keys can be made for it.',
  'site-removed': 'The site is gone. The audit keeps what it was.',
  renamed: 'It has its new name.',
  'developer-added': 'The developer is there. Keys of customers are made under the developer key.',
  'developer-removed': 'The developer is gone. The audit keeps what it was.',
  'user-added': 'The person is there. A one-time link leads to a first password.',
  'user-role-changed':
    'The role is changed, from the next click on. A one-time link made before is good no longer.',
  'user-username-set': 'The username is set.',
  'user-email-set': 'The e-mail address is set.',
  'user-left': 'That person has left: signed out, and cannot sign in any more.',
  'user-signed-out': 'Every browser is signed out, and every API token has ended.',
  'user-second-factor-reset': 'The second factor is taken away: the password alone is asked for.',
  'address-added': 'The address is on the list.',
  'address-removed': 'The address is off the list.',
  'addresses-enforced': 'Done: the next request from elsewhere is refused.',
  'addresses-open': 'Done: the list is kept, and refuses nobody.',
  'account-created': 'The account is there. Add its people next.',
  'account-closed':
    'The account is closed: every key of it is refused, and its people are signed out.',
  'account-opened': 'The account is open again.',
  'departed-keys-set': 'That is what becomes of keys from now on.',
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
