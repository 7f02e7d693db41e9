import { describe, expect, test } from 'vitest'
import { describeRefusal, toRefusalFacts } from '../../src/domain/refusal-text.ts'
import { CALLER_TEXT, SAMPLE_FAILURES } from '../support/sample-failures.ts'

describe.each(SAMPLE_FAILURES)('a refusal for $reason', (failure) => {
  const facts = toRefusalFacts(failure)
  const { sentence, advice } = describeRefusal(facts)

  test('keeps nothing that the caller typed', () => {
    expect(facts.reason).toBe(failure.reason)
    expect(JSON.stringify(facts)).not.toContain(CALLER_TEXT)
  })

  test('is described in whole sentences, from the stored facts', () => {
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
  const { sentence, advice } = describeRefusal({ reason: 'credential_missing', surface })
  expect(sentence).toContain(what)
  expect(advice).toContain(help)
})

test.each([
  ['secret_wrong', 'oauth', 'private_key_jwt has no secret'],
  ['secret_wrong', 'redox', 'keys rotate-secret'],
  ['permission_missing', 'oauth', '--source-ids'],
  ['permission_missing', 'xenrad', 'keys show'],
  ['scope_refused', 'oauth', '--scopes'],
  ['scope_refused', 'redox', 'leave out scope'],
])('the advice about %s fits a key of the type %s', (reason, keyType, help) => {
  const key = { accountId: 'a', keyType, disabledBy: null }
  expect(describeRefusal({ reason, keyId: 'k' }, key).advice).toContain(help)
})

test('a reason of another version is still described', () => {
  expect(describeRefusal({ reason: 'of_tomorrow' })).toEqual({
    sentence: 'Refused: of_tomorrow.',
    advice: null,
  })
})
