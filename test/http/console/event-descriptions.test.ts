import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PERMISSIONS } from '../../../src/domain/role.ts'
import {
  DESCRIBED_ACTIONS,
  describeEvent,
  describeEventDetail,
  getEventTone,
} from '../../../src/http/console/pages/audit/event-descriptions.ts'

const SERVICE = join(import.meta.dirname, '../../../src/service')

/** Everything in the services that looks like the name of an event and is no permission. */
const emittedActions = new Set(
  globSync('**/*.ts', { cwd: SERVICE })
    .flatMap((file) => [
      ...readFileSync(join(SERVICE, file), 'utf8').matchAll(/'([a-z]+\.[a-z_]+)'/g),
    ])
    .map(([, name = '']) => name)
    .filter((name) => !(PERMISSIONS as readonly string[]).includes(name)),
)

describe('An event in words', () => {
  test('is there for each action that the services write', () => {
    expect(emittedActions.size).toBeGreaterThan(50)
    expect([...emittedActions].filter((action) => !DESCRIBED_ACTIONS.includes(action))).toEqual([])
  })

  test('names people, places and destinations, where their names are known', () => {
    const facts = { sourceId: 's1', destinationId: 'd1', dataModel: null }
    const names: Record<string, string> = { s1: 'Orders', d1: 'Laboratory' }
    expect(describeEvent({ action: 'subscription.created', facts }, (id) => names[id] ?? id)).toBe(
      'What Orders sends goes to Laboratory: all data models.',
    )
    expect(describeEvent({ action: 'subscription.created', facts })).toContain('What s1 sends')
  })

  test('tells the reason of a refusal, and how many were alike', () => {
    const refused = { action: 'key.refused', facts: { reason: 'key_disabled', keyId: 'k' } }
    expect(describeEvent(refused)).toBe('The key is disabled.')
    expect(getEventTone(refused)).toBe('bad')
    expect(describeEvent({ ...refused, facts: { ...refused.facts, count: 1200 } })).toBe(
      'The key is disabled. (1,200 times)',
    )
  })

  test('lists what an edit changed', () => {
    const facts = { name: 'Front desk', expiresAt: Date.UTC(2027, 0, 31), description: '' }
    expect(describeEvent({ action: 'key.edited', facts })).toBe(
      'The key was changed: name is now “Front desk”, expiry is now 2027-01-31, description is now empty.',
    )
  })

  test('ends with one full stop, though what was typed ends with one too', () => {
    const facts = { description: 'The lift, at night.' }
    expect(describeEvent({ action: 'key.edited', facts })).toBe(
      'The key was changed: description is now “The lift, at night.”',
    )
  })

  test('adds nothing to a title that says it all', () => {
    expect(describeEventDetail({ action: 'key.disabled', facts: {} })).toBe('')
    expect(describeEventDetail({ action: 'key.disabled', facts: { by: 'customer' } })).toBe(
      'The key was disabled by the customer.',
    )
  })

  test('is its bare name where another version wrote it', () => {
    expect(describeEvent({ action: 'key.cloned', facts: {} })).toBe('key.cloned.')
    expect(getEventTone({ action: 'key.cloned' })).toBe('plain')
  })
})
