import { membersOf, objectOf, writeMember } from '../members.ts'

export const META = 'Meta'

/** The message as it came, to the digit, but for its `Meta`. */
export const withMeta = (message: string, meta: object): string =>
  objectOf(
    membersOf(message).map(({ name, text }) => (name === META ? writeMember(META, meta) : text)),
  )
