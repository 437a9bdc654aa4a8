/** Reads the text of a repository: a file, an inline document, or a remote document with a conditional request. */
import { stat } from 'node:fs/promises'
import type { HeaderPair, HttpResponse, Send } from '../../clients/http/message.ts'
import { readTextFile, type UnreadableFile } from '../../documents/text_file.ts'
import { millis } from '../../lib/time.ts'
import type { Repository } from './repository.ts'

/** A larger document is rejected before it is read: otherwise one repository could exhaust the memory. */
const MAX_RULES_BYTES = 64 * 1024 * 1024
/** Timeout for one remote repository, retries included. */
const REMOTE_TIMEOUT_MS = millis(15_000)

/** `unchanged`: the server answered 304, so the last document is current. */
export type ReadOutcome =
  | { readonly text: string; readonly validators: readonly HeaderPair[] }
  | UnreadableFile
  | 'unchanged'

/**
 * Creates a function that reads one repository. `validators` are the headers of a conditional request, from the last
 * response. Never rejects: a repository that cannot be read has a reason and a hint.
 */
export function createRepositoryReader(
  fetch: Send,
): (repository: Repository, validators: readonly HeaderPair[]) => Promise<ReadOutcome> {
  async function fetchText(
    { url, authorization }: Repository & { kind: 'remote' },
    validators: readonly HeaderPair[],
  ): Promise<ReadOutcome> {
    const response = await fetch({
      method: 'GET',
      url,
      headers: [
        ['accept', 'application/json, application/yaml'],
        ...(authorization === '' ? [] : [['authorization', authorization] as const]),
        ...validators,
      ],
      timeout: REMOTE_TIMEOUT_MS,
      retries: 3,
      maxBytes: MAX_RULES_BYTES,
      target: 'rules',
    })
    if (response.kind === 'failed') return { reason: `cannot be fetched: ${response.message}`, hint: '' }
    if (response.status === 304 && validators.length > 0) return 'unchanged'
    if (response.status !== 200) {
      return {
        reason: `answered ${response.status}`,
        hint: STATUS_HINTS.get(response.status) ?? 'it must answer 200',
      }
    }
    return { text: response.body, validators: validatorsOf(response) }
  }

  return async (repository, validators) => {
    switch (repository.kind) {
      case 'inline':
        return { text: repository.text, validators: [] }
      case 'unusable':
        return { reason: repository.message, hint: repository.hint }
      case 'file':
        return rejectEmptyText(await readLocalFile(repository))
      case 'remote':
        return rejectEmptyText(await fetchText(repository, validators))
    }
  }
}

const STATUS_HINTS: ReadonlyMap<number, string> = new Map([
  [401, 'check the credentials'],
  [403, 'check the credentials'],
  [404, 'check the address'],
])

/** Headers for a conditional request (RFC 9110, section 13.1): the entity tag, or the date if there is no tag. */
function validatorsOf({ headers }: HttpResponse): readonly HeaderPair[] {
  const header = (wanted: string) => headers.find(([name]) => name === wanted)?.[1]
  const etag = header('etag')
  if (etag !== undefined) return [['if-none-match', etag]]
  const modified = header('last-modified')
  return modified === undefined ? [] : [['if-modified-since', modified]]
}

/** A line that is neither blank, nor a comment, nor the start of a document. */
const WRITTEN_LINE = /^(?![ \t\r]*(?:#|$)|---(?:[ \t\r]+#|[ \t\r]*$))[^\n]/m

/** An empty file is usually one that is just being written, so only an explicit `[]` removes all rules. */
const rejectEmptyText = (outcome: ReadOutcome): ReadOutcome =>
  typeof outcome === 'object' && 'text' in outcome && !WRITTEN_LINE.test(outcome.text)
    ? { reason: 'is empty', hint: 'write [] for no rules' }
    : outcome

async function readLocalFile({ path, source }: Repository & { kind: 'file' }): Promise<ReadOutcome> {
  const stats = await stat(path).catch(() => undefined)
  if (stats !== undefined && !stats.isFile())
    return { reason: 'is not a file', hint: 'name one file per repository' }
  if (stats !== undefined && stats.size > MAX_RULES_BYTES) {
    return { reason: 'the file is larger than 64 MiB', hint: 'split it' }
  }
  const read = await readTextFile(path, source)
  return 'text' in read ? { ...read, validators: [] } : read
}
