import { beforeEach, expect } from 'vitest'
import type { User } from '../../../src/service/ports/accounts.ts'
import type { NewInvitation, NewSession } from '../../../src/service/ports/sign-in.ts'
import { createTestEvent, createUuid, MAX_INTEGER, type StorageFixture } from './fixtures.ts'

export const createSession = (userId: string, more: Partial<NewSession> = {}): NewSession => {
  const id = createUuid()
  return {
    id,
    userId,
    kind: 'browser',
    name: 'Firefox',
    createdAt: 1,
    seenAt: 1,
    expiresAt: MAX_INTEGER,
    digest: `digest-${id}`,
    ...more,
  }
}

export const createInvitation = (
  userId: string | null,
  more: Partial<NewInvitation> = {},
): NewInvitation => {
  const id = createUuid()
  return { id, userId, createdAt: 1, expiresAt: MAX_INTEGER, digest: `digest-${id}`, ...more }
}

export const createFirstOperator = (invitationId: string) => {
  const account = {
    id: createUuid(),
    name: 'First',
    region: 'us',
    status: 'open' as const,
    createdAt: 1,
    offboardingPolicy: 'keep' as const,
    ipAllowlistEnforced: false,
  }
  const user: User = {
    id: createUuid(),
    accountId: account.id,
    email: 'first@acme.example',
    role: 'operator',
    createdAt: 1,
    username: `first-${createUuid()}`,
    deactivatedAt: null,
  }
  return { account, user, passwordHash: '$argon2id$first', invitationId }
}

let fixture: StorageFixture
/** The user of the current test. */
export let user: User

/** Adds a user for each test. */
export function useUser(of: StorageFixture): void {
  beforeEach(async () => {
    fixture = of
    const { id } = await of.addAccount()
    user = await of.addUser(id, { username: `user-${createUuid()}` })
  })
}

export const storage = () => fixture.storage
export const newEvent = (more: object = {}) => createTestEvent(user.id, more)
export const startSession = async (session = createSession(user.id)) => {
  expect(await storage().addSession(session, newEvent())).toBe(true)
  return session
}
export const isSessionActive = async ({ digest }: NewSession) =>
  (await storage().findSession([digest], 2)) !== null
export const findCredentials = () => storage().findCredentialsByUserId(user.id)
export const deactivateUser = () => storage().deactivateUser(user.id, 5, newEvent())
export const readAuthorityVersion = () => storage().readAuthorityVersion()
