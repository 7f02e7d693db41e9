import { describe, expect, test } from 'vitest'
import { explainRefusal, factsOf } from '../../src/domain/refusal.ts'
import { failures, TYPED } from '../support/failures.ts'

describe.each(failures)('a refusal for $reason', (failure) => {
  const facts = factsOf(failure)
  const { sentence, advice } = explainRefusal(facts)

  test('keeps nothing that the caller typed', () => {
    expect(facts.reason).toBe(failure.reason)
    expect(JSON.stringify(facts)).not.toContain(TYPED)
  })

  test('is told in whole sentences, from what is kept', () => {
    expect(sentence).toMatch(/^[A-Z].*[.)]$/)
    expect(advice).toMatch(/\S/)
    expect(`${sentence} ${advice}`).not.toMatch(/undefined|null/)
  })
})

test.each([
  ['xenrad', 'no credential', 'X-API-Key'],
  ['opendental', 'no credential', 'ODFHIR'],
  ['xdent', 'no credential', 'KeyId.Secret'],
  ['practice', 'no credential', 'HTTP Basic'],
  ['message', 'no access token', 'key and secret'],
])('a missing credential is told in the words of %s', (surface, what, help) => {
  const { sentence, advice } = explainRefusal({ reason: 'credential_missing', surface })
  expect(sentence).toContain(what)
  expect(advice).toContain(help)
})

test('a reason of another version is still told', () => {
  expect(explainRefusal({ reason: 'of_tomorrow' })).toEqual({
    sentence: 'Refused: of_tomorrow.',
    advice: null,
  })
})
