import { isPending } from '../../domain/instant.ts'
import type { Credentials } from '../ports/people.ts'
import type { AccessDeps } from './deps.ts'
import { deviceText } from './kept.ts'

/** So long a browser is known after somebody has signed in there. */
export const DEVICE_MS = 365 * 24 * 60 * 60 * 1000

/**
 * A browser in which somebody has signed in holds a mark of it (OWASP, device cookies): his tries there
 * are counted apart, so that strangers who fail under his name do not keep him out. The mark opens
 * nothing. It is worth nothing for another name, nor after a new password; and no row says that it is.
 */
export function createDevices({
  digester,
  random,
  clock,
}: Pick<AccessDeps, 'digester' | 'random' | 'clock'>) {
  return {
    /** Another one at each sign-in: who copied the one before gains nothing by its owner's success. */
    write(userId: string, passwordHash: string): string {
      const name = `${clock() + DEVICE_MS}.${random.salt()}`
      return `${name}.${digester.digest(deviceText(userId, passwordHash, name))}`
    },

    /** Which device of this person it is; null where it is none, or he is nobody. */
    read(mark: string, of: Pick<Credentials, 'user' | 'passwordHash'> | null): string | null {
      const [, name = '', until = '', digest = ''] = /^((\d+)\.[\w-]+)\.(.+)$/.exec(mark) ?? []
      const text = deviceText(of?.user.id ?? '', of?.passwordHash ?? '', name)
      const isHis = digester.matches(text, [digest]) && of?.passwordHash != null
      return isHis && isPending(Number(until), DEVICE_MS, clock()) ? name : null
    },
  }
}
