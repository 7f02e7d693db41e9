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
  'key-disabled': 'The key is disabled: the next request with it is refused.',
  'key-enabled': 'The key is enabled again.',
  'key-revoked': 'The key is revoked, for ever: the next request with it is refused.',
  'key-removed': 'The key was deleted. The audit keeps what it was.',
  'key-rotated': 'The secret was replaced by yours.',
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
  'key-unassigned': 'The key is taken back.',
  'source-added': 'The source is there. Make a key for it, and subscribe it to a destination.',
  'source-renamed': 'The source has its new name.',
  'destination-added': 'The destination is there. Verify it: nothing is sent to it before.',
  'destination-renamed': 'The destination has its new name.',
  'destination-moved': 'The URL is set. Verify the destination anew.',
  'destination-token-set': 'The token is set. Verify the destination anew.',
  'destination-vouched': 'The destination is taken for verified, on your word.',
  'destination-doubted': 'The destination is not verified any more: what is sent to it is refused.',
  'subscription-added': 'The source is subscribed.',
  'subscription-removed': 'The source is not subscribed to it any more.',
  'feed-resumed': 'The feed goes on: what waits is tried now.',
  'feed-purged': 'The queue is empty. What was in it is marked as skipped.',
  'message-replayed': 'The message is queued once more.',
  'message-skipped': 'The message is skipped.',
} as const

export type FlashName = keyof typeof FLASH_TEXTS

export const FLASH_PARAMETER = 'said'

export const findFlashText = (name: string | null): string | null =>
  name !== null && Object.hasOwn(FLASH_TEXTS, name) ? FLASH_TEXTS[name as FlashName] : null
