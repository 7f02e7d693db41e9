/** The reasons of a refused sign-in, for the operator. The user gets the same message for all of them. */
const SIGN_IN_REFUSAL_TEXTS = {
  name_unknown: 'no user has that username',
  password_missing: 'the user has no password yet: create a link with `latchkey users invite`',
  password_wrong: 'the password was wrong',
  user_left: 'the user is deactivated',
  account_closed: 'the account of the user is closed',
  code_wrong: 'the code of the second factor was wrong, or was used before',
  token_unknown: 'the API token is invalid or has expired',
  locked: 'too many attempts failed: sign-in is locked for a while',
} as const

export type SignInRefusal = keyof typeof SIGN_IN_REFUSAL_TEXTS

const TEXTS_BY_SIGN_IN_REFUSAL = new Map<string, string>(Object.entries(SIGN_IN_REFUSAL_TEXTS))

/** Falls back to the reason itself, because another version of the program may have written it. */
export const describeSignInRefusal = (reason: string): string =>
  `Signing in was refused: ${TEXTS_BY_SIGN_IN_REFUSAL.get(reason) ?? reason}.`
