import { setPriority } from 'node:os'

/**
 * Lets the threads of requests go first when all cores are busy. Lowers the priority of this thread and of those
 * that it starts from now on; on other systems than Linux, of the whole process.
 */
export function lowerPriority(niceness: number): void {
  try {
    setPriority(niceness)
  } catch {
    // A sandbox may forbid it. The work then competes with requests.
  }
}
