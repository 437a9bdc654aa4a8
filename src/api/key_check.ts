/** Compares a key that a caller sends with those that are valid, in a time that reveals nothing of them. */
import { createHash, timingSafeEqual } from 'node:crypto'

/** Whether a text is one of the keys. */
export function createKeyCheck(keys: readonly string[]): (text: string) => boolean {
  const digests = keys.map(digest)
  return text => anyTimingSafeEqual(digest(text), digests)
}

/** Digests have equal lengths, so that comparing them takes the same time whatever the caller sends. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Compares with all of `known`, so that the time does not reveal which of them is equal. */
export function anyTimingSafeEqual(given: Buffer, known: readonly Buffer[]): boolean {
  let found = false
  for (const candidate of known) {
    const equal = given.length === candidate.length && timingSafeEqual(given, candidate)
    found ||= equal
  }
  return found
}
