import { describe, expect, test } from 'vitest'
import { findPasswordProblem, normalizePassword } from '../../src/domain/user.ts'

const names = ['a.long.username', 'somebody@acme.example']

describe('a password', () => {
  test.each([
    'correct horse battery staple',
    'fifteen letters',
    'nothing but letters and blanks',
    'пароль из четырёх слов',
    '四つの言葉でできた長い合い言葉です',
    '🔑'.repeat(7) + '🚪'.repeat(8),
    `${'x1'.repeat(127)}yz`,
  ])('needs length and nothing else: %s', (password) => {
    expect(findPasswordProblem(password, names)).toBe(null)
  })

  test.each([
    ['', /at least 15 characters, this one has 0/],
    ['fourteen chars', /at least 15 characters, this one has 14/],
    ['🔑'.repeat(14), /this one has 14/],
    [`${'x1'.repeat(128)}y`, /may have 256 characters/],
    ['x'.repeat(100_000), /may have 256 characters/],
    ['a password with \ud800', /type it again/],
    ['aaaaaaaaaaaaaaaa', /again and again/],
    ['passwordpassword', /again and again/],
    ['12345678901234567', /again and again/],
    ['A.Long.Username', /must not be a name/],
    ['Somebody@Acme.example', /must not be a name/],
  ])('is refused with what would help: %#', (password, message) => {
    expect(findPasswordProblem(password, names)).toMatch(message)
  })

  test('is the same one however a keyboard spells it', () => {
    expect(normalizePassword('Ångström café ﬁn')).toBe(normalizePassword('Ångström café fin'))
    expect(normalizePassword('two\u00a0words\u3000more')).toBe('two words more')
  })

  test('that no user can have is not checked', () => {
    expect(normalizePassword('\udc00')).toBe(null)
    expect(normalizePassword('x'.repeat(257))).toBe(null)
    // One character that stands for eighteen.
    expect(normalizePassword('\ufdfa'.repeat(15))).toBe(null)
  })
})
