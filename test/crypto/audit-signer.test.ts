import { expect, test } from 'vitest'
import { createAuditSigner } from '../../src/crypto/audit-signer.ts'
import { Keyring } from '../../src/crypto/keyring.ts'
import type { Primitives } from '../../src/crypto/primitives.ts'
import { completeRing, type Ring, rotateRing } from '../../src/crypto/ring.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { workerPrimitives } from '../../src/worker/primitives.ts'
import { createTestRing } from '../support/keyring.ts'

const createTestSigner = (ring: Ring, primitives: Primitives = nodePrimitives) =>
  createAuditSigner(primitives, new Keyring(primitives, ring))

const event = {
  id: '0199aa00-0000-7000-8000-000000000001',
  at: 1767323045678,
  actor: 'operator',
  action: 'account.created',
  subject: '0199aa00-0000-7000-8000-000000000002',
  requestId: null,
  facts: '{"name":"🏥 \\"Ünïcode\\""}',
}
const statement = { sequence: 7, seal: 'seal', at: 1767323045678, first: 3 }

const removeAuditKeys = (ring: Ring): Ring => ({
  ...ring,
  keys: ring.keys.filter(({ use }) => use !== 'audit'),
})

test('what one runtime seals and signs, the other takes', async () => {
  const ring = await createTestRing()
  const [node, worker] = [createTestSigner(ring), createTestSigner(ring, workerPrimitives)]
  const seal = node.seal('before', event, 1)
  expect(worker.seal('before', event, 1)).toBe(seal)
  expect(worker.isSealedEvent('before', { ...event, sequence: 1, seal })).toBe(true)
  const checkpoint = await node.signCheckpoint(statement)
  expect(await worker.signCheckpoint(statement)).toEqual(checkpoint)
  expect(await worker.isSignedCheckpoint(checkpoint)).toBe(true)
})

test.each([
  { id: '0199aa00-0000-7000-8000-000000000003' },
  { at: 1767323045679 },
  { actor: 'Operator' },
  { action: 'account.created ' },
  { subject: '' },
  { requestId: '' },
  { facts: '{"name": "🏥 \\"Ünïcode\\""}' },
  { sequence: 2 },
])('a seal is of no other event: %j', async (change) => {
  const auditSigner = createTestSigner(await createTestRing())
  const seal = auditSigner.seal('before', event, 1)
  expect(auditSigner.isSealedEvent('before', { ...event, sequence: 1, seal })).toBe(true)
  expect(auditSigner.isSealedEvent('before', { ...event, sequence: 1, seal, ...change })).toBe(
    false,
  )
  expect(auditSigner.isSealedEvent('', { ...event, sequence: 1, seal })).toBe(false)
})

test.each([{ sequence: 8 }, { seal: 'other' }, { at: 1 }, { first: 2 }, { signature: 'no' }])(
  'a signature is of no other checkpoint: %j',
  async (change) => {
    const auditSigner = createTestSigner(await createTestRing())
    const checkpoint = await auditSigner.signCheckpoint(statement)
    expect(await auditSigner.isSignedCheckpoint(checkpoint)).toBe(true)
    expect(await auditSigner.isSignedCheckpoint({ ...checkpoint, ...change })).toBe(false)
  },
)

test('another key ring proves nothing, and a text that is no seal is none', async () => {
  const [auditSigner, other] = [
    createTestSigner(await createTestRing()),
    createTestSigner(await createTestRing()),
  ]
  const seal = auditSigner.seal('', event, 1)
  const [id = '', tag = ''] = seal.split('.')
  const texts = ['', '.', id, `${id}.`, `${id}.${tag}=`, `${id}.${tag}.`, `${id}.${tag.slice(4)}`]
  for (const text of texts) {
    expect(auditSigner.isSealedEvent('', { ...event, sequence: 1, seal: text })).toBe(false)
  }
  expect(other.isSealedEvent('', { ...event, sequence: 1, seal })).toBe(false)
  expect(await other.isSignedCheckpoint(await auditSigner.signCheckpoint(statement))).toBe(false)
})

test('what a retired audit key has sealed and signed stays verifiable', async () => {
  const ring = await createTestRing()
  const seal = createTestSigner(ring).seal('', event, 1)
  const checkpoint = await createTestSigner(ring).signCheckpoint(statement)
  let rotated = ring
  for (let year = 1; year <= 6; year++) {
    rotated = await rotateRing(nodePrimitives, rotated, 'audit', year * 365 * 86_400_000)
  }
  expect(createTestSigner(rotated).isSealedEvent('', { ...event, sequence: 1, seal })).toBe(true)
  expect(await createTestSigner(rotated).isSignedCheckpoint(checkpoint)).toBe(true)
  expect(createTestSigner(rotated).seal('', event, 1)).not.toBe(seal)
})

test('servers that read a ring from before there was an audit key come to the same one', async () => {
  const ring = removeAuditKeys(await createTestRing(5))
  const seal = createTestSigner(ring).seal('', event, 1)
  expect(createTestSigner(ring, workerPrimitives).seal('', event, 1)).toBe(seal)
  // A seal key that takes over changes nothing, and neither does the ring's being written.
  const resealed = await rotateRing(nodePrimitives, ring, 'seal', 9)
  expect(createTestSigner(resealed).seal('', event, 1)).toBe(seal)
  const completed = completeRing(nodePrimitives, ring)
  expect(completed.keys.slice(-2).map(({ use, state }) => `${use} ${state}`)).toEqual([
    'audit current',
    'audit next',
  ])
  expect(completeRing(nodePrimitives, completed)).toBe(completed)
  const rotated = await rotateRing(nodePrimitives, completed, 'audit', 9)
  expect(createTestSigner(rotated).isSealedEvent('', { ...event, sequence: 1, seal })).toBe(true)
  expect(createTestSigner(removeAuditKeys(await createTestRing())).seal('', event, 1)).not.toBe(
    seal,
  )
})
