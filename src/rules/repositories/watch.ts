/** rules/watch — tells that files may have changed: directories are watched, links followed, and a slow look catches what no notice came for. Knows no rule. */
import { type FSWatcher, watch as watchDirectory } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

export interface WatchPace {
  /** Milliseconds without a further notice before `changed` is called: a writer may still be writing. Default 100. */
  readonly quiet?: number
  /** Milliseconds between two looks at the files themselves, for network file systems and lost notices. Default 2000. */
  readonly every?: number
}

export interface FileWatch {
  /** Resolves once it is known what stands where: what changes from then on is noticed. */
  readonly looked: Promise<void>
  close(): void
}

/** A steady stream of notices must not put a reload off for ever: after so many quiet spans it runs anyway. */
const MOST_WAITS = 10

/**
 * Calls `changed` when one of the files is not as it was and all has been quiet for a moment; never twice at a time.
 * A file that does not exist yet is waited for. Read the files after `looked`, so that no change falls between.
 */
export function watchFiles(
  files: readonly string[],
  changed: () => void | Promise<void>,
  { quiet = 100, every = 2000 }: WatchPace = {},
): FileWatch {
  const watchers = new Map<string, FSWatcher>()
  /** What stood where at the last look; absent before the first has ended. */
  let seen: ReadonlyMap<string, string> | undefined
  let timer: NodeJS.Timeout | undefined
  let waits = 0
  let dirty = false
  let calling = false
  let again = false
  let closed = false
  let looking = false

  function notice(): void {
    if (closed) return
    if (seen === undefined) dirty = true
    if (timer !== undefined && waits < MOST_WAITS) {
      waits++
      timer.refresh()
    }
    timer ??= setTimeout(() => {
      timer = undefined
      waits = 0
      void call()
    }, quiet)
  }

  async function call(): Promise<void> {
    if (calling) {
      again = true
      return
    }
    calling = true
    try {
      await look()
      // Other files of a directory make notices too.
      if (!dirty || closed) return
      dirty = false
      await changed()
    } finally {
      calling = false
      if (again) {
        again = false
        notice()
      }
    }
  }

  /** Renames and the `..data` link of a ConfigMap arrive in directories, not at files: those are what is watched. */
  function follow(directories: ReadonlySet<string>): void {
    for (const [directory, watcher] of watchers) {
      if (directories.has(directory)) continue
      watcher.close()
      watchers.delete(directory)
    }
    for (const directory of directories) {
      if (watchers.has(directory)) continue
      try {
        const watcher = watchDirectory(directory, { persistent: false }, notice)
        const drop = () => {
          watcher.close()
          if (watchers.get(directory) === watcher) watchers.delete(directory)
        }
        watcher.on('error', drop)
        watchers.set(directory, watcher)
      } catch {
        // Not there yet, or no notices left to have: the slow look finds it.
      }
    }
  }

  /** Remembers what stands where, watches the directories, and notes whether anything is not as it was. */
  async function look(): Promise<void> {
    const now = new Map<string, string>()
    const directories = new Set<string>()
    for (const file of files) {
      directories.add(dirname(file))
      try {
        const real = await realpath(file)
        directories.add(dirname(real))
        const { mtimeMs, size, ino } = await stat(real)
        now.set(file, `${real} ${ino} ${size} ${mtimeMs}`)
      } catch {
        now.set(file, '')
      }
    }
    if (closed) return
    if (seen !== undefined && [...now].some(([file, state]) => seen?.get(file) !== state)) dirty = true
    seen = now
    follow(directories)
  }

  const slowly = setInterval(async () => {
    if (looking || calling) return
    looking = true
    try {
      await look()
      if (dirty) notice()
    } finally {
      looking = false
    }
  }, every)
  slowly.unref()

  follow(new Set(files.map(file => dirname(file))))
  const looked = look()

  return {
    looked,
    close() {
      closed = true
      clearInterval(slowly)
      clearTimeout(timer)
      for (const watcher of watchers.values()) watcher.close()
    },
  }
}
