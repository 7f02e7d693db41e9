import { explainSignIn } from '../../../../domain/sign-in.ts'
import { exact } from '../../parts/time.ts'
import type { Telling } from './telling.ts'

/** Who comes, signs in and leaves. */
export const PEOPLE = {
  'user.created': ['plain', ({ role }) => `The person was added as ${role}.`],
  'user.first_operator': ['good', 'The first operator set a password.'],
  'user.invited': [
    'plain',
    ({ until }) =>
      typeof until === 'number'
        ? `A link to set a password was made. It works until ${exact(until)}.`
        : 'A link to set a password was made.',
  ],
  'user.first_password': ['good', 'A first password was set, by an invitation.'],
  'user.new_password': ['warn', 'A new password was set, by a link.'],
  'user.password_changed': ['plain', 'The password was changed. All other sessions ended.'],
  'user.username_set': ['plain', 'The username was set.'],
  'user.edited': ['plain', ({ email }) => `The e-mail address is now ${email}.`],
  'user.role_changed': ['warn', ({ role }) => `The role is now ${role}.`],
  'user.left': ['warn', 'The person has left.'],
  'user.second_factor_set': ['good', 'A second factor was set up.'],
  'user.second_factor_removed': ['warn', 'The second factor was taken away.'],
  'user.recovery_code_used': ['warn', 'A recovery code stood in for the second factor.'],
  'user.token_issued': [
    'plain',
    ({ name, days }) => `The API token “${name}” was made, for ${days} days.`,
  ],
  'session.started': ['plain', 'The person signed in.'],
  'session.ended': ['plain', 'A session or a token was ended.'],
  'sessions.ended': ['warn', 'Every session and token was ended.'],
  'session.refused': ['bad', ({ reason }) => explainSignIn(String(reason))],
} as const satisfies Record<string, Telling>
