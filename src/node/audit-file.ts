import { createReadStream, linkSync, renameSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { beginDraft, removeDraft } from './drafts.ts'

/** Bytes that are written at a time. */
const TOGETHER = 1 << 16

/** Writes a file that only its owner reads; it has its name when it is whole and on disk. */
export async function writeLines(
  path: string,
  lines: AsyncIterable<string>,
  { overwrite }: { overwrite: boolean },
): Promise<void> {
  const draft = beginDraft(path)
  try {
    const file = await open(draft, 'w', 0o600)
    try {
      let together = ''
      for await (const line of lines) {
        together += line
        if (together.length < TOGETHER) continue
        await file.write(together)
        together = ''
      }
      await file.write(together)
      await file.sync()
    } finally {
      await file.close()
    }
    if (overwrite) renameSync(draft, path)
    else takeName(draft, path)
  } finally {
    removeDraft(draft)
  }
}

function takeName(draft: string, path: string): void {
  try {
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new Error(`${path} is there already: add --force to replace it`, { cause: error })
  }
}

export const readLines = (path: string): AsyncIterable<string> =>
  createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY })
