/** sessions/sharing — a look-up as other replicas see it: what it leaves for them, and what they may have left for it. Knows memory and the shared shelf, no Kratos. */
import type { Credential } from '../../access/verdict.ts'
import type { TupleHash } from '../../lib/key_hash.ts'
import { between, type Clock, type Millis } from '../../lib/time.ts'
import type { Memory, MemoryQuestion } from '../cache/session_cache.ts'
import type { Finding } from '../types.ts'
import type { Known, Question, SharedShelf } from './shared_cache.ts'

export interface SharingParts {
  readonly clock: Clock
  readonly memory: Memory
  /** Names what is known to this process only. */
  readonly keyOf: TupleHash
  /** Absent where nothing is shared. */
  readonly shared: SharedShelf | undefined
  /** Longest time that an answer is believed here, whatever others believe. */
  readonly ceiling: Millis
}

export interface Sharing {
  /** Of a credential alone, our own first: whoever revokes it knows no endpoint. */
  marksOf(value: string): readonly [string, ...string[]]
  /** What memory must know of a look-up that begins now. `where` spells out the endpoint. */
  begin(where: string, credential: Credential, maxAge: Millis | undefined): Omit<MemoryQuestion, 'ask'>
  /** What another replica learnt not too long ago, and was not told against since. */
  find(where: string, credential: Credential): Promise<Known | undefined>
  /** Only what another replica asked has an age when it arrives. */
  isTooOld(finding: Finding, maxAge: Millis | undefined): boolean
}

export function createSharing({ clock, memory, keyOf, shared, ceiling }: SharingParts): Sharing {
  const marksOf = shared?.marksOf ?? ((value: string) => [keyOf(['credential', value])] as const)

  const questionOf = (where: string, { kind, name, value }: Credential): Question => ({
    tuple: [where, kind, name, value],
    mark: marksOf(value)[0],
  })

  const isTooOld = (finding: Finding, maxAge: Millis | undefined): boolean =>
    finding.kind === 'verified' &&
    finding.askedAt !== undefined &&
    maxAge !== undefined &&
    between(finding.askedAt, clock.now()) >= maxAge

  return {
    marksOf,
    begin(where, credential, maxAge) {
      const askedAt = clock.now()
      const about = { askedAt, mark: () => marksOf(credential.value)[0], maxAge }
      if (shared === undefined) return about
      const { position } = shared
      return {
        ...about,
        kept(finding, ttl) {
          const { session, cacheFor } = finding
          if (finding.askedAt !== undefined) return
          shared.write(questionOf(where, credential), { position, session, cacheFor, askedAt, ttl })
        },
        refused: () => shared.drop(questionOf(where, credential)),
      }
    },
    async find(where, credential) {
      const question = questionOf(where, credential)
      const found = await shared?.read(question)
      if (found === undefined || isTooOld(found, ceiling)) return undefined
      return memory.held({ ...found, mark: question.mark }) ? undefined : found
    },
    isTooOld,
  }
}
