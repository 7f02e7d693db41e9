import { closeSync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

/** Puts a file on disk: what it holds, and that it is in its folder under this name. */
export function sync(path: string): void {
  for (const place of [path, dirname(path)]) {
    const file = openSync(place, 'r')
    try {
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  }
}
