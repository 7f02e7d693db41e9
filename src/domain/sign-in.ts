/** Who signs in in vain is told one and the same; the operator is told which of these it was. */
const TOLD = {
  name_unknown: 'nobody has that username',
  password_missing: 'this person has no password yet: `latchkey users invite` sends a link to one',
  password_wrong: 'the password was wrong',
  user_left: 'this person has left',
  account_closed: 'the account of this person is closed',
  code_wrong: 'the code of the second factor was wrong, or was used before',
  token_unknown: 'there was no API token that was good',
  locked: 'too many tries in a row were wrong: the next one is taken a while later',
} as const

export type SignInRefusal = keyof typeof TOLD

const WORDS = new Map<string, string>(Object.entries(TOLD))

/** Another version of this program may have written the reason. */
export const explainSignIn = (reason: string): string =>
  `Signing in was refused: ${WORDS.get(reason) ?? reason}.`
