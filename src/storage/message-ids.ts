import type { MessageIdStorage } from '../service/ports.ts'
import type { Compiler, Engine } from './engine.ts'

/** Blocks of message ids: the next one that no process has. */
export function createMessageIds(engine: Engine, compiler: Compiler): MessageIdStorage {
  const read = compiler.fixed((db) => db.selectFrom('message_id_blocks').select('next'))
  const move = compiler.taking<{ from: number; to: number }>()((db, arg) =>
    db
      .updateTable('message_id_blocks')
      .set({ next: arg('to') })
      .where('next', '=', arg('from')),
  )

  return {
    async findNextIdBlock() {
      const [row] = await engine.read(read)
      if (row === undefined) throw new Error('message_id_blocks has no row')
      return row.next
    },

    async moveNextIdBlock(from, to) {
      const [changed] = await engine.atomic([move({ from, to })])
      return changed === 1
    },
  }
}
