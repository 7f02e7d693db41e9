import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PERMISSIONS } from '../../../src/domain/role.ts'
import {
  DESCRIBED_ACTIONS,
  describeEvent,
  describeEventDetail,
  getEventTone,
} from '../../../src/http/console/pages/event-descriptions.ts'

const SERVICE = join(import.meta.dirname, '../../../src/service')

/** Lists every string in the services that looks like an action and is no permission. */
const emittedActions = new Set(
  globSync('**/*.ts', { cwd: SERVICE })
    .flatMap((file) => [
      ...readFileSync(join(SERVICE, file), 'utf8').matchAll(/'([a-z]+\.[a-z_]+)'/g),
    ])
    .map(([, name = '']) => name)
    .filter((name) => !(PERMISSIONS as readonly string[]).includes(name)),
)

describe('the description of an audit event', () => {
  test('exists for each action that the services write', () => {
    expect(emittedActions.size).toBeGreaterThan(50)
    expect([...emittedActions].filter((action) => !DESCRIBED_ACTIONS.includes(action))).toEqual([])
  })

  test('contains names instead of ids where they are known', () => {
    const facts = { sourceId: 's1', destinationId: 'd1', dataModel: null }
    const names: Record<string, string> = { s1: 'Orders', d1: 'Laboratory' }
    expect(describeEvent({ action: 'subscription.created', facts }, (id) => names[id] ?? id)).toBe(
      'Orders sends to Laboratory: all data models.',
    )
    expect(describeEvent({ action: 'subscription.created', facts })).toContain('s1 sends to d1')
  })

  test('states the reason of a refusal and the number of repetitions', () => {
    const refused = { action: 'key.refused', facts: { reason: 'key_disabled', keyId: 'k' } }
    expect(describeEvent(refused)).toBe('The key is disabled.')
    expect(getEventTone(refused)).toBe('bad')
    expect(describeEvent({ ...refused, facts: { ...refused.facts, count: 1200 } })).toBe(
      'The key is disabled. (1,200 times)',
    )
  })

  test('distinguishes the tokens of an exchange from the token of a client', () => {
    const describeIssue = (surface: string) =>
      describeEvent({ action: 'token.issued', facts: { surface } })
    expect(describeIssue('exchange')).toBe('Key and secret were exchanged for tokens.')
    expect(describeIssue('token')).toBe('An access token was issued to a client.')
  })

  test('lists what an edit changed', () => {
    const facts = { name: 'Front desk', expiresAt: Date.UTC(2027, 0, 31), description: '' }
    expect(describeEvent({ action: 'key.edited', facts })).toBe(
      'The key was changed: name is now “Front desk”, expiry is now 2027-01-31, description is now empty.',
    )
  })

  test('ends with a single full stop after a text that ends with one', () => {
    const facts = { description: 'The lift, at night.' }
    expect(describeEvent({ action: 'key.edited', facts })).toBe(
      'The key was changed: description is now “The lift, at night.”',
    )
  })

  test('an upgrade mentions if bcrypt compared only the beginning of the secret', () => {
    const action = 'key.secret_upgraded'
    const replaced =
      'The secret was used for the first time since its import, and its bcrypt hash was replaced.'
    expect(describeEvent({ action, facts: { form: 'bcrypt' } })).toBe(replaced)
    expect(describeEvent({ action, facts: { form: 'bcrypt', truncated: true } })).toBe(
      `${replaced} The hash was of its first 72 bytes only.`,
    )
  })

  test('is omitted where it only repeats the title', () => {
    expect(describeEventDetail({ action: 'key.disabled', facts: {} })).toBe('')
    expect(describeEventDetail({ action: 'key.disabled', facts: { by: 'customer' } })).toBe(
      'The key was disabled by the customer.',
    )
  })

  test('is the bare action for an action of another version', () => {
    expect(describeEvent({ action: 'key.cloned', facts: {} })).toBe('key.cloned.')
    expect(getEventTone({ action: 'key.cloned' })).toBe('plain')
  })
})
