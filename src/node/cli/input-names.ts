import type { Command } from 'commander'
import type { ActorServices } from '../../service/actor-services.ts'

/** The members that are ids of other rows, and the services that find those. */
export const REFERENCED_SERVICES = {
  accountId: 'accounts',
  ownerId: 'users',
  siteId: 'sites',
  developerId: 'developers',
  sourceId: 'sources',
  destinationId: 'destinations',
  subscriptionId: 'subscriptions',
} as const satisfies Readonly<Record<string, keyof ActorServices>>

export const isReference = (name: string): name is keyof typeof REFERENCED_SERVICES =>
  Object.hasOwn(REFERENCED_SERVICES, name)

/** `accountId` is --account, `overlapSeconds` is --overlap, which takes a duration. */
export const toOptionName = (name: string): string =>
  toKebabCase(name.replace(isReference(name) ? /Id$/ : /Seconds$/, ''))

/** A secret that may come from stdin has an option that says so. */
export const toStdinOptionName = (name: string): string => `${toOptionName(name)}-stdin`

export const toKebabCase = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** Finds the option or the argument by which a command takes a member; null if it takes none. */
export function findInputName(command: Command, member: string): string | null {
  const names = [toOptionName(member), toStdinOptionName(member)]
  const option = command.options.find((one) => names.includes(one.name()))
  if (option !== undefined) return `--${option.name()}`
  const argument = command.registeredArguments.find((one) => names.includes(one.name()))
  return argument === undefined ? null : `<${argument.name()}>`
}
