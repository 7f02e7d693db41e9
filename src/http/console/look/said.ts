/**
 * What a page says after a form has led to it. The address carries the name only, so that nobody can
 * put words into our mouth by a link.
 */
const SAID = {
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
  'key-unassigned': 'The key is taken back.',
} as const

export type Said = keyof typeof SAID

export const QUERY = 'said'

export const wordsOf = (name: string | null): string | null =>
  name !== null && Object.hasOwn(SAID, name) ? SAID[name as Said] : null
